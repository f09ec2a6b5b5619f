import { useLingui } from '@lingui/react/macro'
import { useEffect, useMemo, useRef, useState } from 'react'
import type uPlot from 'uplot'
import { useFormat } from '@/format/hooks'
import { compassPoint } from '@/format/wind'
import { fetched } from '@/shell/fetched'
import { Value } from '@/ui/value'
import { paperOf, plotData, plotOptions, shapeOf } from './draw'
import { type Frame, type FrameColumn, summarise, type Summary } from './frame'
import { followGestures } from './gestures'
import { Key } from './key'
import { inTurn } from './making'
import { useNear } from './near'
import { formOf } from './panels'
import type { Range } from './range'
import { axisTime } from './times'

/** Asked for once, with the first chart. */
let library: Promise<typeof import('./uplot')> | undefined

/** The plots that move together while a hand moves one of them. */
export type Plots = Set<uPlot>

interface PanelProps {
  readonly frame: Frame
  readonly range: Range
  readonly width: number
  readonly height: number
  readonly sync: string
  readonly plots: Plots
  readonly onRange: (range: Range) => void
}

/** One chart: the quantities of a panel over the range, with their values under the cursor above it. */
export function ChartPanel({ frame, range, width, height, sync, plots, onRange }: PanelProps) {
  const { locale, units, number } = useFormat()
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const newest = useRef({ frame, range, onRange })
  const [cursor, setCursor] = useState<number | null>(null)
  // A chart that cannot be drawn is the page's matter.
  const [, fail] = useState(null)
  const shape = shapeOf(frame)
  const isNear = useNear(host)
  useEffect(() => { newest.current = { frame, range, onRange } })

  useEffect(() => {
    if (host.current === null || width < 80 || !isNear) return
    const options = plotOptions({
      frame: newest.current.frame, units, width, height, sync, number, onCursor: setCursor,
      axisTime: (at, step) => axisTime(at, step, locale),
      onSelect: (from, to) => { newest.current.onRange({ from, to }) },
    })
    const target = host.current
    let end: (() => void) | null = () => undefined
    library ??= fetched(() => import('./uplot'))
    inTurn(library).then(({ default: Plot }) => {
      if (end === null) return
      const made = new Plot(options, plotData(newest.current.frame, units), target)
      // What uPlot takes for a canvas is never drawn upon: its paper is what is seen.
      made.root.querySelector('canvas')?.replaceWith(paperOf(made).svg)
      setX(made, newest.current.range)
      const stop = followGestures(made.over, {
        range: () => newest.current.range,
        preview: (next) => { for (const each of plots) setX(each, next) },
        settle: (next) => { newest.current.onRange(next) },
      })
      plot.current = made
      plots.add(made)
      end = () => { stop(); plots.delete(made); made.destroy(); plot.current = null }
    }).catch((error: unknown) => { fail(() => { throw error }) })
    return () => { end?.(); end = null }
    // Rain of single readings and of buckets differ in the width of bars, which the frame tells.
  }, [shape, frame.width, units, locale, number, width, height, sync, plots, isNear])

  useEffect(() => {
    const made = plot.current
    if (made === null) return
    made.setData(plotData(frame, units), false)
    setX(made, range)
  }, [frame, range, units])

  const time = cursor === null ? undefined : frame.at[cursor]
  return (
    <figure className="min-w-0">
      <Legend frame={frame} range={range} cursor={cursor} time={time} />
      <div ref={host} aria-hidden style={{ height }} className="-ml-1 overflow-hidden" />
    </figure>
  )
}

function setX(plot: uPlot, { from, to }: Range): void {
  plot.setScale('x', { min: from / 1000, max: to / 1000 })
}

interface LegendProps {
  readonly frame: Frame
  readonly range: Range
  readonly cursor: number | null
  readonly time: number | undefined
}

/** What the lines are, and what they say under the cursor; without one, what the span comes to. */
function Legend({ frame, range, cursor, time }: LegendProps) {
  const { label, dateTime } = useFormat()
  const sums = useMemo(() => frame.columns.map((column) => summarise(frame, column, range.from, range.to)), [frame, range])
  return (
    <figcaption className="flex min-h-7 flex-wrap items-baseline gap-x-4 gap-y-0.5 px-1 text-xs">
      {frame.columns.map((column, index) => (
        <span key={column.name} className="inline-flex items-baseline gap-1.5">
          <Key index={index} form={formOf(column.name)} />
          <span className="text-muted">{label(column.name)}</span>
          {cursor === null ? <Span column={column} sum={sums[index] ?? null} /> : <Under column={column} cursor={cursor} />}
        </span>
      ))}
      {time !== undefined && <span className="tabular ml-auto text-muted">{dateTime(time)}</span>}
    </figcaption>
  )
}

function Under({ column, cursor }: { readonly column: FrameColumn; readonly cursor: number }) {
  const { i18n } = useLingui()
  const place = nearest(column, cursor)
  const value = place === null ? null : column.value[place]
  const [least, greatest] = [place === null ? null : column.min?.[place], place === null ? null : column.max?.[place]]
  return (
    <span className="font-medium">
      <Value quantity={column.name} value={value} />
      {value != null && formOf(column.name) === 'arrows' && <span className="ml-1 text-muted">{i18n._(compassPoint(value))}</span>}
      {least != null && greatest != null && least !== greatest && <Extent name={column.name} least={least} greatest={greatest} />}
    </span>
  )
}

function Span({ column, sum }: { readonly column: FrameColumn; readonly sum: Summary | null }) {
  const { text } = useFormat()
  if (sum === null) return <span className="text-muted">—</span>
  if (formOf(column.name) === 'arrows') return null
  if (formOf(column.name) === 'bars') return <span className="tabular font-medium">Σ {text(column.name, sum.sum)}</span>
  return <Extent name={column.name} least={sum.least} greatest={sum.greatest} />
}

function Extent({ name, least, greatest }: { readonly name: string; readonly least: number; readonly greatest: number }) {
  const { quantity, text } = useFormat()
  const from = quantity(name, least)?.text ?? ''
  return <span className="tabular ml-1 font-normal text-muted">{from} … {text(name, greatest)}</span>
}

/** The value at the cursor, or the next one to it if this row says nothing of the quantity. */
function nearest(column: FrameColumn, cursor: number): number | null {
  for (let away = 0; away <= 3; away++) {
    for (const place of [cursor - away, cursor + away]) {
      if (column.value[place] === null) return null
      if (column.value[place] !== undefined) return place
    }
  }
  return null
}
