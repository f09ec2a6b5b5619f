import type { NetworkRates } from '@/api/schema'
import { parseTime } from '@/format/time'
import type { Span } from './search'

/** What is counted. */
export type Counted = 'packets' | 'readings' | 'texts' | 'rejects'

/** One bar: from when, over how many minutes, and how much. */
export interface Bar {
  readonly at: number
  readonly number: number
  /** Whether its time is not over yet. */
  readonly isOpen: boolean
}

/** How a span is cut: how many steps of an answer it has, and how many of them make a bar. */
export const CUTS: Record<Span, { readonly interval: '1m' | '1h'; readonly steps: number; readonly perBar: number }> = {
  hour: { interval: '1m', steps: 60, perBar: 2 },
  day: { interval: '1m', steps: 1440, perBar: 60 },
  week: { interval: '1h', steps: 168, perBar: 6 },
}

function numbers(rates: NetworkRates, what: Counted): number[] {
  if (what === 'texts') return rates.texts_heard.map((heard, step) => heard + (rates.texts_sent[step] ?? 0))
  return rates[what]
}

/**
 * Gathers steps into bars. Bars begin at round times, the last is the one that goes on; of the time before counting began
 * there is none, for nothing is known of it.
 */
export function bars(rates: NetworkRates, what: Counted, span: Span): Bar[] {
  const { steps, perBar } = CUTS[span]
  const start = parseTime(rates.start)
  if (start === null || rates.step_s <= 0) return []
  const width = rates.step_s * perBar * 1000
  const all = numbers(rates, what)
  const first = Math.max(0, all.length - steps)
  const gathered = new Map<number, number>()
  for (let step = first; step < all.length; step += 1) {
    const at = Math.floor((start + step * rates.step_s * 1000) / width) * width
    gathered.set(at, (gathered.get(at) ?? 0) + (all[step] ?? 0))
  }
  const last = Math.max(...gathered.keys())
  return [...gathered].map(([at, number]) => ({ at, number, isOpen: at === last }))
}

/** How much of the span has gone by, in minutes, counted from when counting began. */
export function minutes(rates: NetworkRates, span: Span): number {
  const { steps } = CUTS[span]
  return (Math.min(steps, rates.packets.length) * rates.step_s) / 60
}

/** How much there was in all over the span. */
export function total(rates: NetworkRates, what: Counted, span: Span): number {
  return numbers(rates, what).slice(-CUTS[span].steps).reduce((sum, number) => sum + number, 0)
}
