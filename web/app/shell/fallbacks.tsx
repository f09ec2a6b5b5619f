import { Trans, useLingui } from '@lingui/react/macro'
import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { Compass } from 'lucide-react'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { useTitle } from './title'

/** Where nothing is. */
export function NotFound() {
  const { t } = useLingui()
  useTitle(t`Page not found`)
  return (
    <div className="py-10">
      <h1 className="sr-only"><Trans>Page not found</Trans></h1>
      <EmptyState icon={Compass} title={t`There is no page here`} action={<Link to="/" className="inline-flex min-h-11 items-center font-medium text-accent-ink underline underline-offset-4"><Trans>To the map</Trans></Link>}>
        <Trans>The address may be mistyped, or what it showed is gone.</Trans>
      </EmptyState>
    </div>
  )
}

/** A part of the app that a newer version of it no longer has: the files of the old one are gone from the server. */
function isOutdated(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|module script/i.test(error.message)
}

/** Where a page failed. The rest of the app goes on. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const retry = isOutdated(error) ? () => { location.reload(); } : reset
  return <div className="py-10"><ErrorState error={error} retry={retry} /></div>
}

/** While a page's code is on its way. */
export function PagePending() {
  return <div className="mx-auto max-w-6xl py-6"><SkeletonRows rows={8} /></div>
}
