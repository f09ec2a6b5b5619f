import { Trans, useLingui } from '@lingui/react/macro'
import { useFormat } from '@/format/hooks'
import { Table, Td, Th, Tr } from '@/ui/table'
import { EmptyState } from '@/ui/states'
import type { SeriesData } from './frame'
import { formOf } from './panels'
import type { Range } from './range'

/** More rows than these are shown at a longer step, by whoever asks. */
const MOST_ROWS = 250

/** The same as the charts, in figures: the newest first. */
export function SeriesTable({ data, names, range }: { readonly data: SeriesData; readonly names: readonly string[]; readonly range: Range }) {
  const { t } = useLingui()
  const { label, dateTime, text, quantity } = useFormat()
  const width = (data.interval_s ?? 0) * 1000
  const rows = data.at
    .map((at, index) => ({ at: Date.parse(at), index }))
    .filter(({ at }) => at + width >= range.from && at <= range.to)
    .reverse()
  if (rows.length === 0) return <EmptyState title={t`Nothing was measured in this time.`} />
  const cell = (name: string, index: number) => {
    const column = data.metrics[name]
    const [value, least, greatest] = [column?.value[index], column?.min?.[index], column?.max?.[index]]
    if (value == null) return <span className="text-muted">—</span>
    return (
      <>
        {text(name, value)}
        {least != null && greatest != null && least !== greatest && formOf(name) === 'line' && (
          <span className="block text-xs text-muted">{quantity(name, least)?.text} … {quantity(name, greatest)?.text}</span>
        )}
      </>
    )
  }
  return (
    <Table label={t`Measured values`} className="max-h-[34rem] overflow-y-auto rounded-lg border border-line">
      <thead>
        <tr>
          <Th>{width > 0 ? t`From` : t`Time`}</Th>
          {names.map((name) => <Th key={name} align="right">{label(name)}</Th>)}
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, MOST_ROWS).map(({ at, index }) => (
          <Tr key={at}>
            <th scope="row" className="tabular px-3 py-2 text-left font-normal whitespace-nowrap">{dateTime(at)}</th>
            {names.map((name) => <Td key={name} numeric className="py-2">{cell(name, index)}</Td>)}
          </Tr>
        ))}
        {rows.length > MOST_ROWS && <Tr><Td colSpan={names.length + 1} className="text-muted"><Trans>Earlier rows are left out; look closer, or download the table.</Trans></Td></Tr>}
      </tbody>
    </Table>
  )
}
