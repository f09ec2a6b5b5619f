import { Trans, useLingui } from '@lingui/react/macro'
import type { ReactNode } from 'react'
import type { HostStats, NodeDetail, RadioStats, TrafficStats } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { Age } from '@/ui/age'
import { Card } from '@/ui/card'
import { Fact, Facts } from './about'

/** What a node counts of itself, each as one account with its own time: the radio, the computer under it, its traffic management. */
export function Counters({ node }: { readonly node: NodeDetail }) {
  const { t } = useLingui()
  return (
    <>
      {node.radio_stats != null && <Account title={t`What its radio counts`} at={node.radio_stats.at}><Radio stats={node.radio_stats} /></Account>}
      {node.host_stats != null && <Account title={t`The computer it runs on`} at={node.host_stats.at}><Host stats={node.host_stats} /></Account>}
      {node.traffic_stats != null && <Account title={t`What its traffic management did`} at={node.traffic_stats.at}><Traffic stats={node.traffic_stats} /></Account>}
    </>
  )
}

function Account({ title, at, children }: { readonly title: string; readonly at: string; readonly children: ReactNode }) {
  return <Card title={title} aside={<Age at={at} className="text-xs" />}><Facts>{children}</Facts></Card>
}

function Count({ name, value }: { readonly name: ReactNode; readonly value: number }) {
  const { number } = useFormat()
  return <Fact name={name}><span className="tabular">{number(value)}</span></Fact>
}

function Radio({ stats }: { readonly stats: RadioStats }) {
  const { number, duration, bytes } = useFormat()
  return (
    <>
      <Fact name={<Trans>Running for</Trans>}>{duration(stats.uptime_s * 1000)}</Fact>
      <Count name={<Trans>Packets sent</Trans>} value={stats.packets_tx} />
      <Count name={<Trans>Not sent, its queue was full</Trans>} value={stats.packets_tx_dropped} />
      <Count name={<Trans>Packets received</Trans>} value={stats.packets_rx} />
      <Count name={<Trans>Received damaged</Trans>} value={stats.packets_rx_bad} />
      <Count name={<Trans>Received again</Trans>} value={stats.packets_rx_duplicate} />
      <Count name={<Trans>Relayed for others</Trans>} value={stats.packets_relayed} />
      <Count name={<Trans>Relays others were faster at</Trans>} value={stats.relays_cancelled} />
      <Count name={<Trans>Nodes heard in two hours</Trans>} value={stats.nodes_online} />
      <Count name={<Trans>Nodes remembered</Trans>} value={stats.nodes_known} />
      {stats.heap_free_bytes != null && <Fact name={<Trans>Memory free</Trans>}><span className="tabular">{bytes(stats.heap_free_bytes)}</span></Fact>}
      {stats.noise_floor_dbm != null && <Fact name={<Trans>Noise on the channel</Trans>}><span className="tabular">{number(stats.noise_floor_dbm)}&#x202f;dBm</span></Fact>}
    </>
  )
}

function Host({ stats }: { readonly stats: HostStats }) {
  const { number, duration, bytes } = useFormat()
  const load = (hundredths: number) => number(hundredths / 100, 2)
  return (
    <>
      <Fact name={<Trans>Running for</Trans>}>{duration(stats.uptime_s * 1000)}</Fact>
      <Fact name={<Trans>Memory free</Trans>}><span className="tabular">{bytes(stats.memory_free_bytes)}</span></Fact>
      <Fact name={<Trans>Room on its disk</Trans>}><span className="tabular">{bytes(stats.disk_free_bytes)}</span></Fact>
      <Fact name={<Trans>Load over 1, 5, 15 min</Trans>}>
        <span className="tabular">{load(stats.load_1m_hundredths)} · {load(stats.load_5m_hundredths)} · {load(stats.load_15m_hundredths)}</span>
      </Fact>
    </>
  )
}

function Traffic({ stats }: { readonly stats: TrafficStats }) {
  return (
    <>
      <Count name={<Trans>Packets looked at</Trans>} value={stats.packets_inspected} />
      <Count name={<Trans>Positions held back, nothing new</Trans>} value={stats.positions_dropped} />
      <Count name={<Trans>Names answered from memory</Trans>} value={stats.node_infos_answered} />
      <Count name={<Trans>Held back, the sender sent too many</Trans>} value={stats.rate_limited} />
      <Count name={<Trans>Held back, not readable</Trans>} value={stats.unknown_dropped} />
      <Count name={<Trans>Had no hops left</Trans>} value={stats.hops_exhausted} />
      <Count name={<Trans>Passed from router to router for free</Trans>} value={stats.hops_preserved} />
    </>
  )
}
