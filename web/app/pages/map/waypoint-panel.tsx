import { Trans, useLingui } from '@lingui/react/macro'
import { MapPin } from 'lucide-react'
import type { Waypoint } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { Age } from '@/ui/age'
import { SidePanel } from './side-panel'
import { coordinates, said, waypointIcon, waypointName } from './waypoints'

interface WaypointPanelProps {
  readonly place: Waypoint
  readonly nameOf: (id: string) => string
  readonly onClose: () => void
  readonly onShow: () => void
  readonly onPick: (node: string) => void
}

/** What is said of a place that somebody marked, who said so, and how long it counts. */
export function WaypointPanel({ place, nameOf, onClose, onShow, onPick }: WaypointPanelProps) {
  const { t } = useLingui()
  const { dateTime } = useFormat()
  const icon = waypointIcon(place)
  const by = (id: string) => <button type="button" onClick={() => { onPick(id) }} className="foreign min-h-6 max-w-full truncate text-accent-ink hover:underline">{nameOf(id)}</button>
  return (
    <SidePanel
      label={t`Selected place`} about={String(place.id)} contents={t`What is said of it`} onClose={onClose} onShow={onShow}
      title={<>{icon !== '' && <span aria-hidden className="mr-1.5 inline-block max-w-8 overflow-hidden align-bottom">{icon}</span>}<bdi className="foreign">{waypointName(place, t`Marked place`)}</bdi></>}
      lead={<><MapPin aria-hidden className="size-3.5" /><Trans>Marked place</Trans></>}
    >
      {place.description != null && <p className="foreign mb-3 rounded-lg bg-sunken px-3 py-2 break-words whitespace-pre-wrap">{said(place.description)}</p>}
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1 text-muted">
        <dt><Trans>Place</Trans></dt><dd className="tabular text-right text-ink select-all">{coordinates(place)}</dd>
        <dt><Trans>Counts until</Trans></dt><dd className="text-right text-ink">{place.expires_at == null ? <Trans>it is taken away</Trans> : dateTime(parseTime(place.expires_at) ?? 0)}</dd>
        <dt><Trans>Told of by</Trans></dt><dd className="text-right">{by(place.node_id)}</dd>
        <dt><Trans>Told</Trans></dt><dd className="text-right text-ink"><Age at={place.at} /></dd>
        <dt><Trans>Can be changed by</Trans></dt><dd className="text-right">{place.locked_to == null ? <Trans>everybody</Trans> : by(place.locked_to)}</dd>
      </dl>
      <p className="mt-3 text-xs text-muted"><Trans>Anybody on a public channel can mark a place. Nobody has checked it.</Trans></p>
    </SidePanel>
  )
}
