import type { ReactNode } from 'react'
import { cx } from './cx'

interface CardProps {
  readonly title?: ReactNode
  /** What stands at the right of the title. */
  readonly aside?: ReactNode
  readonly children: ReactNode
  readonly className?: string
  /** Without space around its content: for tables and lists that reach the edge. */
  readonly flush?: boolean
}

/** A ground that holds what belongs together, with a heading of the second level. */
export function Card({ title, aside, children, className, flush = false }: CardProps) {
  return (
    <section className={cx('rounded-xl border border-line bg-surface shadow-card', className)}>
      {title !== undefined && (
        <header className="flex min-h-12 items-center justify-between gap-3 px-4 pt-2">
          <h2 className="text-sm font-semibold">{title}</h2>
          {aside}
        </header>
      )}
      <div className={flush ? 'overflow-hidden rounded-b-xl' : 'px-4 pt-2 pb-4'}>{children}</div>
    </section>
  )
}
