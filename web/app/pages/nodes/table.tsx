import { useLingui } from '@lingui/react/macro'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useRef } from 'react'
import { Th } from '@/ui/table'
import { cx } from '@/ui/cx'
import { Cell } from './cells'
import type { ColumnName } from './columns'
import { useColumnTitles } from './titles'
import type { Row } from './model'

const ROW = 48

/** The columns that hold figures stand right. */
const FIGURES = new Set<ColumnName>(['battery', 'snr', 'hops', 'position'])
const WIDTHS: Partial<Record<ColumnName, string>> = { name: 'w-[22%] min-w-56', hardware: 'w-[11%]', role: 'w-[10%]', bridges: 'w-[10%]' }

interface NodeTableProps {
  readonly rows: readonly Row[]
  readonly columns: readonly ColumnName[]
  readonly sort: ColumnName
  readonly isDescending: boolean
  readonly onSort: (column: ColumnName) => void
}

/** A table of which only what can be seen is there: thousands of rows scroll as tens do. */
export function NodeTable({ rows, columns, sort, isDescending, onSort }: NodeTableProps) {
  const { t } = useLingui()
  const titles = useColumnTitles()
  const frame = useRef<HTMLDivElement>(null)
  // The rows it gives are drawn in this very component, which is what the rule is about.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => ROW, overscan: 8 })
  const items = virtual.getVirtualItems()
  const before = items[0]?.start ?? 0
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0)
  return (
    // A region that scrolls has to be reached by the keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div ref={frame} role="region" aria-label={t`Nodes`} tabIndex={0} className="min-h-0 flex-1 overflow-auto rounded-xl border border-line bg-surface shadow-card focus-visible:-outline-offset-2">
      <table aria-rowcount={rows.length + 1} className="w-full border-separate border-spacing-0 text-sm">
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Th
                key={column} align={FIGURES.has(column) ? 'right' : 'left'} className={cx('z-10 border-b border-line', WIDTHS[column])}
                sorted={sort === column ? (isDescending ? 'descending' : 'ascending') : undefined} onSort={() => { onSort(column) }}
              >
                {titles[column]}
              </Th>
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <tr aria-hidden style={{ height: before }} />}
          {items.map((item) => {
            const row = rows[item.index]
            return row === undefined ? null : (
              <tr key={row.node.node_id} data-node={row.node.node_id} aria-rowindex={item.index + 2} style={{ height: ROW }} className="relative hover:bg-sunken/60 focus-within:bg-sunken/60">
                {columns.map((column) => (
                  <td key={column} data-column={column} className={cx('max-w-64 border-b border-line px-3 align-middle', FIGURES.has(column) && 'tabular text-right')}>
                    <Cell row={row} column={column} />
                  </td>
                ))}
              </tr>
            )
          })}
          {after > 0 && <tr aria-hidden style={{ height: after }} />}
        </tbody>
      </table>
    </div>
  )
}
