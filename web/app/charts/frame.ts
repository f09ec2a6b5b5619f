/** A series as the server answers it. */
export interface SeriesData {
  readonly node_id: string
  readonly interval: string
  readonly interval_s?: number | null | undefined
  readonly at: readonly string[]
  readonly metrics: Readonly<Record<string, Column>>
}

export interface Column {
  readonly value: readonly (number | null)[]
  readonly min?: readonly (number | null)[] | undefined
  readonly max?: readonly (number | null)[] | undefined
}

/** What a chart draws: null is a gap, undefined is no news, over which a line goes on. */
export type Cell = number | null | undefined

/** Columns over common times in milliseconds, with gaps written out. */
export interface Frame {
  readonly at: readonly number[]
  readonly columns: readonly FrameColumn[]
  /** How long a bucket is, in milliseconds; 0 for single readings. */
  readonly width: number
}

export interface FrameColumn {
  readonly name: string
  readonly value: readonly Cell[]
  readonly min: readonly Cell[] | null
  readonly max: readonly Cell[] | null
}

/** Readings further apart than so many of their usual steps have a gap between them. */
const PATIENCE = 3.5
/** Readings that are closer than this never have one. */
const ALWAYS_TOGETHER = 5 * 60_000

/** Puts the columns of these quantities together, with gaps where nothing is known. */
export function toFrame(data: SeriesData, names: readonly string[]): Frame {
  const starts = data.at.map((text) => Date.parse(text))
  const width = (data.interval_s ?? 0) * 1000
  // What a bucket says is about all of it: it is drawn in its middle.
  const times = starts.map((start) => start + width / 2)
  const columns = names.map((name) => data.metrics[name] ?? { value: times.map(() => null) })
  const gaps = columns.map((column) => (width > 0 ? bucketGaps(times, column.value, width) : readingGaps(times, column.value)))
  const there = new Set(times)
  const inserted = [...new Set(gaps.flat())].filter((at) => !there.has(at)).sort((a, b) => a - b)
  const at = merge(times, inserted)
  const place = new Map(times.map((time, index) => [time, index]))
  const spread = (values: readonly (number | null)[] | undefined, gap: ReadonlySet<number>): Cell[] | null => {
    if (values === undefined || values.length === 0) return null
    return at.map((time) => {
      const index = place.get(time)
      const value = index === undefined ? null : values[index] ?? null
      return value ?? (gap.has(time) ? null : undefined)
    })
  }
  return {
    at,
    width,
    columns: columns.map((column, index) => {
      const gap = new Set(gaps[index])
      return { name: names[index] ?? '', value: spread(column.value, gap) ?? [], min: spread(column.min, gap), max: spread(column.max, gap) }
    }),
  }
}

/** Buckets that say nothing of a quantity are its gaps; of a row of missing ones, one is enough. */
function bucketGaps(times: readonly number[], values: readonly (number | null)[], width: number): number[] {
  const gaps: number[] = []
  let last: number | null = null
  for (const [index, time] of times.entries()) {
    if (values[index] == null) continue
    if (last !== null && time - last > width * 1.5) gaps.push(last + width)
    last = time
  }
  return gaps
}

/** Single readings have gaps where much more time lies between two than usually does. */
function readingGaps(times: readonly number[], values: readonly (number | null)[]): number[] {
  const told = times.filter((_, index) => values[index] != null)
  const steps = told.slice(1).map((time, index) => time - (told[index] ?? time))
  const limit = Math.max(ALWAYS_TOGETHER, median(steps) * PATIENCE)
  return steps.flatMap((step, index) => (step > limit ? [(told[index] ?? 0) + Math.round(step / 2)] : []))
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function merge(a: readonly number[], b: readonly number[]): number[] {
  const all: number[] = []
  let j = 0
  for (const time of a) {
    for (let other = b[j]; other !== undefined && other < time; other = b[++j]) all.push(other)
    all.push(time)
  }
  return [...all, ...b.slice(j)]
}

/** What a span of a column comes to. */
export interface Summary {
  readonly least: number
  readonly greatest: number
  readonly last: number
  readonly count: number
  readonly sum: number
}

/** Returns what a column comes to between two times; nothing if it has no values there. */
export function summarise(frame: Frame, column: FrameColumn, from: number, to: number): Summary | null {
  let summary: Summary | null = null
  for (const [index, time] of frame.at.entries()) {
    const value = column.value[index]
    if (time < from || time > to || value == null) continue
    const [least, greatest] = [column.min?.[index] ?? value, column.max?.[index] ?? value]
    summary = summary === null
      ? { least, greatest, last: value, count: 1, sum: value }
      : { least: Math.min(summary.least, least), greatest: Math.max(summary.greatest, greatest), last: value, count: summary.count + 1, sum: summary.sum + value }
  }
  return summary
}
