import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { RadioTower, Route } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useFormat } from '@/format/hooks'
import { nameOrder } from '@/format/intl'
import { nodeName } from '@/format/names'
import { Age } from '@/ui/age'
import { Button } from '@/ui/button'
import { NodeName } from '@/ui/node-name'
import { Snr } from '@/ui/snr'
import { Table, Td, Th, Tr } from '@/ui/table'
import type { Place } from './model'

/** How many rows are there at first, and how many come with each further step. */
const ROWS = 50

type Column = 'name' | 'hops' | 'snr' | 'dependents'

const nameOf = (place: Place) => nodeName(place.node ?? { node_id: place.id })

/** Who has no way comes last, however it is sorted by steps. */
const COMPARE: Record<Column, (a: Place, b: Place) => number> = {
  name: (a, b) => nameOrder().compare(nameOf(a), nameOf(b)),
  hops: (a, b) => (a.hops ?? Infinity) - (b.hops ?? Infinity) || nameOrder().compare(nameOf(a), nameOf(b)),
  snr: (a, b) => (a.snr ?? Infinity) - (b.snr ?? Infinity),
  dependents: (a, b) => b.dependents - a.dependents || (a.hops ?? Infinity) - (b.hops ?? Infinity),
}

interface WaysProps {
  readonly places: readonly Place[]
  readonly byId: ReadonlyMap<string, Place>
  readonly chosen: string | undefined
  readonly onChoose: (id: string | undefined) => void
}

/** Every node with its way to a bridge, and who depends on it. */
export function Ways({ places, byId, chosen, onChoose }: WaysProps) {
  const { t } = useLingui()
  const { number } = useFormat()
  const [column, sort] = useState<Column>('dependents')
  const [rows, setRows] = useState(ROWS)
  const sorted = useMemo(() => [...places].sort(COMPARE[column]), [places, column])
  const head = (name: Column) => ({ sorted: column === name ? (name === 'dependents' ? 'descending' as const : 'ascending' as const) : undefined, onSort: () => { sort(name) } })
  return (
    <>
      <Table label={t`Ways to the bridges`}>
        <thead>
          <tr>
            <Th {...head('name')}><Trans>Node</Trans></Th>
            <Th {...head('hops')} align="right"><Trans>Hops to a bridge</Trans></Th>
            <Th><Trans>First over</Trans></Th>
            <Th {...head('snr')} align="right"><Trans>Signal to it</Trans></Th>
            <Th {...head('dependents')} align="right"><Trans>Depend on it</Trans></Th>
            <Th align="right"><Trans>Heard</Trans></Th>
            <Th><span className="sr-only"><Trans>Way</Trans></span></Th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, rows).map((place) => (
            <Tr key={place.id} data-place={place.id} className={place.id === chosen ? 'bg-accent-soft' : ''}>
              <th scope="row" className="max-w-64 px-3 py-1 text-left font-medium">
                <span className="flex items-center gap-1.5">
                  {place.isBridge && <RadioTower role="img" aria-label={t`Radio of a bridge`} className="size-4 shrink-0 text-accent-ink" />}
                  <Link to="/nodes/$id" params={{ id: place.id }} className="inline-flex min-h-11 min-w-0 items-center hover:text-accent-ink"><NodeName node={place.node ?? { node_id: place.id }} /></Link>
                </span>
              </th>
              <Td numeric data-hops>{place.hops === null ? <span className="text-warn"><Trans>no known way</Trans></span> : place.isBridge ? '—' : number(place.hops)}</Td>
              <Td className="max-w-48">{place.next === null ? <span aria-hidden className="text-muted">—</span> : <NodeName node={byId.get(place.next)?.node ?? { node_id: place.next }} />}</Td>
              <Td numeric><Snr value={place.snr} /></Td>
              <Td numeric data-dependents className={place.dependents > 0 ? 'font-semibold text-warn' : 'text-muted'}>{number(place.dependents)}</Td>
              <Td numeric><Age at={place.node?.last_heard} /></Td>
              <Td className="py-1">
                {place.hops !== null && !place.isBridge && (
                  <Button look="quiet" aria-pressed={place.id === chosen} onClick={() => { onChoose(place.id === chosen ? undefined : place.id) }}><Route aria-hidden className="size-4" /><Trans>Show its way</Trans></Button>
                )}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {sorted.length > rows && <div className="border-t border-line p-2 text-center"><Button look="quiet" onClick={() => { setRows(rows + 4 * ROWS) }}><Trans>Show more</Trans></Button></div>}
    </>
  )
}
