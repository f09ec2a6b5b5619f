import { ArrowDown, ArrowUp, ArrowUpDown } from 'lucide-react'
import type { HTMLAttributes, ReactNode, TdHTMLAttributes } from 'react'
import { cx } from './cx'

/** A table that scrolls sideways in its own frame, which the keyboard reaches too. */
export function Table({ label, children, className }: { readonly label: string; readonly children: ReactNode; readonly className?: string }) {
  return (
    // A region that scrolls has to be reached by the keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div role="region" aria-label={label} tabIndex={0} className={cx('overflow-x-auto focus-visible:-outline-offset-2', className)}>
      <table className="w-full border-collapse text-sm">{children}</table>
    </div>
  )
}

interface ThProps {
  readonly children: ReactNode
  readonly align?: 'left' | 'right'
  /** How the table is sorted by this column; without `onSort` it cannot be. */
  readonly sorted?: 'ascending' | 'descending' | undefined
  readonly onSort?: (() => void) | undefined
  readonly className?: string
}

/** The head of a column, by which the table can be sorted. */
export function Th({ children, align = 'left', sorted, onSort, className }: ThProps) {
  const Icon = sorted === 'ascending' ? ArrowUp : sorted === 'descending' ? ArrowDown : ArrowUpDown
  const side = align === 'right' ? 'justify-end text-right' : 'text-left'
  return (
    <th scope="col" aria-sort={sorted} className={cx('sticky top-0 bg-surface text-xs font-medium whitespace-nowrap text-muted', onSort === undefined && 'px-3 py-2', side, className)}>
      {onSort === undefined ? children : (
        <button type="button" onClick={onSort} className={cx('flex min-h-11 w-full items-center gap-1 px-3 hover:text-ink focus-visible:-outline-offset-2', side, sorted !== undefined && 'text-ink')}>
          {children}
          <Icon aria-hidden className={cx('size-3.5 shrink-0', sorted === undefined && 'opacity-40')} />
        </button>
      )}
    </th>
  )
}

export function Tr({ className, ...rest }: HTMLAttributes<HTMLTableRowElement>) {
  return <tr className={cx('border-t border-line', className)} {...rest} />
}

interface TdProps extends TdHTMLAttributes<HTMLTableCellElement> {
  readonly numeric?: boolean
}

export function Td({ numeric = false, className, ...rest }: TdProps) {
  return <td className={cx('px-3 py-2.5 align-middle', numeric && 'tabular text-right whitespace-nowrap', className)} {...rest} />
}
