import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'
import { useLingui } from '@lingui/react'
import { Plural, Trans, useLingui as useTexts } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Ban, CircleAlert, CircleCheck, CircleDashed, CircleX, CloudUpload, Gauge, LoaderCircle } from 'lucide-react'
import { useMemo, useState } from 'react'
import type { UplinkGateway, UplinkLimited, UplinkSummary } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { type Named, safeName } from '@/format/names'
import { parseTime } from '@/format/time'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { Card } from '@/ui/card'
import { NodeName } from '@/ui/node-name'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { Table, Td, Th, Tr } from '@/ui/table'
import { useServerNow } from './clock'
import { missedOf } from './missed'
import { uplinksQuery } from './queries'
import { Since } from './since'
import type { Look } from './words'

/** How many gateways are there at first. */
const ROWS = 10

/** How a broker fares. */
const BROKERS: Record<string, Look> = {
  listening: { title: msg`listened to`, tone: 'good', icon: CircleCheck },
  connecting: { title: msg`not reached yet`, tone: 'warn', icon: LoaderCircle },
  away: { title: msg`cannot be reached`, tone: 'bad', icon: CircleX },
  refused: { title: msg`refuses us`, tone: 'bad', icon: Ban },
  unheard: { title: msg`nobody listens`, tone: 'bad', icon: CircleAlert },
}

/** What went wrong with it. */
const FAILURES: Record<string, MessageDescriptor> = {
  login: msg`It does not take the login.`,
  subscription: msg`The login may not read there.`,
  client_id: msg`It does not take the name of the connection.`,
  version: msg`It speaks another MQTT.`,
  unavailable: msg`It says that it is not available.`,
  network: msg`Nobody listens at its address.`,
  tls: msg`Its certificate is not trusted, or it speaks no TLS.`,
  closed: msg`It ended the connection.`,
  no_answer: msg`It does not answer.`,
  too_large: msg`It sent more at once than anything can be.`,
  protocol: msg`It sent what is no MQTT.`,
  overrun: msg`It sends more than can be taken.`,
}

/** Why packets were not taken. */
const REASONS: Record<string, MessageDescriptor> = {
  too_fast: msg`more than anybody may send`,
  too_many_strangers: msg`too many nodes that nobody had heard of`,
  repeats: msg`the very same again and again`,
  replay: msg`long received before it came`,
  denied: msg`an operator will not have it`,
}

/** What nodes publish themselves: by which gateways, when brokers were listened to, and whose was too much. */
export function Uplinks({ refetchInterval }: { readonly refetchInterval: number }) {
  const { t } = useTexts()
  const uplinks = useQuery({ ...uplinksQuery, refetchInterval })
  const now = useServerNow(uplinks.data, uplinks.dataUpdatedAt)
  const { data } = uplinks
  const names = useMemo(() => new Map(data?.names.map((name) => [name.node_id, name])), [data])
  const named = (id: string): Named => names.get(id) ?? { node_id: id }
  return (
    <Card title={<Trans>What nodes publish themselves</Trans>} flush>
      {data === undefined && uplinks.isError && <ErrorState error={uplinks.error} retry={() => { void uplinks.refetch() }} />}
      {data === undefined && !uplinks.isError && <SkeletonRows rows={3} />}
      {data !== undefined && (
        <div data-testid="uplinks">
          <Brokers summary={data} now={now} />
          {data.gateways.length === 0
            ? <EmptyState icon={CloudUpload} title={t`No node publishes here by itself`}><Trans>Any Meshtastic node with a network can publish what it hears to this server's broker: whoever runs the server adds it with <code>kosmo uplink add</code>.</Trans></EmptyState>
            : <Gateways gateways={data.gateways} named={named} now={now} />}
          <Limited summary={data} named={named} now={now} />
        </div>
      )}
    </Card>
  )
}

/** The brokers, and how each fares. What is published while nobody listens is lost. */
function Brokers({ summary, now }: { readonly summary: UplinkSummary; readonly now: number }) {
  const { i18n } = useLingui()
  const { dateTime, duration } = useFormat()
  return (
    <ul className="flex flex-col gap-1.5 px-4 py-2 text-sm">
      {summary.brokers.map((broker) => {
        const { source, state, since, error } = broker
        const look = BROKERS[state]
        const how = duration(now - (parseTime(since) ?? now))
        const missed = missedOf(summary.listening, source)
        const why = error == null || state === 'listening' ? undefined : FAILURES[error]
        return (
          <li key={source} data-broker={source} data-state={state} className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
            <span className="font-medium"><Source source={source} /></span>
            <Badge tone={look?.tone ?? 'neutral'} icon={look?.icon ?? CircleDashed}>{look === undefined ? state : i18n._(look.title)}</Badge>
            <time dateTime={since} title={dateTime(parseTime(since) ?? 0)} className="text-muted"><Trans>for {how}</Trans></time>
            {why !== undefined && <span className="text-bad">{i18n._(why)}</span>}
            {missed > 0 && <span className="text-warn"><Trans>{duration(missed)} were missed within a week</Trans></span>}
            {!broker.trusted && <span className="text-xs text-muted"><Trans>counts less than what a radio of ours hears</Trans></span>}
            {!broker.public && <span className="text-xs text-muted"><Trans>not shown to anybody</Trans></span>}
          </li>
        )
      })}
    </ul>
  )
}

