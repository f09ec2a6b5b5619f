import { ageFormat, dateFormat, numberFormat } from './intl'

/** The language as it is written where this device is: `en` is `en-GB` to a browser that prefers that, and has its dates and clock. */
export function regional(language: string): string {
  return navigator.languages.find((tag) => tag === language || tag.startsWith(`${language}-`)) ?? language
}

/** How old something is, in words that need no catalogue: the browser speaks the language. */
export function formatAge(ms: number, locale: string, style: 'long' | 'narrow' = 'narrow'): string {
  const format = ageFormat(locale, { numeric: 'auto', style })
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return format.format(-seconds, 'second')
  if (seconds < 3600) return format.format(-Math.floor(seconds / 60), 'minute')
  if (seconds < 48 * 3600) return format.format(-Math.floor(seconds / 3600), 'hour')
  if (seconds < 60 * 86_400) return format.format(-Math.floor(seconds / 86_400), 'day')
  return format.format(-Math.floor(seconds / (30 * 86_400)), 'month')
}

/** Returns a span of time in its two greatest units, like `3 h 12 min`. */
export function formatDuration(ms: number, locale: string): string {
  const unit = (value: number, name: 'day' | 'hour' | 'minute' | 'second') => numberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value)
  const seconds = Math.max(0, Math.round(ms / 1000))
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  if (days > 0) return hours > 0 ? `${unit(days, 'day')} ${unit(hours, 'hour')}` : unit(days, 'day')
  if (hours > 0) return minutes > 0 ? `${unit(hours, 'hour')} ${unit(minutes, 'minute')}` : unit(hours, 'hour')
  if (minutes > 0) return unit(minutes, 'minute')
  return unit(seconds, 'second')
}

/** Reads a time of the API; nothing if it is none. */
export function parseTime(text: string | null | undefined): number | null {
  if (text == null) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : at
}

/** Date and time of this device's zone, with the zone's name: somebody far away may read it too. */
export function formatDateTime(at: number, locale: string): string {
  return dateFormat(locale, { dateStyle: 'medium', timeStyle: 'long' }).format(at)
}

/** The time of day, to the second. */
export function formatSecond(at: number, locale: string): string {
  return dateFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at)
}

/** The time of day. */
export function formatTime(at: number, locale: string): string {
  return dateFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(at)
}

/** The day, with its weekday. */
export function formatDay(at: number, locale: string): string {
  return dateFormat(locale, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(at)
}

/** How much something of this age can be relied on; what is missing is `never`. */
export type Freshness = 'fresh' | 'aging' | 'stale' | 'never'

/** Judges an age: fresh up to `expected`, then aging, and stale from six times that on. Readings are expected every 15 minutes. */
export function freshness(ms: number | null, expected = 15 * 60_000): Freshness {
  if (ms === null) return 'never'
  if (ms <= expected) return 'fresh'
  return ms <= 6 * expected ? 'aging' : 'stale'
}
