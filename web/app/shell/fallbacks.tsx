import { Trans, useLingui } from '@lingui/react/macro'
import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { CloudOff, Compass, RefreshCw } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Unreachable } from '@/api/problem'
import { Button } from '@/ui/button'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { openAnew, PartMissing } from './fetched'
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

/** Where a page failed. The rest of the app goes on. */
export function PageError({ error, reset }: ErrorComponentProps) {
  return <div className="py-10">{error instanceof PartMissing ? <Missing /> : <ErrorState error={error} retry={reset} />}</div>
}

/** How often a server that does not answer is looked for, in milliseconds. */
const LOOK_EVERY = 5_000

/** Where the code of a page did not come. */
function Missing() {
  const { t } = useLingui()
  const [isAway, setAway] = useState(false)
  const again = () => { void openAnew().then((isThere) => { setAway(!isThere) }) }
  useEffect(() => {
    if (!isAway) return undefined
    const timer = window.setInterval(() => { void openAnew() }, LOOK_EVERY)
    return () => { window.clearInterval(timer) }
  }, [isAway])
  if (isAway) return <ErrorState error={new Unreachable()} retry={again} />
  return (
    <EmptyState icon={CloudOff} title={t`This page did not come from the server`} action={<Button onClick={again}><RefreshCw aria-hidden className="size-4" /><Trans>Try again</Trans></Button>}>
      <Trans>The server may be busy, or is starting anew. It was asked several times. What you wrote and did not send yet is kept in this browser.</Trans>
    </EmptyState>
  )
}

/** While a page's code is on its way. */
export function PagePending() {
  return <div className="mx-auto max-w-6xl py-6"><SkeletonRows rows={8} /></div>
}
