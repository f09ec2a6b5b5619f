import type { ChannelText } from '@/api/schema'
import { parseTime } from '@/format/time'
import { type DayItem, type GapItem, type Missing, withDays, withGaps } from '../story'

/** Something that somebody said to everybody. */
export interface Said {
  readonly kind: 'said'
  readonly key: string
  readonly at: number
  readonly text: ChannelText
  /** What it answers, if that is known. */
  readonly quoted: string | null
  readonly reactions: readonly string[]
  /** Whether whoever said the line before goes on. */
  readonly goesOn: boolean
}

export type ChannelLine = Said | DayItem | GapItem

/** Within this time what one person says is one contribution. */
const BREATH = 5 * 60_000

/** Makes lines of what was said, the oldest first: reactions under what they are about, what is answered above its answer. */
export function tellChannel(texts: readonly ChannelText[], gaps: readonly Missing[]): ChannelLine[] {
  const byPacket = new Map(texts.flatMap((text) => (text.packet_id == null || text.reaction ? [] : [[text.packet_id, text] as const])))
  const reactions = new Map<string, string[]>()
  for (const { reaction, reply_to: to, text } of texts) {
    const about = reaction && to != null ? byPacket.get(to) : undefined
    if (about !== undefined) reactions.set(about.id, [...(reactions.get(about.id) ?? []), text])
  }
  const lines: Said[] = []
  for (const text of texts) {
    const about = text.reply_to == null ? undefined : byPacket.get(text.reply_to)
    if (text.reaction && about !== undefined) continue
    // The server's clock orders; the bridge's is told.
    const at = parseTime(text.received_at) ?? 0
    const before = lines.at(-1)
    const goesOn = before !== undefined && before.text.from_node_id === text.from_node_id && at - before.at < BREATH
    lines.push({ kind: 'said', key: text.id, at, text, quoted: about?.text ?? null, reactions: reactions.get(text.id) ?? [], goesOn })
  }
  return withDays(withGaps(lines, gaps))
}
