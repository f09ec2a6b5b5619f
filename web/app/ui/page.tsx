import type { ReactNode } from 'react'
import { useTitle } from '@/shell/title'
import { cx } from './cx'

interface PageProps {
  readonly title: string
  /** What stands beside the title: a count, a search field, buttons. */
  readonly aside?: ReactNode
  readonly lead?: ReactNode
  readonly children: ReactNode
  /** As wide as the window, for tables of many columns. */
  readonly wide?: boolean
}

/** A page that scrolls: its heading, its title in the browser, and room around. Map and chat fill the window instead. */
export function Page({ title, aside, lead, children, wide = false }: PageProps) {
  useTitle(title)
  return (
    <div className={cx('mx-auto w-full px-4 py-5 sm:px-6 sm:py-7', wide ? 'max-w-[110rem]' : 'max-w-6xl')}>
      <div className="mb-5 flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="foreign text-2xl font-semibold tracking-tight">{title}</h1>
          {lead !== undefined && <div className="mt-0.5 text-sm text-muted">{lead}</div>}
        </div>
        {aside}
      </div>
      {children}
    </div>
  )
}
