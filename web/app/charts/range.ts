/** A span of time that is looked at, in milliseconds since 1970: from the first to the second. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** The spans that are offered; each ends now. */
export const SPANS = ['day', 'week', 'month', 'year'] as const
export type Span = (typeof SPANS)[number]

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const LENGTH: Record<Span, number> = { day: DAY, week: 7 * DAY, month: 31 * DAY, year: 366 * DAY }

/** Less than this shows single readings larger, and nothing more. */
const SHORTEST = 5 * MINUTE
/** The server answers for about 20 years at once; with room on both sides. */
const LONGEST = 10 * 366 * DAY
/** Nobody measured before; a clock that starts in 1970 did not either. */
const EARLIEST = Date.UTC(2000, 0, 1)

/** Returns the span that ends now. */
export function rangeOf(span: Span, now: number): Range {
  return { from: now - LENGTH[span], to: now }
}

/** Returns the range as it can be shown: long enough, not too long, neither before the century nor after now. */
export function clamp({ from, to }: Range, now: number): Range {
  const length = Math.min(LONGEST, Math.max(SHORTEST, to - from))
  const middle = (from + to) / 2
  const end = Math.min(middle + length / 2, now)
  const start = Math.max(EARLIEST, end - length)
  return { from: Math.round(start), to: Math.round(start + length) }
}

/** Returns the range closer by `factor` (under 1) or wider (over 1), with what lies at `at` where it is. */
export function zoomed({ from, to }: Range, factor: number, at: number, now: number): Range {
  return clamp({ from: at - (at - from) * factor, to: at + (to - at) * factor }, now)
}

/** Returns the range moved by a share of its length, to the future if that is positive. */
export function panned({ from, to }: Range, share: number, now: number): Range {
  const by = (to - from) * share
  return clamp({ from: from + by, to: to + by }, now)
}

/** What is asked of the server for a range: a part more on both sides, so that a small move shows something at once. */
export interface Wanted extends Range {
  readonly points: number
}

/** How much more than what is shown is asked for, on each side. */
const MARGIN = 0.25
const POINTS = { least: 10, most: 2000 }

/**
 * Returns what to ask for to draw a range on so many pixels: one point for two of them is as fine as a band can be seen. The
 * ends fall on whole steps of a sixteenth, so that moving a little, or the passing of time, asks nothing new.
 */
export function wanted({ from, to }: Range, pixels: number, now: number): Wanted {
  const length = to - from
  const step = Math.max(MINUTE, length / 16)
  const down = (at: number) => Math.floor(at / step) * step
  const start = Math.max(EARLIEST, down(from - length * MARGIN))
  // There is nothing to be had of the future but what comes while this is looked at.
  const end = Math.min(down(to + length * MARGIN) + step, down(now) + 2 * step)
  const asked = Math.round((pixels / 2) * ((end - start) / length))
  const rounded = Math.ceil(asked / 50) * 50
  return { from: Math.round(start), to: Math.round(end), points: Math.min(POINTS.most, Math.max(POINTS.least, rounded)) }
}

/** Reads a time as the URL has it: RFC 3339 in UTC, to the minute or second. */
export function readTime(text: unknown): number | null {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/.test(text)) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : at
}

/** Writes a time for the URL. */
export function writeTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}
