import type { UplinkSummary } from '@/api/schema'
import { parseTime } from '@/format/time'

/** Shorter breaks are a connection that was made anew. */
const WORTH_TELLING = 5000

/** Returns for how many milliseconds nobody listened to a broker between the first and the last time that somebody did. */
export function missedOf(listening: UplinkSummary['listening'], source: string): number {
  const sessions = listening.filter((session) => session.source === source).map(({ from, until }) => ({ from: parseTime(from) ?? 0, until: parseTime(until) ?? 0 })).sort((a, b) => a.from - b.from)
  let missed = 0
  let end = sessions[0]?.until ?? 0
  for (const { from, until } of sessions) {
    if (from - end >= WORTH_TELLING) missed += from - end
    end = Math.max(end, until)
  }
  return missed
}
