import { useLingui } from '@lingui/react'
import { Plural, Trans, useLingui as useTexts } from '@lingui/react/macro'
import { Hourglass, RadioTower } from 'lucide-react'
import type { Bridge, BridgePage } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { numberFormat } from '@/format/intl'
import { parseTime } from '@/format/time'
import { Badge } from '@/ui/badge'
import { cx } from '@/ui/cx'
import { EmptyState } from '@/ui/states'
import { INK } from '@/ui/tone'
import { Since } from './since'
import { stateLook, troubleWords, WAITS } from './words'

/** What a bridge in these states says of itself is over. */
const GONE: readonly string[] = ['offline', 'silent', 'unheard']

/** Returns a bridge's state and troubles as they are by now: a word that nobody renews is believed only so long. */
export function present(bridge: Bridge, page: Pick<BridgePage, 'believed_s'>, now: number): { readonly state: string; readonly trouble: readonly string[] } {
  const said = parseTime(bridge.status_at)
  const isGone = GONE.includes(bridge.state)
  if (!isGone && said !== null && now - said > page.believed_s * 1000) return { state: 'silent', trouble: ['silent'] }
  return { state: bridge.state, trouble: bridge.trouble }
}

interface BridgesProps {
  readonly page: BridgePage
  readonly now: number
  readonly onOpen: (bridge: string) => void
}

/** The bridges, those with trouble first. */
export function Bridges({ page, now, onOpen }: BridgesProps) {
  const { t } = useTexts()
  if (page.data.length === 0) {
    return (
      <EmptyState icon={RadioTower} title={t`There is no bridge yet`}>
        <Trans>A bridge connects a radio of the mesh to this server. Whoever runs the server adds one with <code>kosmo bridge add</code>.</Trans>
      </EmptyState>
    )
  }
  const sorted = page.data.toSorted((a, b) => Number(present(b, page, now).trouble.length > 0) - Number(present(a, page, now).trouble.length > 0))
  return (
    <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3" data-testid="bridges">
      {sorted.map((bridge) => <BridgeCard key={bridge.bridge_id} bridge={bridge} page={page} now={now} onOpen={onOpen} />)}
    </ul>
  )
}

function BridgeCard({ bridge, page, now, onOpen }: BridgesProps & { readonly bridge: Bridge }) {
  const { i18n } = useLingui()
  const { state, trouble } = present(bridge, page, now)
  const look = stateLook(state)
  return (
    <li data-bridge={bridge.bridge_id} data-state={state} className="relative flex min-w-0 flex-col gap-3 rounded-xl border border-line bg-surface p-4 shadow-card transition-colors hover:border-line-strong">
      <div className="flex items-start justify-between gap-3">
        <div className="min-w-0">
          <h3 className="truncate font-semibold">
            <button type="button" onClick={() => { onOpen(bridge.bridge_id) }} className="rounded-md text-left after:absolute after:inset-0 after:rounded-xl">
              {bridge.bridge_id}
            </button>
          </h3>
          <p className="mt-0.5 text-xs text-muted">
            {bridge.status_at == null ? <Trans>no status yet</Trans> : <Trans>last status <Since at={bridge.status_at} now={now} /></Trans>}
          </p>
        </div>
        <Badge tone={look.tone} icon={look.icon}>{i18n._(look.title)}</Badge>
      </div>
      {trouble.map((code) => <TroubleNote key={code} code={code} bridge={bridge} />)}
      <Queues bridge={bridge} isOld={state === 'silent' || state === 'offline'} />
      {!GONE.includes(state) && <Waits bridge={bridge} />}
      <RadioLine bridge={bridge} />
    </li>
  )
}

