import { Trans, useLingui } from '@lingui/react/macro'
import { CloudOff, type LucideIcon, RefreshCw, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { Problem, Unreachable } from '@/api/problem'
import { Button } from './button'
import { cx } from './cx'

interface EmptyStateProps {
  readonly icon?: LucideIcon
  readonly title: ReactNode
  /** What to do, or why there is nothing. */
  readonly children?: ReactNode
  readonly action?: ReactNode
}

/** Says that there is nothing, why, and what to do. */
export function EmptyState({ icon: Icon, title, children, action }: EmptyStateProps) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-2 px-6 py-12 text-center">
      {Icon !== undefined && <span className="mb-1 grid size-12 place-items-center rounded-full bg-sunken text-muted"><Icon aria-hidden className="size-6" /></span>}
      <p className="font-semibold">{title}</p>
      {children !== undefined && <div className="text-sm text-muted">{children}</div>}
      {action !== undefined && <div className="mt-2">{action}</div>}
    </div>
  )
}

/** Says what went wrong in words for a person, and offers to try again. */
export function ErrorState({ error, retry }: { readonly error: unknown; readonly retry?: (() => void) | undefined }) {
  const { t } = useLingui()
  const action = retry === undefined ? undefined : <Button onClick={retry}><RefreshCw aria-hidden className="size-4" /><Trans>Try again</Trans></Button>
  if (error instanceof Unreachable) {
    return <EmptyState icon={CloudOff} title={t`The server cannot be reached`} action={action}><Trans>The radio mesh goes on without it. This page tries again by itself.</Trans></EmptyState>
  }
  if (error instanceof Problem) {
    const id = error.body.request_id
    return (
      <EmptyState icon={TriangleAlert} title={error.body.title} action={action}>
        <p className="foreign">{error.body.detail}</p>
        {id !== undefined && error.status >= 500 && <p className="mt-1 text-xs"><Trans>The server's log knows this as <code>{id}</code>.</Trans></p>}
      </EmptyState>
    )
  }
  return <EmptyState icon={TriangleAlert} title={t`Something went wrong on this page`} action={action}><Trans>If it happens again, please tell who runs this server.</Trans></EmptyState>
}

/** A place where something will be. Give it the size of what comes. */
export function Skeleton({ className }: { readonly className?: string }) {
  return <span aria-hidden className={cx('shimmer block rounded-md', className)} />
}

/** Some lines that will be a list. */
export function SkeletonRows({ rows = 6 }: { readonly rows?: number }) {
  return (
    <div role="status" className="flex flex-col gap-3 p-4">
      <span className="sr-only"><Trans>Loading…</Trans></span>
      {Array.from({ length: rows }, (_, row) => <Skeleton key={row} className={cx('h-5', row % 3 === 2 ? 'w-2/3' : 'w-full')} />)}
    </div>
  )
}
