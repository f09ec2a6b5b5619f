import { Trans, useLingui } from '@lingui/react/macro'
import { ArrowDownRight, ArrowRight, ArrowUp, ArrowUpRight } from 'lucide-react'
import { useFormat } from '@/format/hooks'
import { quantity, type Quantity } from '@/format/quantities'
import { compassPoint } from '@/format/wind'
import { Age } from '@/ui/age'
import { Value } from '@/ui/value'
import { direction, type Today } from './today'

/** Stations tell every quarter of an hour; at night once an hour. */
export const EXPECTED = 30 * 60_000

/** Of these, a change over three hours says nothing that the value does not. */
const WITHOUT_TREND = /^(rain_|gas_resistance|particles_|wind_direction)|_lux$/

interface TileProps {
  readonly name: Quantity
  readonly value: number
  readonly at: string
  readonly today: Today | null
}

/** One value: what it is, how old, where it goes, and what it was today. */
export function Tile({ name, value, at, today }: TileProps) {
  const { label } = useFormat()
  const isSum = name === 'rain_mm'
  const isDirection = name === 'wind_direction_deg'
  return (
    <li className="flex flex-col rounded-xl border border-line bg-surface px-4 py-3 shadow-card" data-metric={name}>
      <span className="text-sm text-muted">{isSum ? <Trans>Rain today</Trans> : label(name)}</span>
      <span className="mt-0.5 flex items-center gap-2 text-2xl font-semibold tracking-tight">
        {isDirection && <WindArrow degrees={value} />}
        <Value quantity={name} value={isSum ? today?.sum ?? null : value} />
        {isDirection && <Point degrees={value} />}
      </span>
      {/* Two lines are kept free, so that nothing moves when what today was like is known. */}
      <span className="mt-1 flex min-h-[2.125rem] flex-col gap-y-0.5 text-xs text-muted">
        {today !== null && !WITHOUT_TREND.test(name) && <Trend name={name} trend={today.trend} />}
        {isSum && <Trans>last reading <Value quantity={name} value={value} /></Trans>}
        <Extremes name={name} today={today} isShown={!isSum && !isDirection} />
      </span>
      <Age at={at} expected={EXPECTED} className="mt-auto pt-1.5 text-xs" />
    </li>
  )
}

function Trend({ name, trend }: { readonly name: Quantity; readonly trend: number | null }) {
  const { t } = useLingui()
  const { text, units } = useFormat()
  if (trend === null) return null
  const way = direction(trend, quantity(name)?.decimals ?? 1)
  const Icon = { up: ArrowUpRight, down: ArrowDownRight, steady: ArrowRight }[way]
  // A difference has no zero of its own: half a degree warmer is not 32.9 °F.
  const change = difference(name, Math.abs(trend), units, text)
  const words = { up: t`${change} more than three hours ago`, down: t`${change} less than three hours ago`, steady: t`as three hours ago` }[way]
  return (
    <span className="tabular flex items-center gap-0.5 whitespace-nowrap" title={words}>
      <Icon aria-hidden className="size-3.5" />
      <span aria-hidden>{way === 'steady' ? t`steady` : <>{change}&#x202f;/&#x202f;3&#x202f;h</>}</span>
      <span className="sr-only">{words}</span>
    </span>
  )
}

export function difference(name: Quantity, change: number, units: 'metric' | 'imperial', text: (name: Quantity, value: number) => string): string {
  const isFahrenheit = units === 'imperial' && quantity(name)?.dimension === 'temperature'
  // `text` adds 32: it is taken away before.
  return text(name, isFahrenheit ? change - 32 / 1.8 : change)
}

function Extremes({ name, today, isShown }: { readonly name: Quantity; readonly today: Today | null; readonly isShown: boolean }) {
  const { text, quantity: format } = useFormat()
  if (!isShown || today?.least == null || today.greatest === null) return null
  const [least, greatest] = [format(name, today.least)?.text, text(name, today.greatest)]
  return <span className="tabular whitespace-nowrap"><Trans>today {least} … {greatest}</Trans></span>
}

function Point({ degrees }: { readonly degrees: number }) {
  const { i18n } = useLingui()
  return <span className="text-base font-medium text-muted">{i18n._(compassPoint(degrees))}</span>
}

/** Flies with the wind, as the arrows of the charts do. */
function WindArrow({ degrees }: { readonly degrees: number }) {
  return <ArrowUp aria-hidden className="size-6 text-accent-ink" style={{ transform: `rotate(${String(degrees + 180)}deg)` }} />
}
