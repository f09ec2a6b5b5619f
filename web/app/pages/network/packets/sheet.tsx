import { Plural, Trans } from '@lingui/react/macro'
import { useLingui } from '@lingui/react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useFormat } from '@/format/hooks'
import type { Named } from '@/format/names'
import { parseTime } from '@/format/time'
import { NodeName } from '@/ui/node-name'
import { Sheet } from '@/ui/sheet'
import { Snr } from '@/ui/snr'
import { ErrorState, SkeletonRows } from '@/ui/states'
import { packetQuery } from './data'
import { Port, Whom } from './row'
import { pairsOf, WITHHELD } from './words'

interface PacketSheetProps {
  readonly id: number | undefined
  readonly named: (id: string) => Named
  readonly onClose: () => void
}

/** All that is known of one packet, and who heard it. */
export function PacketSheet({ id, named, onClose }: PacketSheetProps) {
  return <Sheet open={id !== undefined} onClose={onClose} title={<Trans>Packet</Trans>}>{id !== undefined && <All id={id} named={named} />}</Sheet>
}

function Row({ name, children }: { readonly name: ReactNode; readonly children: ReactNode }) {
  return <><dt className="text-muted">{name}</dt><dd className="min-w-0 text-right font-medium">{children}</dd></>
}

function All({ id, named }: { readonly id: number; readonly named: (id: string) => Named }) {
  const { i18n } = useLingui()
  const { dateTime, bytes } = useFormat()
  const { data, error, refetch } = useQuery(packetQuery(id))
  if (data === undefined) return error === null ? <SkeletonRows rows={8} /> : <ErrorState error={error} retry={() => { void refetch() }} />
  const withheld = data.withheld == null ? undefined : WITHHELD[data.withheld]
  const pairs = pairsOf(data.fields, 100)
  return (
    <div className="flex flex-col gap-5 text-sm" data-testid="packet">
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5">
        <Row name={<Trans>Heard</Trans>}>{dateTime(parseTime(data.at) ?? 0)}</Row>
        <Row name={<Trans>From</Trans>}><Link to="/nodes/$id" params={{ id: data.from_node_id }} className="hover:text-accent-ink"><NodeName node={named(data.from_node_id)} withId /></Link></Row>
        <Row name={<Trans>To</Trans>}><Whom id={data.to_node_id} named={named} /></Row>
        <Row name={<Trans>Port</Trans>}><Port packet={data} /></Row>
        {data.channel != null && <Row name={<Trans>Channel</Trans>}><bdi className="foreign">{data.channel}</bdi></Row>}
        <Row name={<Trans>Its id</Trans>}><code>{data.packet_id.toString(16).padStart(8, '0')}</code></Row>
        {data.bytes != null && <Row name={<Trans>Payload</Trans>}>{bytes(data.bytes)}</Row>}
        <Row name={<Trans>Told of</Trans>}><Plural value={data.receptions} one="# time" other="# times" /></Row>
      </dl>
      {withheld !== undefined && <p className="rounded-lg bg-sunken px-3 py-2">{i18n._(withheld)}</p>}
      {pairs.length > 0 && (
        <section>
          <h3 className="mb-1 font-semibold"><Trans>What it says</Trans></h3>
          <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 rounded-lg bg-sunken px-3 py-2 text-xs">
            {pairs.map(({ name, value }) => <Row key={name} name={<span className="foreign break-all">{name}</span>}><bdi dir="auto" className="foreign [overflow-wrap:anywhere]">{value}</bdi></Row>)}
          </dl>
        </section>
      )}
      <section>
        <h3 className="mb-1 font-semibold"><Trans>Who heard it</Trans></h3>
        <ul role="list" className="divide-y divide-line">
          {data.heard_by.map((heard, index) => (
            <li key={index} className="flex flex-wrap items-center justify-between gap-x-3 gap-y-0.5 py-1.5">
              <span className="foreign font-medium">{heard.gateway}</span>
              <span className="flex items-center gap-3 text-xs text-muted">
                {heard.via_mqtt && <Trans>over MQTT</Trans>}
                {heard.hops_away != null && (heard.hops_away === 0 ? <Trans>direct</Trans> : <Plural value={heard.hops_away} one="over # relay" other="over # relays" />)}
                {heard.relay != null && <Trans>last by …{heard.relay}</Trans>}
                <Snr value={heard.snr_db} />
              </span>
            </li>
          ))}
        </ul>
      </section>
    </div>
  )
}
