import { dateFormat } from '@/format/intl'

const HOUR = 3600
const DAY = 24 * HOUR

/** Returns what stands at a line of the time axis whose lines are so many seconds apart: the day where one begins. */
export function axisTime(at: Date, step: number, locale: string): string {
  if (step >= 360 * DAY) return dateFormat(locale, { year: 'numeric' }).format(at)
  if (step >= 27 * DAY) return dateFormat(locale, at.getMonth() === 0 ? { year: 'numeric' } : { month: 'short' }).format(at)
  const isMidnight = at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0
  if (step >= DAY || isMidnight) return dateFormat(locale, { day: 'numeric', month: 'short' }).format(at)
  if (step < 60) return dateFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at)
  return dateFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(at)
}

/** The zone in which times are shown, by its name and what it differs from UTC by: `Europe/Prague (GMT+2)`. */
export function zoneName(locale: string, at: Date): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const offset = dateFormat(locale, { timeZoneName: 'shortOffset' }).formatToParts(at).find((part) => part.type === 'timeZoneName')?.value
  return offset === undefined || offset === timeZone ? timeZone : `${timeZone} (${offset})`
}
