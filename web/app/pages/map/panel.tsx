import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { ChartLine } from 'lucide-react'
import { useFormat } from '@/format/hooks'
import { nodeName } from '@/format/names'
import { QUANTITIES, type Quantity } from '@/format/quantities'
import { Age } from '@/ui/age'
import { Badge } from '@/ui/badge'
import { Value } from '@/ui/value'
import { KindIcon, useKindName } from './kind'
import { EXPECTED, type MapNode, type Pair, type Shown } from './model'
import { SidePanel } from './side-panel'
import { useWindWords } from './words'

interface PanelProps {
  readonly node: MapNode
  /** The node as it is shown, at the time that is chosen. */
  readonly shown: Shown
  readonly quantity: Quantity
  /** When it is not now, the hour that is shown. */
  readonly hour: number | null
  readonly links: readonly Pair[]
  readonly nameOf: (id: string) => string
  readonly onClose: () => void
  readonly onShow: () => void
  readonly onPick: (id: string) => void
}

/** What is known of the selected node. */
export function Panel({ node, shown, quantity, hour, links, nameOf, onClose, onShow, onPick }: PanelProps) {
  const { t } = useLingui()
  const format = useFormat()
  const kindName = useKindName()
  const windWords = useWindWords()
  const values = node.latest?.values as Record<string, number | undefined> | undefined
  const measured = QUANTITIES.filter(({ name }) => values?.[name] !== undefined && name !== 'external_power')
  const to = node.station ? '/stations/$id' : '/nodes/$id'
  return (
    <SidePanel
      label={t`Selected node`} about={node.node_id} contents={t`Newest values`} onClose={onClose} onShow={node.position == null ? undefined : onShow}
      title={<bdi className="foreign">{nodeName(node)}</bdi>}
      lead={<><KindIcon node={node} className="size-3.5" />{kindName(node)}<span className="font-mono">{node.node_id}</span></>}
      footer={
        <Link to={to} params={{ id: node.node_id }} className="flex min-h-11 items-center justify-center gap-2 rounded-lg bg-accent px-4 text-sm font-medium text-on-accent hover:brightness-110">
          <ChartLine aria-hidden className="size-4" />{node.station ? <Trans>Charts of this station</Trans> : <Trans>More about this node</Trans>}
        </Link>
      }
    >
      <p className="flex items-baseline justify-between gap-3 rounded-lg bg-sunken px-3 py-2">
        <span>
          <span className="block text-xs text-muted">{format.label(quantity)}{hour !== null && <> · {format.day(hour)} {format.time(hour)}</>}</span>
          <Value quantity={quantity} value={shown.value} className="text-2xl font-semibold" />
        </span>
        {hour === null && shown.at !== null && <Age at={new Date(shown.at).toISOString()} expected={EXPECTED} className="text-xs" />}
      </p>
      {shown.wind !== null && <p className="mt-2 text-muted"><Trans>Wind: <span className="text-ink">{windWords(shown.wind)}</span></Trans></p>}
      {(node.bridges ?? []).map((bridge) => (
        <p key={bridge.bridge_id} className="mt-2 flex flex-wrap items-center gap-2">
          <Badge tone={bridge.state === 'online' ? 'good' : 'bad'}>{bridge.state === 'online' ? t`online` : t`offline`}</Badge>
          <span className="foreign"><Trans>Bridge {bridge.bridge_id}</Trans></span><Age at={bridge.status_at} className="text-xs" />
        </p>
      ))}
      {measured.length > 0 && (
        <table className="mt-3 w-full">
          <caption className="sr-only"><Trans>Newest values</Trans></caption>
          <tbody>
            {measured.map(({ name }) => (
              <tr key={name} className="border-t border-line">
                <th scope="row" className="py-1.5 pr-2 text-left font-normal text-muted">{format.label(name)}</th>
                <td className="py-1.5 text-right"><Value quantity={name} value={values?.[name]} className="font-medium" /></td>
                <td className="w-24 py-1.5 pl-2 text-right text-xs"><Age at={node.latest?.observed_at?.[name] ?? node.latest?.at} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {links.length > 0 && <Links node={node} links={links} nameOf={nameOf} onPick={onPick} />}
      <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-muted">
        <dt><Trans>Last heard</Trans></dt><dd className="text-right text-ink"><Age at={node.last_heard} /></dd>
        {node.role != null && <><dt><Trans>Role</Trans></dt><dd className="foreign text-right text-ink">{node.role}</dd></>}
        {node.hardware != null && <><dt><Trans>Hardware</Trans></dt><dd className="foreign text-right text-ink">{node.hardware}</dd></>}
        {node.position?.altitude_m != null && <><dt><Trans>Altitude</Trans></dt><dd className="text-right text-ink">{format.altitude(node.position.altitude_m)}</dd></>}
        <dt><Trans>Place</Trans></dt>
        <dd className="text-right">{node.position == null ? <Trans>not told</Trans> : <Trans>rounded to about {format.distance(node.position.precision_deg * 111)}</Trans>}</dd>
      </dl>
    </SidePanel>
  )
}

const MOST_LINKS = 8

function Links({ node, links, nameOf, onPick }: Pick<PanelProps, 'node' | 'links' | 'nameOf' | 'onPick'>) {
  const { number } = useFormat()
  const snr = (value: number | null | undefined) => (value == null ? '—' : `${number(value, 1)}\u202fdB`)
  return (
    <table className="mt-3 w-full">
      <caption className="pb-1 text-left text-xs text-muted"><Trans>Links over the air (signal to noise)</Trans></caption>
      <thead className="text-xs text-muted">
        <tr><th scope="col" className="text-left font-normal"><Trans>Node</Trans></th><th scope="col" className="text-right font-normal"><Trans>is heard</Trans></th><th scope="col" className="text-right font-normal"><Trans>hears it</Trans></th></tr>
      </thead>
      <tbody className="tabular">
        {links.slice(0, MOST_LINKS).map((pair) => {
          const isA = pair.a === node.node_id
          const other = isA ? pair.b : pair.a
          return (
            <tr key={other} className="border-t border-line">
              <td className="max-w-0 w-full"><button type="button" onClick={() => { onPick(other) }} className="foreign block min-h-9 w-full truncate text-left text-accent-ink hover:underline">{nameOf(other)}</button></td>
              <td className="pl-2 text-right whitespace-nowrap">{snr((isA ? pair.back : pair.forth)?.snr_db)}</td>
              <td className="pl-2 text-right whitespace-nowrap">{snr((isA ? pair.forth : pair.back)?.snr_db)}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}
