import type uPlot from 'uplot'
import { type Shown, shown } from '@/format/units'
import type { Units } from '@/shell/preferences'
import type { Cell, Frame, FrameColumn } from './frame'
import { type Paper, Path } from './paper'
import { formOf } from './panels'

/** The inks of a panel's quantities, in their order; dashes tell them apart where colours do not. */
const INKS = ['--accent', '--warn', '--good', '--info', '--bad', '--muted', '--ink'] as const
const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [10, 3, 2, 3], [5, 5], [1, 4], [12, 4]]

/** How one quantity of a panel looks. */
export interface Ink {
  readonly stroke: string
  readonly dash: readonly number[]
}

export function inkOf(index: number): Ink {
  const at = index % INKS.length
  return { stroke: `var(${INKS[at] ?? '--accent'})`, dash: DASHES[at] ?? [] }
}

export interface DrawOptions {
  readonly frame: Frame
  readonly units: Units
  readonly width: number
  readonly height: number
  readonly sync: string
  readonly number: (value: number, decimals: number) => string
  readonly axisTime: (at: Date, step: number) => string
  readonly onSelect: (from: number, to: number) => void
  readonly onCursor: (index: number | null) => void
}

const convert = (cells: readonly Cell[] | null, unit: Shown): Cell[] => (cells ?? []).map((cell) => (cell == null ? cell : unit.of(cell)))

/** Returns the columns as uPlot takes them, in the units that are shown: time in seconds, then value, least and greatest of each. */
export function plotData(frame: Frame, units: Units): uPlot.AlignedData {
  const columns = frame.columns.flatMap((column) => {
    const unit = shown(column.name, units)
    return hasBand(column) ? [convert(column.value, unit), convert(column.min, unit), convert(column.max, unit)] : [convert(column.value, unit)]
  })
  return [frame.at.map((at) => at / 1000), ...columns]
}

function hasBand(column: FrameColumn): boolean {
  return column.min !== null && column.max !== null && formOf(column.name) === 'line'
}

/** What tells whether a plot can take new data or has to be made anew. */
export function shapeOf(frame: Frame): string {
  return frame.columns.map((column) => `${column.name}${hasBand(column) ? '±' : ''}`).join(' ')
}

/** Returns how a panel is drawn. */
export function plotOptions({ frame, units, width, height, sync, number, axisTime, onSelect, onCursor }: DrawOptions): uPlot.Options {
  const series: uPlot.Series[] = [{}]
  const bands: uPlot.Band[] = []
  let decimals = 0
  let isFromZero = true
  for (const [index, column] of frame.columns.entries()) {
    const form = formOf(column.name)
    const ink = inkOf(index)
    const place = series.length
    if (form !== 'arrows') {
      decimals = Math.max(decimals, shown(column.name, units).decimals)
      isFromZero &&= ZERO_BASED.test(column.name)
    }
    series.push({
      scale: form === 'arrows' ? 'direction' : 'y', stroke: ink.stroke, width: 1.75, dash: [...ink.dash], spanGaps: false,
      ...(form === 'line' ? { points: { show: alone, size: 5, fill: ink.stroke } } : { paths: () => null, points: { show: false } }),
    })
    if (!hasBand(column)) continue
    const edge = { scale: 'y', stroke: 'transparent', width: 0, points: { show: false } }
    series.push(edge, { ...edge })
    bands.push({ series: [place + 2, place + 1], fill: withAlpha(ink.stroke, 0.18) })
  }
  const grid = { stroke: withAlpha('var(--muted)', 0.18), width: 1 }
  const axis = { stroke: 'var(--muted)', font: '11px "Inter Variable", system-ui, sans-serif', grid, ticks: { show: false } }
  return {
    width, height, series, bands,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true },
      y: { range: (_, least, greatest) => rangeY(least, greatest, isFromZero) },
      direction: { range: [0, 360] },
    },
    axes: [
      { ...axis, size: 26, gap: 4, space: 64, values: (_, splits, __, ___, step) => splits.map((at) => axisTime(new Date(at * 1000), step)) },
      { ...axis, size: 54, gap: 6, space: 34, values: (_, splits) => splits.map((value) => number(value, decimalsOf(splits, decimals))) },
    ],
    cursor: {
      sync: { key: sync, setSeries: false, scales: ['x', null] },
      drag: { x: true, y: false, setScale: false, dist: 6 },
      points: { size: 7, show: true },
      y: false,
    },
    hooks: {
      draw: [(plot) => { drawForms(plot, frame); paperOf(plot).show() }],
      setCursor: [(plot) => { onCursor(plot.cursor.idx ?? null) }],
      setSelect: [(plot) => {
        const { left, width: wide } = plot.select
        if (wide < 4) return
        onSelect(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + wide, 'x') * 1000)
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
      }],
    },
  }
}

/** What a plot is drawn upon. */
export function paperOf(plot: uPlot): Paper {
  return plot.ctx as unknown as Paper
}

