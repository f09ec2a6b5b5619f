import { Trans, useLingui } from '@lingui/react/macro'
import { ChevronLeft, ChevronRight, Download, LoaderCircle, RotateCcw, ZoomIn, ZoomOut } from 'lucide-react'
import { useCallback, useId, useMemo, useState } from 'react'
import { useFormat, useNow } from '@/format/hooks'
import { Card } from '@/ui/card'
import { IconButton } from '@/ui/button'
import { cx } from '@/ui/cx'
import { Segmented } from '@/ui/segmented'
import { EmptyState, ErrorState, Skeleton } from '@/ui/states'
import { useSeries } from './data'
import { toFrame } from './frame'
import { ChartPanel, type Plots } from './panel'
import { type Panel, panelsOf } from './panels'
import { clamp, panned, type Range, rangeOf, SPANS, type Span, wanted, writeTime, zoomed } from './range'
import { type BoardView, readRange } from './search'
import { SeriesTable } from './table'
import { zoneName } from './times'
import { useWidth } from './width'

interface BoardProps {
  readonly id: string
  /** The quantities the node ever measured that can be charted. */
  readonly names: readonly string[]
  readonly view: BoardView
  readonly onView: (view: BoardView) => void
  readonly title: string
}

/** Charts of several quantities over one range of time, under one cursor; or the same as a table. */
export default function Board({ id, names, view, onView, title }: BoardProps) {
  const { t } = useLingui()
  const { locale } = useFormat()
  const minute = Math.floor(useNow() / 60_000) * 60_000
  const span = view.span ?? 'day'
  const custom = useMemo(() => readRange(view), [view])
  const range = useMemo(() => (custom === null ? rangeOf(span, minute) : clamp(custom, minute)), [custom, span, minute])
  const all = useMemo(() => panelsOf(names), [names])
  const hidden = useMemo(() => new Set(view.hide?.split('.') ?? []), [view.hide])
  const panels = all.filter((panel) => !hidden.has(panel.name))
  const isTable = view.as === 'table'

  const show = useCallback((next: Range) => {
    const kept = clamp(next, Date.now())
    onView({ ...view, from: writeTime(kept.from), to: writeTime(kept.to) })
  }, [view, onView])
  const home = () => { onView({ ...view, from: undefined, to: undefined }) }
  const toggle = (name: string) => {
    const next = new Set(hidden)
    if (!next.delete(name)) next.add(name)
    onView({ ...view, hide: next.size === 0 ? undefined : [...next].join('.') })
  }
  const middle = (range.from + range.to) / 2

  return (
    <Card
      title={title} flush
      aside={
        <Segmented
          label={t`Show as`} value={isTable ? 'table' : 'chart'} className="-mr-2"
          onChange={(as) => { onView({ ...view, as: as === 'table' ? 'table' : undefined }) }}
          options={[{ name: 'chart', title: t`Chart` }, { name: 'table', title: t`Table` }]}
        />
      }
    >
      <div className="flex flex-wrap items-center gap-x-2 gap-y-2 px-4 pt-3">
        <Segmented
          label={t`Span of time`} value={custom === null ? span : ''} className="w-full sm:w-auto"
          onChange={(name) => { onView({ ...view, span: name as Span, from: undefined, to: undefined }) }}
          options={SPANS.map((name) => ({ name: name, title: { day: t`Day`, week: t`Week`, month: t`Month`, year: t`Year` }[name] }))}
        />
        <div role="group" aria-label={t`Move through time`} className="flex">
          <IconButton label={t`Earlier`} onClick={() => { show(panned(range, -0.5, minute)) }}><ChevronLeft aria-hidden className="size-5" /></IconButton>
          <IconButton label={t`Later`} disabled={range.to >= minute} onClick={() => { show(panned(range, 0.5, minute)) }}><ChevronRight aria-hidden className="size-5" /></IconButton>
          <IconButton label={t`Closer`} onClick={() => { show(zoomed(range, 0.5, middle, minute)) }}><ZoomIn aria-hidden className="size-5" /></IconButton>
          <IconButton label={t`Wider`} onClick={() => { show(zoomed(range, 2, middle, minute)) }}><ZoomOut aria-hidden className="size-5" /></IconButton>
          <IconButton label={t`Back to now`} disabled={custom === null} onClick={home}><RotateCcw aria-hidden className="size-5" /></IconButton>
        </div>
        <PanelChips panels={all} hidden={hidden} onToggle={toggle} />
      </div>
      <Drawn key={id} id={id} panels={panels} range={range} isTable={isTable} onRange={show} zone={zoneName(locale, new Date(middle))} />
    </Card>
  )
}

