import type { Column, SeriesData } from '@/charts/frame'

const HOUR = 3_600_000

/** What the last hours say of a quantity. */
export interface Today {
  readonly least: number | null
  readonly greatest: number | null
  /** Since midnight; of sums alone. */
  readonly sum: number | null
  /** How much it changed in three hours; nothing where that is not known. */
  readonly trend: number | null
}

const NOTHING: Today = { least: null, greatest: null, sum: null, trend: null }
/** A value from so long before or after the moment is not of that moment. */
const TOLERANCE = 0.5 * HOUR

/** Returns when the day began that a time belongs to, where this device is. */
export function midnight(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0)
}

/** From when on a series has to reach to tell of today and of the last three hours. */
export function since(now: number): number {
  return Math.floor(Math.min(midnight(now), now - 4 * HOUR) / HOUR) * HOUR
}

/** Returns what a series says of today: extremes since midnight, and the change over three hours up to its newest value. */
export function todayOf(series: SeriesData, name: string, now: number): Today {
  const column = series.metrics[name]
  if (column === undefined) return NOTHING
  const width = (series.interval_s ?? 0) * 1000
  const times = series.at.map((at) => Date.parse(at))
  const today = times.flatMap((at, index) => (at >= midnight(now) && column.value[index] != null ? [index] : []))
  const values = (of: readonly (number | null)[] | undefined) => today.flatMap((index) => of?.[index] ?? column.value[index] ?? [])
  const all = [...values(column.min), ...values(column.max)]
  return {
    least: all.length === 0 ? null : Math.min(...all),
    greatest: all.length === 0 ? null : Math.max(...all),
    sum: today.length === 0 ? null : values(undefined).reduce((sum, value) => sum + value, 0),
    trend: trendOf(times, column, width),
  }
}

function trendOf(times: readonly number[], column: Column, width: number): number | null {
  const last = column.value.findLastIndex((value) => value != null)
  const [at, value] = [times[last], column.value[last]]
  if (at === undefined || value == null) return null
  const then = at - 3 * HOUR
  let best: { away: number; value: number } | null = null
  for (const [index, time] of times.entries()) {
    const before = column.value[index]
    const away = Math.abs(time - then)
    if (before != null && away <= TOLERANCE + width && (best === null || away < best.away)) best = { away, value: before }
  }
  return best === null ? null : value - best.value
}

/** Tells which way a change goes, in steps that a person would see. */
export function direction(trend: number, decimals: number): 'up' | 'down' | 'steady' {
  const step = 0.5 * 10 ** -decimals
  if (trend >= step) return 'up'
  return trend <= -step ? 'down' : 'steady'
}