function TroubleNote({ code, bridge }: { readonly code: string; readonly bridge: Bridge }) {
  const { i18n } = useLingui()
  const words = troubleWords(code)
  if (words === undefined) return <p className="text-sm">{code}</p>
  return (
    <div data-trouble={code} className="text-sm">
      <p className={cx('font-medium', INK[words.tone], words.tone === 'neutral' && 'text-ink')}>{i18n._(words.title)}</p>
      {code === 'reported' && (
        <ul className="my-1 list-disc pl-5">
          {bridge.problems.map((problem) => <li key={problem}><bdi lang="en" className="foreign line-clamp-3 break-words">{problem}</bdi></li>)}
        </ul>
      )}
      <p className="text-muted">{i18n._(words.remedy)}</p>
    </div>
  )
}

/** What waits, and where it is going. Of a bridge that is gone it is what waited when it last said so. */
function Queues({ bridge, isOld }: { readonly bridge: Bridge; readonly isOld: boolean }) {
  const { number, locale } = useFormat()
  const { queues } = bridge
  if (queues == null) return null
  const rows = [
    { name: 'ingest', label: <Trans>readings to the server</Trans>, depth: queues.ingest },
    { name: 'gateway', label: <Trans>texts to the server</Trans>, depth: queues.gateway },
    { name: 'outbound', label: <Trans>texts to the radio</Trans>, depth: queues.outbound },
  ]
  return (
    <div className="mt-auto">
      <p className="text-xs text-muted">{isOld ? <Trans>What waited when it last said so</Trans> : <Trans>What waits</Trans>}</p>
      <dl className="mt-1 grid grid-cols-3 gap-2">
        {rows.map(({ name, label, depth }) => (
          <div key={name} data-queue={name} className="flex min-w-0 flex-col-reverse justify-end rounded-lg bg-sunken px-2.5 py-2">
            <dt className="text-xs leading-snug text-muted">{label}</dt>
            <dd title={number(depth.waiting)} className={cx('tabular truncate text-lg leading-6 font-semibold', depth.waiting === 0 && 'font-normal text-muted')}>
              {depth.waiting < 100_000 ? number(depth.waiting) : numberFormat(locale, { notation: 'compact' }).format(depth.waiting)}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

/** Why texts are not on the air yet. */
function Waits({ bridge }: { readonly bridge: Bridge }) {
  const { i18n } = useLingui()
  const { duration } = useFormat()
  const { waits_for: reason, waits_s: seconds } = bridge.airtime ?? {}
  const words = reason == null ? undefined : WAITS[reason]
  if (words === undefined) return null
  return (
    <p data-waits={reason} className="flex items-start gap-1.5 text-xs text-warn">
      <Hourglass aria-hidden className="mt-px size-3.5 shrink-0" />
      <span>{i18n._(words)}{seconds != null && <span className="tabular text-muted"> {duration(seconds * 1000)}</span>}</span>
    </p>
  )
}

function RadioLine({ bridge }: { readonly bridge: Bridge }) {
  const { number } = useFormat()
  const { radio } = bridge
  if (radio == null) return null
  const air = radio.air ?? undefined
  const parts = [radio.region, radio.modem_preset].filter((part) => part != null)
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-0.5 border-t border-line pt-2.5 text-xs text-muted">
      {radio.node_id != null && <span className="font-mono">{radio.node_id}</span>}
      {parts.length > 0 && <bdi className="foreign truncate">{parts.join(' · ')}</bdi>}
      {air !== undefined && (
        <span className="tabular">
          <Trans>channel {number(air.channel_utilization_pct, 1)} % · sends {number(air.air_util_tx_pct, 1)} %</Trans>
        </span>
      )}
    </div>
  )
}

/** One sentence about all bridges. */
export function Verdict({ page, now }: { readonly page: BridgePage; readonly now: number }) {
  const all = String(page.data.length)
  const troubled = page.data.filter((bridge) => present(bridge, page, now).trouble.length > 0).length
  if (page.data.length === 0) return <Trans>No bridge is connected yet.</Trans>
  if (troubled === 0) return <Plural value={page.data.length} one="The bridge is well." other="All # bridges are well." />
  if (page.data.length === 1) return <Trans>The bridge needs a look.</Trans>
  return <Plural value={troubled} one={`# of ${all} bridges needs a look.`} other={`# of ${all} bridges need a look.`} />
}

