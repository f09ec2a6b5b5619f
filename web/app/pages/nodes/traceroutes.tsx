import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { ArrowRight } from 'lucide-react'
import { Fragment } from 'react'
import type { NodeDetail } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { type Named, nodeName } from '@/format/names'
import { toneOfSnr } from '@/format/signal'
import { Age } from '@/ui/age'
import { cx } from '@/ui/cx'
import { INK } from '@/ui/tone'
import { useNames } from './links'
import { type Step, stepsOf, UNKNOWN_RELAY } from './peers'

/** The ways packets took to this node and back, each as a chain. */
export function Traceroutes({ node }: { readonly node: NodeDetail }) {
  const { t } = useLingui()
  const named = useNames(node)
  if (node.traceroutes.length === 0) return <p className="text-sm text-muted"><Trans>Nobody has traced the way to this node yet.</Trans></p>
  return (
    <ul role="list" className="flex flex-col divide-y divide-line">
      {node.traceroutes.map((way) => {
        const there = stepsOf(way.to, way.route, node.node_id, way.snr_towards_db)
        const hasBack = way.route_back.length > 0 || way.snr_back_db.length > 0
        return (
          <li key={way.to} className="flex flex-col gap-2 py-3 first:pt-0 last:pb-0">
            <div className="flex items-baseline justify-between gap-3 text-sm">
              <span><Trans>Asked by <bdi className="foreign font-medium">{nodeName(named(way.to))}</bdi></Trans></span>
              <Age at={way.at} className="text-xs" />
            </div>
            <Chain label={t`The way there`} steps={there} named={named} self={node.node_id} />
            {hasBack
              ? <Chain label={t`The way back`} steps={stepsOf(node.node_id, way.route_back, way.to, way.snr_back_db)} named={named} self={node.node_id} />
              : <p className="text-xs text-muted"><Trans>The way back was not told.</Trans></p>}
          </li>
        )
      })}
    </ul>
  )
}

interface ChainProps {
  readonly label: string
  readonly steps: readonly Step[]
  readonly named: (id: string) => Named
  readonly self: string
}

function Chain({ label, steps, named, self }: ChainProps) {
  const { t } = useLingui()
  const { number } = useFormat()
  return (
    <div className="flex flex-wrap items-center gap-x-1.5 gap-y-1.5" role="group" aria-label={label}>
      <span className="w-24 text-xs text-muted">{label}</span>
      {steps.map((step, index) => {
        const name = step.node === UNKNOWN_RELAY ? t`somebody unknown` : nodeName(named(step.node))
        const box = 'foreign inline-flex min-h-9 max-w-48 items-center rounded-lg border px-2.5 text-sm'
        return (
          <Fragment key={index}>
            {index > 0 && (
              <span className="inline-flex flex-col items-center text-[0.6875rem] leading-tight">
                <span className={cx('tabular', step.snr === null ? 'text-muted' : INK[toneOfSnr(step.snr).tone])}>{step.snr === null ? '?' : `${number(step.snr, 1)}\u202fdB`}</span>
                <ArrowRight aria-hidden className="size-4 text-muted" />
              </span>
            )}
            {step.node === self || step.node === UNKNOWN_RELAY
              ? <span className={cx(box, step.node === self ? 'border-transparent bg-accent-soft font-semibold text-accent-ink' : 'border-dashed border-line-strong text-muted')}><span className="truncate">{name}</span></span>
              : <Link to="/nodes/$id" params={{ id: step.node }} className={cx(box, 'border-line-strong hover:bg-sunken')} title={step.node}><span className="truncate">{name}</span></Link>}
          </Fragment>
        )
      })}
    </div>
  )
}
