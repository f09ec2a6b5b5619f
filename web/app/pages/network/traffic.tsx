import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { NetworkRates } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { dateFormat } from '@/format/intl'
import { Card } from '@/ui/card'
import { Segmented } from '@/ui/segmented'
import { ErrorState, Skeleton } from '@/ui/states'
import { type Bar, bars, type Counted, CUTS, minutes, total } from './buckets'
import { ratesQuery } from './queries'
import type { Span } from './search'

interface TrafficProps {
  readonly span: Span
  readonly onSpan: (span: Span) => void
  readonly refetchInterval: number
}

/** How much comes in: four small charts over the same time. */
export function Traffic({ span, onSpan, refetchInterval }: TrafficProps) {
  const { t } = useLingui()
  const rates = useQuery({ ...ratesQuery(CUTS[span].interval), refetchInterval })
  const spans = [{ name: 'hour', title: t`Hour` }, { name: 'day', title: t`Day` }, { name: 'week', title: t`Week` }] as const
  const charts: readonly { what: Counted; title: string; tone: string }[] = [
    { what: 'packets', title: t`Packets`, tone: 'fill-accent' },
    { what: 'readings', title: t`Readings`, tone: 'fill-good' },
    { what: 'texts', title: t`Texts`, tone: 'fill-info' },
    { what: 'rejects', title: t`Refused`, tone: 'fill-bad' },
  ]
  return (
    <Card title={<Trans>Traffic</Trans>} aside={<Segmented<Span> label={t`Time shown`} value={span} onChange={onSpan} options={spans} />}>
      {rates.data === undefined && rates.isError && <ErrorState error={rates.error} retry={() => { void rates.refetch() }} />}
      {rates.data === undefined && !rates.isError && <div className="grid grid-cols-2 gap-4 lg:grid-cols-4">{charts.map(({ what }) => <Skeleton key={what} className="h-32" />)}</div>}
      {rates.data !== undefined && (
        <div className="grid grid-cols-2 gap-x-6 gap-y-5 lg:grid-cols-4">
          {charts.map((chart) => <Chart key={chart.what} {...chart} rates={rates.data} span={span} />)}
        </div>
      )}
    </Card>
  )
}

interface ChartProps {
  readonly what: Counted
  readonly title: string
  readonly tone: string
  readonly rates: NetworkRates
  readonly span: Span
}

const HEIGHT = 56

function Chart({ what, title, tone, rates, span }: ChartProps) {
  const { t } = useLingui()
  const { number, dateTime, time, locale } = useFormat()
  const [marked, setMarked] = useState<Bar | null>(null)
  const shown = bars(rates, what, span)
  const most = Math.max(1, ...shown.map((bar) => bar.number))
  const all = total(rates, what, span)
  const perMinute = all / Math.max(1, minutes(rates, span))
  const rate = perMinute >= 1 || perMinute === 0 ? t`${number(perMinute, perMinute < 10 && perMinute > 0 ? 1 : 0)} a minute` : t`${number(perMinute * 60, perMinute * 60 < 10 ? 1 : 0)} an hour`
  const steps = CUTS[span].steps / CUTS[span].perBar
  // Bars stand at the right: what is missing at the left is time of which nothing is known.
  const width = 100 / steps
  const first = Math.max(0, steps - shown.length)
  const peak = number(most)
  const words = t`${title}: ${number(all)} in all, ${rate}, at most ${peak} in a bar`
  const when = (bar: Bar) => (span === 'week' ? dateTime(bar.at) : time(bar.at))
  return (
    <figure data-rate={what} className="min-w-0">
      <figcaption>
        <span className="text-sm text-muted">{title}</span>
        <span className="flex flex-wrap items-baseline gap-x-2">
          <span data-total className="tabular text-xl font-semibold">{number(all)}</span>
          <span className="tabular text-xs text-muted">{marked === null ? rate : `${when(marked)}: ${number(marked.number)}`}</span>
        </span>
      </figcaption>
      <svg
        role="img" aria-label={words} viewBox={`0 0 100 ${String(HEIGHT)}`} preserveAspectRatio="none" className="mt-2 h-14 w-full"
        onPointerLeave={() => { setMarked(null) }}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect()
          setMarked(shown[Math.floor(((event.clientX - box.left) / box.width) * steps) - first] ?? null)
        }}
      >
        <line x1="0" x2="100" y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="stroke-line" vectorEffect="non-scaling-stroke" />
        {shown.slice(-steps).map((bar, place) => (
          <rect
            key={bar.at} x={(first + place) * width + width * 0.1} width={width * 0.8}
            y={HEIGHT - (bar.number / most) * (HEIGHT - 2)} height={(bar.number / most) * (HEIGHT - 2)}
            className={`${tone} ${bar.isOpen ? 'opacity-50' : ''} ${marked?.at === bar.at ? 'brightness-125' : ''}`}
          />
        ))}
      </svg>
      <div className="mt-1 flex justify-between text-[0.6875rem] text-muted" aria-hidden>
        <span>{dateFormat(locale, span === 'week' ? { weekday: 'short' } : { hour: '2-digit', minute: '2-digit' }).format(startOf(shown, steps, rates, span))}</span>
        <span><Trans>now</Trans></span>
      </div>
    </figure>
  )
}

/** When the left edge of a chart is, whether or not anything is known of it. */
function startOf(shown: readonly Bar[], steps: number, rates: NetworkRates, span: Span): number {
  const last = shown.at(-1)?.at ?? Date.now()
  return last - (steps - 1) * rates.step_s * CUTS[span].perBar * 1000
}
