import type { ConversationText, Gap, GapSpan, Gaps, Message, ReceivedText } from '@/api/schema'
import { parseTime } from '@/format/time'
import type { Unsent } from '@/mine/outbox'

/** A stretch in which texts may be missing. */
export interface Missing {
  readonly from: number
  /** Nothing while it goes on. */
  readonly until: number | null
  /** The bridge that did not listen; nothing if none at all did. */
  readonly bridge: string | null
  readonly reason: Gap['reason'] | null
}

export interface DayItem {
  readonly kind: 'day'
  readonly key: string
  readonly at: number
}

export interface GapItem {
  readonly kind: 'gap'
  readonly key: string
  readonly at: number
  readonly gap: Missing
}

/** One line of a conversation. */
export type Item =
  | DayItem
  | GapItem
  | { readonly kind: 'sent'; readonly key: string; readonly at: number; readonly text: Message; readonly quoted: string | null; readonly reactions: readonly string[] }
  | { readonly kind: 'received'; readonly key: string; readonly at: number; readonly text: ReceivedText; readonly quoted: string | null }
  | { readonly kind: 'unsent'; readonly key: string; readonly at: number; readonly text: Unsent }

/** Shorter silences are a radio that was plugged in again, and no news to anybody. */
const WORTH_TELLING = 30_000

function span({ from, until }: GapSpan): { from: number; until: number | null } {
  return { from: parseTime(from) ?? 0, until: parseTime(until) }
}

/** Returns what gaps are told of: first when nobody listened, then single bridges, as far as those say more that is worth telling. */
export function missing(gaps: Gaps | undefined, now: number): Missing[] {
  if (gaps === undefined) return []
  const end = ({ until }: { until: number | null }) => until ?? now
  const silent = gaps.silent.map((gap) => ({ ...span(gap), bridge: null, reason: null }))
  // Of one power cut each bridge tells its own moment.
  const alone = (gap: { from: number; until: number | null }) =>
    silent.reduce((left, all) => left - Math.max(0, Math.min(end(gap), end(all)) - Math.max(gap.from, all.from)), end(gap) - gap.from)
  const single = gaps.data.map((gap) => ({ ...span(gap), bridge: gap.bridge_id, reason: gap.reason })).filter((gap) => alone(gap) >= WORTH_TELLING)
  return [...silent.filter((gap) => end(gap) - gap.from >= WORTH_TELLING), ...single]
}

/** Whether the server has taken a text although its answer has not come yet. */
function isTaken(unsent: Unsent, texts: readonly ConversationText[]): boolean {
  return unsent.triedAt !== null && texts.some((text) => text.direction === 'out' && text.text === unsent.text && (parseTime(text.created_at) ?? 0) >= unsent.writtenAt - 2000)
}

/** Makes a conversation of what was said, what is not sent yet, and when nobody listened. */
export function tell(texts: readonly ConversationText[], unsent: readonly Unsent[], gaps: readonly Missing[]): Item[] {
  const byPacket = new Map<number, string>()
  const byId = new Map<string, string>()
  const reactions = new Map<string, string[]>()
  for (const text of texts) {
    if (text.direction === 'out') byId.set(text.id, text.text)
    else if (text.packet_id != null) byPacket.set(text.packet_id, text.text)
    if (text.direction === 'in' && text.reaction && text.answers != null) reactions.set(text.answers, [...reactions.get(text.answers) ?? [], text.text])
  }
  const items: Item[] = []
  for (const text of texts) {
    if (text.direction === 'out') {
      const quoted = text.reply_to == null ? null : byPacket.get(text.reply_to) ?? null
      items.push({ kind: 'sent', key: text.id, at: parseTime(text.created_at) ?? 0, text, quoted, reactions: reactions.get(text.id) ?? [] })
    } else if (!text.reaction || text.answers == null || !byId.has(text.answers)) {
      const quoted = text.answers == null ? null : byId.get(text.answers) ?? null
      // The server's clock orders; the bridge's is told.
      items.push({ kind: 'received', key: text.id, at: parseTime(text.received_at) ?? 0, text, quoted })
    }
  }
  const whole = withGaps(items, gaps)
  for (const text of unsent) if (!isTaken(text, texts)) whole.push({ kind: 'unsent', key: text.id, at: text.writtenAt, text })
  return withDays(whole)
}

/** Puts gaps in listening where they began; those that were over before the first line tell nothing about what is shown. */
export function withGaps<Line extends { readonly at: number }>(lines: readonly Line[], gaps: readonly Missing[]): (Line | GapItem)[] {
  const all: (Line | GapItem)[] = [...lines]
  const first = lines[0]?.at
  if (first === undefined) return all
  for (const gap of gaps.filter(({ until }) => (until ?? Infinity) > first).toSorted((a, b) => a.from - b.from)) {
    const place = all.findIndex(({ at }) => at > gap.from)
    all.splice(place < 0 ? all.length : place, 0, { kind: 'gap', key: `gap ${gap.bridge ?? ''} ${String(gap.from)}`, at: gap.from, gap })
  }
  return all
}

/** Says which day it is where another one begins. */
export function withDays<Line extends { readonly kind: string; readonly at: number }>(lines: readonly Line[]): (Line | DayItem)[] {
  let day = ''
  return lines.flatMap((line): (Line | DayItem)[] => {
    const its = new Date(line.at).toDateString()
    if (its === day || line.kind === 'gap') return [line]
    day = its
    return [{ kind: 'day', key: `day ${its}`, at: line.at }, line]
  })
}
