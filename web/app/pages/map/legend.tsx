import { Trans, useLingui } from '@lingui/react/macro'
import { MapPin } from 'lucide-react'
import { useFormat } from '@/format/hooks'
import type { Quantity } from '@/format/quantities'
import { formatNumber, shown } from '@/format/units'
import { LINK_COLOURS, stopsIn } from './features'
import type { Scale } from './quantities'
import type { Layer } from './search'

interface LegendProps {
  readonly quantity: Quantity
  readonly scale: Scale
  readonly layers: readonly Layer[]
  readonly isLive: boolean
  readonly hasWaypoints: boolean
}

/** What the colours and signs of the map mean, in the chosen units. */
export function Legend({ quantity, scale, layers, isLive, hasWaypoints }: LegendProps) {
  const { t } = useLingui()
  const { units, locale, label } = useFormat()
  const stops = stopsIn(scale, quantity, units)
  const { unit } = shown(quantity, units)
  const [first, last] = [stops[0]?.[0] ?? 0, stops[stops.length - 1]?.[0] ?? 1]
  const digits = Math.abs(last - first) < 3 ? 2 : Math.abs(last - first) < 12 ? 1 : 0
  const width = 100 / Math.max(1, stops.length - 1)
  // Where there are many stops, every second says its value.
  const every = stops.length > 7 ? 2 : 1
  return (
    <section aria-label={t`Legend`} className="pointer-events-auto w-64 max-w-full rounded-xl border border-line bg-raised/95 px-3 py-2 text-xs shadow-card">
      <p className="mb-1 flex justify-between gap-2 font-medium"><span className="truncate">{label(quantity)}</span><span className="text-muted">{unit}</span></p>
      <div aria-hidden className="h-2.5 rounded-full ring-1 ring-line-strong/60" style={{ background: `linear-gradient(90deg, ${stops.map(([, colour]) => colour).join(', ')})` }} />
      <div className="tabular relative h-4 text-[0.6875rem] text-muted">
        {stops.map(([value], i) => (i % every !== 0 && i !== stops.length - 1) || (every === 2 && i === stops.length - 2) ? null : (
          <span key={i} className="absolute" style={{ left: `${String(i * width)}%`, transform: `translateX(-${String((i / Math.max(1, stops.length - 1)) * 100)}%)` }}>
            {formatNumber(value, digits, locale)}
          </span>
        ))}
      </div>
      {isLive && (
        <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-muted">
          <span className="inline-flex items-center gap-1"><span aria-hidden className="size-3 rounded-full bg-muted" /><Trans>up to date</Trans></span>
          <span className="inline-flex items-center gap-1"><span aria-hidden className="size-3 rounded-full border-[3px] border-muted" /><Trans>over 90 min old</Trans></span>
        </p>
      )}
      {layers.includes('links') && (
        <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-muted">
          <Stroke colour={LINK_COLOURS.good} dashes=""><Trans>good link</Trans></Stroke>
          <Stroke colour={LINK_COLOURS.fair} dashes="7 3"><Trans>fair</Trans></Stroke>
          <Stroke colour={LINK_COLOURS.poor} dashes="3 3"><Trans>poor</Trans></Stroke>
        </p>
      )}
      {hasWaypoints && layers.includes('waypoints') && (
        <p className="mt-1 flex items-center gap-1 text-muted"><MapPin aria-hidden className="size-3.5 text-accent-ink" /><Trans>marked place</Trans></p>
      )}
    </section>
  )
}

function Stroke({ colour, dashes, children }: { readonly colour: string; readonly dashes: string; readonly children: React.ReactNode }) {
  return (
    <span className="inline-flex items-center gap-1">
      <svg aria-hidden width="22" height="6"><line x1="1" y1="3" x2="21" y2="3" stroke={colour} strokeWidth="2.4" strokeDasharray={dashes} strokeLinecap="round" /></svg>
      {children}
    </span>
  )
}
