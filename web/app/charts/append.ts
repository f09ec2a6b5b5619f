import { isRecord } from '@/api/is-record'
import type { SeriesData } from './frame'

/** A live event about a node's newest values: values by name, and the times of those that are older than `at`. */
export interface LatestEvent {
  readonly node_id: string
  readonly at: string
  readonly observed_at?: Readonly<Record<string, string>>
  readonly [name: string]: unknown
}

/** Checks what the stream brought, which is from outside. */
export function asLatest(data: unknown): LatestEvent | null {
  if (!isRecord(data)) return null
  const { node_id, at } = data
  if (typeof node_id !== 'string' || typeof at !== 'string' || Number.isNaN(Date.parse(at))) return null
  return data as LatestEvent
}

/**
 * Returns a series of single readings with the event's at its end, or in its last row if that has the same time. Nothing is to
 * be done, and the same series comes back, if it is another node's, summarised, or the reading is not its newest.
 */
export function append(series: SeriesData, event: LatestEvent): SeriesData {
  if (series.node_id !== event.node_id || series.interval !== 'raw') return series
  const at = Date.parse(event.at)
  const last = Date.parse(series.at.at(-1) ?? '1970-01-01T00:00:00Z')
  const told = Object.keys(series.metrics).filter((name) => typeof event[name] === 'number' && event.observed_at?.[name] === undefined)
  if (at < last || told.length === 0) return series
  const isSame = at === last
  const metrics = Object.entries(series.metrics).map(([name, column]) => {
    const value = told.includes(name) ? (event[name] as number) : null
    const values = isSame ? [...column.value.slice(0, -1), value ?? column.value.at(-1) ?? null] : [...column.value, value]
    return [name, { ...column, value: values }] as const
  })
  return { ...series, at: isSame ? series.at : [...series.at, event.at], metrics: Object.fromEntries(metrics) }
}