/** Of these, the distance from nothing is what counts. */
const ZERO_BASED = /^(wind_(speed|gust|lull)_|rain_|pm\d|particles_|.*_lux$|co2_|battery_pct|.*_pct$)/

function rangeY(least: number | null, greatest: number | null, isFromZero: boolean): [number, number] {
  if (least === null || greatest === null) return [0, 1]
  const span = Math.max(greatest - least, Math.abs(greatest) * 0.002, 0.4)
  if (isFromZero && least >= 0) return [0, greatest + Math.max(span * 0.1, 0.1)]
  const spare = (span - (greatest - least)) / 2 + span * 0.1
  return [least - spare, greatest + spare]
}

/** No more decimals than tell the lines of the grid apart. */
function decimalsOf(splits: readonly number[], most: number): number {
  const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0))
  return Math.min(most, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)))
}

/** A reading between two gaps has no line: it is a dot. With few of them, all are. */
function alone(plot: uPlot, index: number, from: number, to: number): boolean {
  return to - from < 40 && (plot.data[index]?.length ?? 0) < 120
}

/** A colour, of which so much covers what is under it. */
function withAlpha(color: string, alpha: number): string {
  return `color-mix(in srgb, ${color} ${String(alpha * 100)}%, transparent)`
}

/** Draws what is neither line nor band: bars of rain, arrows of wind. */
function drawForms(plot: uPlot, frame: Frame): void {
  let place = 1
  for (const [index, column] of frame.columns.entries()) {
    const form = formOf(column.name)
    if (form === 'bars') drawBars(plot, place, frame, inkOf(index).stroke)
    if (form === 'arrows') drawArrows(plot, place, inkOf(index).stroke)
    place += hasBand(column) ? 3 : 1
  }
}

function drawBars(plot: uPlot, place: number, frame: Frame, color: string): void {
  const { bbox } = plot
  const paper = paperOf(plot)
  const [bounds, bars] = [new Path(), new Path()]
  const base = plot.valToPos(0, 'y', true)
  const wide = barWidth(plot, frame)
  for (const [index, at] of (plot.data[0] as number[]).entries()) {
    const value = plot.data[place]?.[index]
    if (value == null || value <= 0) continue
    const [x, y] = [plot.valToPos(at, 'x', true), plot.valToPos(value, 'y', true)]
    bars.rect(x - wide / 2, Math.min(y, base - devicePixelRatio), wide, Math.max(base - y, devicePixelRatio))
  }
  bounds.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  paper.save()
  paper.clip(bounds)
  paper.fillStyle = color
  paper.fill(bars)
  paper.restore()
}

/** As wide as a bucket, or as the time between readings, less a little. */
function barWidth(plot: uPlot, frame: Frame): number {
  const { min, max } = plot.scales['x'] ?? {}
  const seconds = Math.max(1, (max ?? 1) - (min ?? 0))
  const span = frame.width > 0 ? frame.width / 1000 : 240
  return Math.max(2 * devicePixelRatio, (plot.bbox.width * span) / seconds * 0.82)
}

/** Arrows along the top that fly with the wind; where they would lie upon each other, the one next to the middle stays. */
function drawArrows(plot: uPlot, place: number, color: string): void {
  const { bbox } = plot
  const paper = paperOf(plot)
  const slot = 22 * devicePixelRatio
  const chosen = new Map<number, { distance: number; x: number; degrees: number }>()
  for (const [index, at] of (plot.data[0] as number[]).entries()) {
    const degrees = plot.data[place]?.[index]
    const x = plot.valToPos(at, 'x', true)
    if (degrees == null || x < bbox.left || x > bbox.left + bbox.width) continue
    const number = Math.floor((x - bbox.left) / slot)
    const distance = Math.abs(x - bbox.left - (number + 0.5) * slot)
    const known = chosen.get(number)
    if (known === undefined || distance < known.distance) chosen.set(number, { distance, x, degrees })
  }
  const size = 6 * devicePixelRatio
  const arrows = new Path()
  for (const { x, degrees } of chosen.values()) {
    const turn = ((degrees + 180) * Math.PI) / 180
    const [sin, cos] = [Math.sin(turn), Math.cos(turn)]
    /** A point of an arrow that points up, in its sizes, where it is once the arrow is turned. */
    const at = (right: number, down: number): [number, number] =>
      [x + size * (right * cos - down * sin), bbox.top + size + 2 * devicePixelRatio + size * (right * sin + down * cos)]
    arrows.moveTo(...at(0, 1))
    arrows.lineTo(...at(0, -1))
    arrows.moveTo(...at(-0.55, -0.35))
    arrows.lineTo(...at(0, -1))
    arrows.lineTo(...at(0.55, -0.35))
  }
  paper.save()
  paper.strokeStyle = color
  // The line that was drawn before may have had dashes.
  paper.setLineDash([])
  paper.lineWidth = 1.5 * devicePixelRatio
  paper.lineCap = 'round'
  paper.stroke(arrows)
  paper.restore()
}
