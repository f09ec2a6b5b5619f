import { Trans } from '@lingui/react/macro'
import { useLingui } from '@lingui/react'
import { ArrowRight, Lock } from 'lucide-react'
import type { Packet } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import type { Named } from '@/format/names'
import { parseTime } from '@/format/time'
import { Badge } from '@/ui/badge'
import { NodeName } from '@/ui/node-name'
import { Snr } from '@/ui/snr'
import { pairsOf, PORTS, WITHHELD } from './words'

const EVERYBODY = '!ffffffff'

export function Port({ packet }: { readonly packet: Packet }) {
  const { i18n } = useLingui()
  if (packet.port == null) return <Trans>unknown port</Trans>
  const name = packet.port_name ?? String(packet.port)
  const words = PORTS[name]
  return <>{words === undefined ? name.replaceAll('_', ' ') : i18n._(words)}</>
}

export function Whom({ id, named }: { readonly id: string | null | undefined; readonly named: (id: string) => Named }) {
  if (id == null) return <span className="text-muted">—</span>
  return id === EVERYBODY ? <span className="text-muted"><Trans>everybody</Trans></span> : <NodeName node={named(id)} />
}

interface PacketRowProps {
  readonly packet: Packet
  readonly named: (id: string) => Named
  readonly onOpen: () => void
}

/** One packet in the list: when, who to whom, what about, and how it was heard. */
export function PacketRow({ packet, named, onOpen }: PacketRowProps) {
  const { i18n } = useLingui()
  const { second, number } = useFormat()
  const withheld = packet.withheld == null ? undefined : WITHHELD[packet.withheld]
  return (
    <li data-packet={packet.id} className="relative grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-1 border-b border-line px-4 py-2.5 text-sm last:border-b-0 hover:bg-sunken/60 sm:grid-cols-[5rem_minmax(0,14rem)_minmax(0,1fr)_auto]">
      <time dateTime={packet.at} className="tabular text-muted max-sm:order-2 max-sm:text-right">{second(parseTime(packet.at) ?? 0)}</time>
      <button type="button" onClick={onOpen} className="flex min-h-6 min-w-0 items-center gap-1.5 text-left font-medium after:absolute after:inset-0 focus-visible:-outline-offset-2 max-sm:order-1">
        <NodeName node={named(packet.from_node_id)} />
        <ArrowRight aria-hidden className="size-3.5 shrink-0 text-muted" />
        <Whom id={packet.to_node_id} named={named} />
      </button>
      <span className="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-1 max-sm:order-3 max-sm:col-span-2">
        <Badge>{<Port packet={packet} />}</Badge>
        {withheld !== undefined && <span className="inline-flex items-center gap-1 text-xs text-muted"><Lock aria-hidden className="size-3.5 shrink-0" />{i18n._(withheld)}</span>}
        <span className="foreign line-clamp-1 min-w-0 text-xs text-muted [overflow-wrap:anywhere]">
          {pairsOf(packet.fields, 4).map(({ name, value }) => <span key={name} className="mr-2">{name} <bdi className="text-ink">{value}</bdi></span>)}
        </span>
      </span>
      <span className="flex items-center justify-end gap-3 text-xs text-muted max-sm:order-4 max-sm:col-span-2 max-sm:justify-start">
        <span>{packet.gateway}{packet.receptions > 1 && <span className="tabular"> ×{number(packet.receptions)}</span>}</span>
        <Snr value={packet.snr_db} />
      </span>
    </li>
  )
}