/** Which charts are shown. */
function PanelChips({ panels, hidden, onToggle }: { readonly panels: readonly Panel[]; readonly hidden: ReadonlySet<string>; readonly onToggle: (name: string) => void }) {
  const { t } = useLingui()
  const { label } = useFormat()
  if (panels.length < 2) return null
  return (
    <div role="group" aria-label={t`Which charts`} className="flex w-full gap-1.5 overflow-x-auto py-0.5">
      {panels.map((panel) => {
        const isOn = !hidden.has(panel.name)
        return (
          <button
            key={panel.name} type="button" aria-pressed={isOn} onClick={() => { onToggle(panel.name) }}
            className={cx('min-h-11 shrink-0 rounded-full border px-3.5 text-sm font-medium whitespace-nowrap sm:min-h-9', isOn ? 'border-transparent bg-accent-soft text-accent-ink' : 'border-line-strong text-muted line-through decoration-1')}
          >
            {label(panel.quantities[0] ?? panel.name)}
          </button>
        )
      })}
    </div>
  )
}

interface DrawnProps {
  readonly id: string
  readonly panels: readonly Panel[]
  readonly range: Range
  readonly isTable: boolean
  readonly onRange: (range: Range) => void
  readonly zone: string
}

function Drawn({ id, panels, range, isTable, onRange, zone }: DrawnProps) {
  const { t } = useLingui()
  const { dateTime } = useFormat()
  const [host, width] = useWidth()
  const [plots] = useState<Plots>(() => new Set())
  const sync = useId()
  const names = useMemo(() => panels.flatMap((panel) => panel.quantities), [panels])
  // A table shows as many rows as can be read.
  const pixels = isTable ? 120 : Math.max(200, width)
  const ask = wanted(range, pixels, range.to)
  const series = useSeries({ id, names, ...ask }, width > 0)
  const { data } = series
  const frames = useMemo(() => (data === undefined ? null : panels.map((panel) => toFrame(data, panel.quantities))), [data, panels])
  const summary = useIntervalText(data?.interval)
  const csv = new URLSearchParams({
    node_id: id, start: writeTime(range.from), end: writeTime(range.to + 1000), interval: data?.interval ?? 'raw', metrics: names.join(','),
  })
  const isEmpty = data?.at.every((at) => { const time = Date.parse(at); return time < range.from || time > range.to }) ?? false

  return (
    <div ref={host} className="px-3 pt-2 pb-3" data-interval={data?.interval} aria-busy={series.isFetching}>
      {panels.length === 0 && <EmptyState title={t`No chart is chosen`} />}
      {series.isError && data === undefined && <ErrorState error={series.error} retry={() => { void series.refetch() }} />}
      {frames === null && series.isPending && panels.map((panel) => <Skeleton key={panel.name} className="my-3 h-44 w-full" />)}
      {isEmpty && !isTable && <p role="status" className="px-1 py-2 text-sm text-muted"><Trans>Nothing was measured in this time.</Trans></p>}
      {data !== undefined && isTable && <SeriesTable data={data} names={names} range={range} />}
      {frames !== null && !isTable && width > 0 && panels.map((panel, index) => {
        const frame = frames[index]
        return frame === undefined ? null : (
          <div key={panel.name} data-panel={panel.name} className="border-t border-line pt-2 first:border-t-0">
            <ChartPanel frame={frame} range={range} width={width - 24} height={panels.length === 1 ? 300 : 176} sync={sync} plots={plots} onRange={onRange} />
          </div>
        )
      })}
      <div className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1 px-1 pt-2 text-xs text-muted">
        <span>{dateTime(range.from)} – {dateTime(range.to)}</span>
        <span>{summary}</span>
        <span><Trans>Times in {zone}</Trans></span>
        {series.isFetching && <LoaderCircle aria-hidden className="size-4 animate-spin" />}
        {panels.length > 0 && (
          <a href={`/api/v1/weather/history.csv?${csv.toString()}`} download className="ml-auto inline-flex min-h-11 items-center gap-1.5 font-medium text-accent-ink hover:underline">
            <Download aria-hidden className="size-4" /><Trans>Download as CSV</Trans>
          </a>
        )}
      </div>
    </div>
  )
}

/** What a point of the chart stands for. */
function useIntervalText(interval: string | undefined): string {
  const { t } = useLingui()
  switch (interval) {
    case undefined: return ''
    case 'raw': return t`Each reading`
    case '5m': return t`Means of 5 minutes, with least and greatest`
    case '15m': return t`Means of 15 minutes, with least and greatest`
    case '30m': return t`Means of 30 minutes, with least and greatest`
    case '1h': return t`Hourly means, with least and greatest`
    case '3h': return t`Means of 3 hours, with least and greatest`
    case '6h': return t`Means of 6 hours, with least and greatest`
    case '12h': return t`Means of half days (UTC), with least and greatest`
    case '1d': return t`Daily means (days of UTC), with least and greatest`
    default: return interval
  }
}
