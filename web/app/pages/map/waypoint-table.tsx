import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import type { Waypoint } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { Age } from '@/ui/age'
import { Button } from '@/ui/button'
import { Table, Td, Th, Tr } from '@/ui/table'
import { coordinates, said, waypointIcon, waypointName } from './waypoints'

interface WaypointTableProps {
  readonly places: readonly Waypoint[]
  readonly nameOf: (id: string) => string
  readonly selected: number | undefined
  readonly onPick: (id: number) => void
}

/** How many rows are there at first, and come with each press: anybody can mark a thousand places. */
const STEP = 100

/** The marked places of the map as a table. */
export function WaypointTable({ places, nameOf, selected, onPick }: WaypointTableProps) {
  const { t } = useLingui()
  const { dateTime } = useFormat()
  const [most, setMost] = useState(STEP)
  return (
    <section className="border-t border-line pt-3 pb-6">
      <h2 className="px-3 pb-1 text-sm font-semibold"><Trans>Marked places</Trans></h2>
      <Table label={t`Marked places`}>
        <thead>
          <tr><Th>{t`Name`}</Th><Th>{t`What is said of it`}</Th><Th>{t`Told of by`}</Th><Th align="right">{t`Told`}</Th><Th align="right">{t`Counts until`}</Th><Th align="right">{t`Place`}</Th></tr>
        </thead>
        <tbody>
          {places.slice(0, most).map((place) => (
            <Tr key={place.id} data-waypoint={place.id} className={place.id === selected ? 'bg-accent-soft' : ''}>
              <Td className="min-w-40">
                <button type="button" onClick={() => { onPick(place.id) }} className="flex min-h-9 items-center gap-1.5 text-left font-medium hover:underline">
                  <span aria-hidden className="w-6 shrink-0 overflow-hidden text-center">{waypointIcon(place)}</span>
                  <bdi className="foreign line-clamp-1 break-all">{waypointName(place, t`Marked place`)}</bdi>
                </button>
              </Td>
              <Td className="min-w-48"><span className="foreign line-clamp-3 break-words">{place.description == null ? '—' : said(place.description)}</span></Td>
              <Td><bdi className="foreign line-clamp-1 break-all">{nameOf(place.node_id)}</bdi></Td>
              <Td numeric><Age at={place.at} /></Td>
              <Td numeric>{place.expires_at == null ? <Trans>it is taken away</Trans> : dateTime(parseTime(place.expires_at) ?? 0)}</Td>
              <Td numeric className="text-muted">{coordinates(place)}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {places.length > most && <Button className="mx-3 mt-2" onClick={() => { setMost(most + STEP) }}><Trans>Show more</Trans></Button>}
    </section>
  )
}
