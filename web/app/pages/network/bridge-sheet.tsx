import { useLingui } from '@lingui/react'
import { Trans, useLingui as useTexts } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Bridge, BridgePage } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { Badge } from '@/ui/badge'
import { Meter } from '@/ui/meter'
import { Sheet } from '@/ui/sheet'
import { present } from './bridges'
import { Since } from './since'
import { stateLook } from './words'

/** From which share of its time on a channel is full: firmware holds back its own telemetry at 25 %. */
const BUSY = 25
const FULL = 40

interface BridgeSheetProps {
  readonly page: BridgePage | undefined
  readonly id: string | undefined
  readonly now: number
  readonly onClose: () => void
}

/** The particulars of one bridge. */
export function BridgeSheet({ page, id, now, onClose }: BridgeSheetProps) {
  const { t } = useTexts()
  const bridge = page?.data.find((known) => known.bridge_id === id)
  const isMissing = page !== undefined && id !== undefined && bridge === undefined
  return (
    <Sheet open={id !== undefined && page !== undefined} onClose={onClose} title={id ?? t`Bridge`}>
      {isMissing && <p className="text-sm text-muted"><Trans>There is no bridge of this name.</Trans></p>}
      {page !== undefined && bridge !== undefined && <Particulars bridge={bridge} page={page} now={now} />}
    </Sheet>
  )
}

function Particulars({ bridge, page, now }: { readonly bridge: Bridge; readonly page: BridgePage; readonly now: number }) {
  const { i18n } = useLingui()
  const { number, duration } = useFormat()
  const look = stateLook(present(bridge, page, now).state)
  const { radio, spool, queues } = bridge
  const air = radio?.air ?? undefined
  const used = bridge.airtime?.used_pct ?? 0
  // Where the law sets no limit there is none to come near to.
  const allowed = bridge.airtime?.allowed_pct == null || bridge.airtime.allowed_pct >= 100 ? null : bridge.airtime.allowed_pct
  return (
    <div className="flex flex-col gap-6">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Badge tone={look.tone} icon={look.icon}>{i18n._(look.title)}</Badge>
        {bridge.gone_since != null && <span className="text-sm text-muted"><Trans>last word <Since at={bridge.gone_since} now={now} /></Trans></span>}
      </div>
      <Facts title={<Trans>Bridge</Trans>}>
        <Fact label={<Trans>Last status</Trans>}>{bridge.status_at == null ? <Trans>never</Trans> : <Since at={bridge.status_at} now={now} />}</Fact>
        <Fact label={<Trans>Last sign of life</Trans>}>{bridge.last_seen_at == null ? <Trans>never</Trans> : <Since at={bridge.last_seen_at} now={now} />}</Fact>
        <Fact label={<Trans>Version</Trans>}>{bridge.version == null ? null : <bdi className="foreign">{bridge.version}</bdi>}</Fact>
        <Fact label={<Trans>Ran for</Trans>}>{bridge.uptime_s == null ? null : duration(bridge.uptime_s * 1000)}</Fact>
      </Facts>
      {radio != null && (
        <Facts title={<Trans>Radio</Trans>}>
          <Fact label={<Trans>Node</Trans>}>
            {radio.node_id == null ? null : <Link to="/nodes/$id" params={{ id: radio.node_id }} className="font-mono text-accent-ink underline underline-offset-2">{radio.node_id}</Link>}
          </Fact>
          <Fact label={<Trans>Firmware</Trans>}>{radio.firmware == null ? null : <bdi className="foreign">{radio.firmware}</bdi>}</Fact>
          <Fact label={<Trans>Region</Trans>}>{radio.region == null ? null : <bdi className="foreign">{radio.region}</bdi>}</Fact>
          <Fact label={<Trans>Preset</Trans>}>{radio.modem_preset == null ? null : <bdi className="foreign">{radio.modem_preset}</bdi>}</Fact>
          {air !== undefined && <Fact label={<Trans>Nodes heard in two hours</Trans>}>{number(air.nodes_online)}</Fact>}
          {air?.noise_floor_dbm != null && <Fact label={<Trans>Noise</Trans>}>{`${number(air.noise_floor_dbm)}\u202fdBm`}</Fact>}
        </Facts>
      )}
      {air !== undefined && (
        <div className="flex flex-col gap-3">
          <Meter
            label={<Trans>Channel in use</Trans>} value={air.channel_utilization_pct} max={100} words={`${number(air.channel_utilization_pct, 1)} %`}
            tone={air.channel_utilization_pct >= FULL ? 'bad' : air.channel_utilization_pct >= BUSY ? 'warn' : 'good'}
          />
          {allowed === null && <Meter label={<Trans>Sends in an hour</Trans>} value={air.air_util_tx_pct} max={10} words={`${number(air.air_util_tx_pct, 1)} %`} tone={air.air_util_tx_pct >= 8 ? 'warn' : 'good'} />}
          <p className="text-xs text-muted"><Trans>as its radio said <Since at={air.at} now={now} /></Trans></p>
        </div>
      )}
      {allowed !== null && (
        <Meter
          label={<Trans>Sent in the last hour, of what the law allows</Trans>} value={used} max={allowed} words={`${number(used, 1)} % / ${number(allowed)} %`}
          tone={used >= allowed ? 'bad' : used >= 0.8 * allowed ? 'warn' : 'good'}
        />
      )}
      {queues != null && (
        <Facts title={<Trans>What waits</Trans>}>
          <Fact label={<Trans>readings to the server</Trans>}><Depth {...queues.ingest} /></Fact>
          <Fact label={<Trans>texts to the server</Trans>}><Depth {...queues.gateway} /></Fact>
          <Fact label={<Trans>texts to the radio</Trans>}><Depth {...queues.outbound} /></Fact>
        </Facts>
      )}
      {spool != null && (
        <Facts title={<Trans>Since it started</Trans>}>
          <Fact label={<Trans>Packets heard</Trans>}>{number(spool.packets)}</Fact>
          <Fact label={<Trans>Records written</Trans>}>{number(spool.spooled)}</Fact>
          <Fact label={<Trans>Records the server has</Trans>}>{number(spool.committed)}</Fact>
          <Fact label={<Trans>Records refused</Trans>}>{number(spool.rejected)}</Fact>
          <Fact label={<Trans>Given up, store full</Trans>}>{number(spool.dropped)}</Fact>
          <Fact label={<Trans>Lost, not written</Trans>}>{number(spool.lost)}</Fact>
        </Facts>
      )}
    </div>
  )
}

function Depth({ waiting, in_flight: underWay }: { readonly waiting: number; readonly in_flight: number }) {
  const { number } = useFormat()
  if (underWay === 0) return number(waiting)
  return <Trans>{number(waiting)}, of which {number(underWay)} under way</Trans>
}

function Facts({ title, children }: { readonly title: ReactNode; readonly children: ReactNode }) {
  return (
    <section>
      <h3 className="mb-1 text-sm font-semibold">{title}</h3>
      <dl className="text-sm">{children}</dl>
    </section>
  )
}

/** A line that is left out when there is nothing to say. */
function Fact({ label, children }: { readonly label: ReactNode; readonly children: ReactNode }) {
  if (children === null) return null
  return (
    <div className="flex items-baseline justify-between gap-4 border-t border-line py-1.5 first:border-t-0">
      <dt className="text-muted">{label}</dt>
      <dd className="tabular min-w-0 text-right break-words">{children}</dd>
    </div>
  )
}
