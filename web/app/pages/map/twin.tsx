import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useMemo, useState } from 'react'
import { useFormat } from '@/format/hooks'
import { nameOrder } from '@/format/intl'
import { parseTime } from '@/format/time'
import type { Quantity } from '@/format/quantities'
import { Age } from '@/ui/age'
import { Button } from '@/ui/button'
import { NodeName } from '@/ui/node-name'
import { EmptyState } from '@/ui/states'
import { Table, Td, Th, Tr } from '@/ui/table'
import { Value } from '@/ui/value'
import { KindIcon, useKindName } from './kind'
import { EXPECTED, find, type Shown } from './model'
import { useWindWords } from './words'

interface TwinProps {
  readonly shown: readonly Shown[]
  readonly quantity: Quantity
  /** Text that names have to fit. */
  readonly wanted: string
  readonly isLive: boolean
  readonly selected: string | undefined
  readonly onPick: (id: string) => void
}

type Column = 'name' | 'kind' | 'value' | 'age' | 'wind' | 'heard'
const STEP = 150

/** By what a row is sorted in a column; nothing comes last, whichever way. */
const KEYS: Record<Column, (row: Shown) => string | number | null> = {
  name: (row) => row.name.toLowerCase(),
  kind: (row) => ({ station: 0, bridge: 1, node: 2 })[row.kind],
  value: (row) => row.value,
  age: (row) => (row.at === null ? null : -row.at),
  wind: (row) => row.wind?.speed ?? null,
  heard: (row) => -(parseTime(row.node.last_heard) ?? 0),
}

/** The map as a table: the same nodes, values and time, for who does not see the map, and where none can be drawn. */
export function Twin({ shown, quantity, wanted, isLive, selected, onPick }: TwinProps) {
  const { t } = useLingui()
  const { label, locale } = useFormat()
  const kindName = useKindName()
  const windWords = useWindWords()
  const [sort, setSort] = useState<{ by: Column; isDown: boolean }>({ by: 'kind', isDown: false })
  const [most, setMost] = useState(STEP)
  const rows = useMemo(() => {
    const found = wanted.trim() === '' ? null : new Set(find(shown.map(({ node }) => node), wanted, shown.length).map((node) => node.node_id))
    const key = KEYS[sort.by]
    const collator = nameOrder(locale)
    const compare = (a: Shown, b: Shown) => {
      const [x, y] = [key(a), key(b)]
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1
      const order = typeof x === 'string' || typeof y === 'string' ? collator.compare(String(x), String(y)) : x - y
      return sort.isDown ? -order : order
    }
    return shown.filter(({ node }) => found === null || found.has(node.node_id)).sort((a, b) => compare(a, b) || collator.compare(a.name, b.name))
  }, [shown, wanted, sort, locale])
  const head = (by: Column, title: string, align: 'left' | 'right' = 'left') => (
    <Th
      align={align} sorted={sort.by === by ? (sort.isDown ? 'descending' : 'ascending') : undefined}
      onSort={() => { setSort({ by, isDown: sort.by === by ? !sort.isDown : by === 'value' || by === 'wind' }) }}
    >
      {title}
    </Th>
  )
  if (rows.length === 0) return <EmptyState title={wanted.trim() === '' ? t`No node has been heard yet` : t`No node is called so`} />
  return (
    <div className="pb-4">
      <Table label={t`Nodes of the map`}>
        <thead>
          <tr>
            {head('name', t`Name`)}{head('kind', t`Type`)}{head('value', label(quantity), 'right')}
            {isLive && head('age', t`Measured`, 'right')}{head('wind', t`Wind`)}{head('heard', t`Last heard`, 'right')}
            <Th align="right">{t`Place`}</Th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map(({ node, value, at, wind }) => (
            <Tr key={node.node_id} data-node={node.node_id} className={node.node_id === selected ? 'bg-accent-soft' : ''}>
              <Td className="min-w-40"><button type="button" onClick={() => { onPick(node.node_id) }} className="block min-h-9 text-left font-medium hover:underline"><NodeName node={node} /></button></Td>
              <Td><span className="inline-flex items-center gap-1.5 whitespace-nowrap"><KindIcon node={node} /><span aria-hidden>{kindName(node)}</span></span></Td>
              <Td numeric><Value quantity={quantity} value={value} className="font-medium" /></Td>
              {isLive && <Td numeric>{at === null ? '—' : <Age at={new Date(at).toISOString()} expected={EXPECTED} />}</Td>}
              <Td className="whitespace-nowrap">{windWords(wind)}</Td>
              <Td numeric><Age at={node.last_heard} /></Td>
              <Td numeric className="text-muted">{node.position == null ? '—' : `${node.position.latitude.toFixed(2)}, ${node.position.longitude.toFixed(2)}`}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      <p className="px-3 pt-3 text-sm text-muted" role="status">
        <Plural value={rows.length} one="# node" other="# nodes" />
        {rows.length > most && <> · <Trans>the first {most} are shown</Trans></>}
      </p>
      {rows.length > most && <Button className="mx-3 mt-2" onClick={() => { setMost(most + STEP) }}><Trans>Show more</Trans></Button>}
    </div>
  )
}