/** What a broker is called here. */
function Source({ source }: { readonly source: string }) {
  return source === 'msh' ? <Trans>This server's broker</Trans> : <bdi className="foreign">{safeName(source, '—')}</bdi>
}

interface GatewaysProps {
  readonly gateways: readonly UplinkGateway[]
  readonly named: (id: string) => Named
  readonly now: number
}

function Gateways({ gateways, named, now }: GatewaysProps) {
  const { t } = useTexts()
  const { number } = useFormat()
  const [rows, setRows] = useState(ROWS)
  return (
    <>
      <Table label={t`Gateways`} className="border-t border-line">
        <thead>
          <tr>
            <Th><Trans>Gateway</Trans></Th>
            <Th><Trans>Broker</Trans></Th>
            <Th align="right"><Trans>A minute</Trans></Th>
            <Th align="right"><Trans>New in a day</Trans></Th>
            <Th align="right"><Trans>Others told of</Trans></Th>
            <Th align="right"><Trans>Not taken</Trans></Th>
            <Th align="right"><Trans>Last</Trans></Th>
          </tr>
        </thead>
        <tbody>
          {gateways.slice(0, rows).map((gateway) => (
            <Tr key={`${gateway.source} ${gateway.node_id}`} data-gateway={gateway.node_id}>
              <th scope="row" className="max-w-64 px-3 py-1 text-left font-medium"><NodeLink id={gateway.node_id} named={named} /></th>
              <Td className="text-muted"><Source source={gateway.source} /></Td>
              <Td numeric>{number(gateway.per_minute, gateway.per_minute < 10 ? 1 : 0)}</Td>
              <Td numeric>{number(gateway.day.packets)}</Td>
              <Td numeric>{number(gateway.day.copies)}</Td>
              <Td numeric className={gateway.day.limited > 0 ? 'font-semibold text-warn' : 'text-muted'}>{number(gateway.day.limited)}</Td>
              <Td numeric><Since at={gateway.last_at} now={now} className="text-muted" /></Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {gateways.length > rows && <div className="border-t border-line p-2 text-center"><Button look="quiet" onClick={() => { setRows(gateways.length) }}><Trans>Show more</Trans></Button></div>}
    </>
  )
}

function NodeLink({ id, named }: { readonly id: string; readonly named: (id: string) => Named }) {
  return <Link to="/nodes/$id" params={{ id }} className="inline-flex min-h-11 min-w-0 items-center hover:text-accent-ink"><NodeName node={named(id)} /></Link>
}

/** Of whom more came than is taken, and whom an operator will not have. */
function Limited({ summary: { limited, denied }, named, now }: { readonly summary: UplinkSummary; readonly named: (id: string) => Named; readonly now: number }) {
  if (limited.length + denied.length === 0) return null
  return (
    <ul data-testid="limited">
      {limited.slice(0, 2 * ROWS).map((row) => (
        <li key={`${row.source} ${row.node_id} ${row.role} ${row.reason}`} data-limited={row.node_id} data-reason={row.reason} className="flex flex-wrap items-center gap-x-3 gap-y-0.5 border-t border-line px-4 py-1.5 text-sm">
          <Gauge aria-hidden className="size-4 shrink-0 text-warn" />
          <span className="font-medium"><NodeLink id={row.node_id} named={named} /></span>
          <span className="text-muted"><Why row={row} /></span>
          <Since at={row.last_at} now={now} className="ml-auto text-xs text-muted" />
        </li>
      ))}
      {denied.slice(0, 2 * ROWS).map((row) => (
        <li key={`${row.node_id} ${row.role}`} data-denied={row.node_id} className="flex flex-wrap items-center gap-x-3 gap-y-0.5 border-t border-line px-4 py-1.5 text-sm">
          <Ban aria-hidden className="size-4 shrink-0 text-bad" />
          <span className="font-medium"><NodeLink id={row.node_id} named={named} /></span>
          <span className="text-muted">{row.role === 'gateway' ? <Trans>An operator takes nothing that it publishes.</Trans> : <Trans>An operator takes nothing that it sends.</Trans>}</span>
          <Since at={row.since} now={now} className="ml-auto text-xs text-muted" />
        </li>
      ))}
    </ul>
  )
}

function Why({ row }: { readonly row: UplinkLimited }) {
  const { i18n } = useLingui()
  const words = REASONS[row.reason]
  const why = words === undefined ? row.reason : i18n._(words)
  return row.role === 'gateway'
    ? <Plural value={row.number} one={`# packet that it published was not taken in a day: ${why}`} other={`# packets that it published were not taken in a day: ${why}`} />
    : <Plural value={row.number} one={`# packet that it sent was not taken in a day: ${why}`} other={`# packets that it sent were not taken in a day: ${why}`} />
}
