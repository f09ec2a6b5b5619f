import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'
import { Check, CheckCheck, CircleAlert, CircleSlash, Clock, Hourglass, type LucideIcon, Reply } from 'lucide-react'
import type { GapReason, HappeningEvent, Message, MessageEvidence, MessageReason, MessageStatus, MessageWait } from '@/api/schema'
import type { Tone } from '@/ui/tone'

// What docs/delivery.md says, in the member's language. Each table is as wide as the API's list of codes: a code without words
// does not compile.

/** What each status is called. */
export const STATUS: Record<MessageStatus, MessageDescriptor> = {
  pending: msg`Stored`,
  queued: msg`On its way to a radio`,
  transmitted: msg`Sent by radio`,
  delivered: msg`Delivered`,
  failed: msg`Failed`,
  expired: msg`Expired`,
}

/** Why a text waits. */
export const WAIT: Record<MessageWait, MessageDescriptor> = {
  broker: msg`We have your text, and one text of your quota is kept for it. It has not been offered to a bridge yet.`,
  bridge: msg`Offered to the bridges. None has taken it yet.`,
  sending: msg`A bridge has taken it and is about to send it.`,
  key: msg`It waits for you: that node shows another key than when you wrote to it before. Confirm it if you know why.`,
  cancelling: msg`You asked to have it back. Its bridge has not said yet whether that came in time.`,
  turn: msg`A bridge has taken it and sends the texts before it first.`,
  radio: msg`A bridge has taken it and waits for its radio, which is not connected.`,
  radio_queue: msg`A bridge has taken it and waits for room in its radio's queue.`,
  duty_cycle: msg`A bridge has taken it and waits, because its radio has used up the airtime that the law allows in an hour.`,
  channel: msg`A bridge has taken it and waits for a quieter channel.`,
  airtime: msg`The bridge is giving it to its radio.`,
}

/** What proves that a text arrived. */
export const EVIDENCE: Record<MessageEvidence, MessageDescriptor> = {
  ack: msg`It arrived: their radio confirmed it. A radio is not a person: nobody knows whether they read it.`,
  ack_proven: msg`It arrived: their radio confirmed it and proved that it was theirs. A radio is not a person: nobody knows whether they read it.`,
  reply: msg`It arrived: they answered it.`,
}

/** Why a text failed, or was not sent. */
export const REASON: Record<MessageReason, MessageDescriptor> = {
  never_granted: msg`Not sent: no bridge could take it in time.`,
  expired: msg`Not sent: its time ran out in the bridge.`,
  revoked: msg`Not sent: it was taken back.`,
  cancelled: msg`Not sent: you took it back in time.`,
  radio_refused: msg`Not sent: the bridge's radio refused it.`,
  too_large: msg`Not sent: it does not fit into a packet.`,
  MAX_RETRANSMIT: msg`No confirmation. It may have arrived all the same.`,
  NO_ROUTE: msg`The radio knows no way there. It may have arrived all the same.`,
  GOT_NAK: msg`A node on the way reported a failure. It may have arrived all the same.`,
  TIMEOUT: msg`The radio waited in vain. It may have arrived all the same.`,
  NO_RESPONSE: msg`No answer. It may have arrived all the same.`,
  NO_INTERFACE: msg`The radio's LoRa part does not work.`,
  NO_CHANNEL: msg`It reached that node, which could not read it.`,
  TOO_LARGE: msg`It is too long for one packet.`,
  DUTY_CYCLE_LIMIT: msg`The radio has used up the airtime that the law allows in an hour.`,
  RATE_LIMIT_EXCEEDED: msg`It came too soon after another text.`,
  NOT_AUTHORIZED: msg`That node does not accept it.`,
  PKI_FAILED: msg`It reached that node, which could not decrypt it.`,
  PKI_UNKNOWN_PUBKEY: msg`It reached that node, which has no key of our radio. The two have to hear each other first.`,
  PKI_SEND_FAIL_PUBLIC_KEY: msg`The radio has no key of that node. The two have to hear each other first.`,
  BAD_REQUEST: msg`For a reason that this version does not know. It may have arrived all the same.`,
  ADMIN_BAD_SESSION_KEY: msg`For a reason that this version does not know. It may have arrived all the same.`,
  ADMIN_PUBLIC_KEY_UNAUTHORIZED: msg`For a reason that this version does not know. It may have arrived all the same.`,
  UNKNOWN: msg`For a reason that this version does not know. It may have arrived all the same.`,
}

/** What happened, as the timeline tells it. `delivered`, `refused` and `not_sent` have words of their own by evidence and reason. */
export const EVENT: Record<HappeningEvent, MessageDescriptor> = {
  accepted: msg`Stored here, and one text of your quota kept for it`,
  offered: msg`Offered to the bridges`,
  granted: msg`Given to one bridge; no other may send it`,
  handed_over: msg`Given to the bridge's radio`,
  transmitted: msg`Sent: the radio had taken it, and refused nothing in the time that sending takes`,
  relayed: msg`A neighbour was heard passing it on. That does not say that it arrived`,
  delivered: msg`Arrived`,
  answered: msg`Answered`,
  refused: msg`Refused`,
  not_sent: msg`Not sent`,
  unconfirmed: msg`No confirmation came in the time in which one does. It may have arrived`,
  unknown: msg`Nothing more will be learnt. It may have been sent`,
}

/** How an arrival was proved, as the timeline tells it. */
export const PROOF: Record<MessageEvidence, MessageDescriptor> = {
  ack: msg`The destination's radio confirmed it over the air`,
  ack_proven: msg`The destination's radio confirmed it, and proved that it was the destination's`,
  reply: msg`An answer to this very packet came from the destination`,
}

/** Why a bridge may not have listened. */
export const GAP: Record<GapReason, MessageDescriptor> = {
  radio: msg`It had no connection to its radio.`,
  stopped: msg`It did not run.`,
  silent: msg`It is not heard of. If it listens all the same, its texts come later.`,
}

/** What the server refuses a text for. */
export const REFUSED: Record<string, MessageDescriptor> = {
  plan_sends_nothing: msg`Your plan receives, and sends nothing.`,
  node_not_listed: msg`Your plan writes to the nodes on your list, and this one is not on it.`,
  quota_exceeded: msg`All texts of this period are used up.`,
  text_too_long: msg`It does not fit into a packet.`,
  text_unprintable: msg`It has characters that nobody can see.`,
  text_empty: msg`It says nothing.`,
  invalid_node_id: msg`There can be no such node.`,
  unknown_user: msg`The server does not know you any more.`,
}

/** What is known of a text in a tick: never more than that. */
export interface Tick {
  readonly icon: LucideIcon
  readonly tone: Tone
  readonly title: MessageDescriptor
  readonly says: MessageDescriptor
}

/** Returns the words of a code; a newer server may have codes that this page has none for. */
export function wordsOf<Code extends string>(table: Record<Code, MessageDescriptor>, code: Code): MessageDescriptor {
  const words: MessageDescriptor | undefined = (table as Partial<Record<Code, MessageDescriptor>>)[code]
  return words ?? msg`This page does not know this state yet.`
}

/** Returns the tick of a text, and what it says. */
export function tickOf(text: Pick<Message, 'status' | 'evidence' | 'reason' | 'outcome' | 'waits_for' | 'relayed_at' | 'answered_at'>): Tick {
  const title = wordsOf(STATUS, text.status)
  switch (text.status) {
    case 'pending':
    case 'queued':
      return { icon: Clock, tone: 'neutral', title, says: text.waits_for == null ? WAIT.broker : wordsOf(WAIT, text.waits_for.reason) }
    case 'transmitted': {
      const says = text.relayed_at == null
        ? msg`A radio sent it. Nobody knows yet whether it arrived.`
        : msg`A radio sent it, and a neighbour was heard passing it on: it got at least that far. Nobody knows yet whether it arrived.`
      return { icon: Check, tone: 'neutral', title, says }
    }
    case 'delivered': {
      const answered = text.evidence === 'reply' || text.answered_at != null
      const says = text.evidence !== 'reply' && text.answered_at != null
        ? msg`It arrived: their radio confirmed it, and they answered.`
        : wordsOf(EVIDENCE, text.evidence ?? 'ack')
      return answered ? { icon: Reply, tone: 'good', title: msg`Answered`, says } : { icon: CheckCheck, tone: 'good', title, says }
    }
    case 'failed':
      return { icon: CircleAlert, tone: 'bad', title: text.reason === 'MAX_RETRANSMIT' ? msg`No confirmation` : title, says: wordsOf(REASON, text.reason ?? 'UNKNOWN') }
    case 'expired':
      return text.outcome === 'not_sent'
        ? { icon: CircleSlash, tone: 'bad', title: msg`Not sent`, says: wordsOf(REASON, text.reason ?? 'expired') }
        : { icon: Hourglass, tone: 'warn', title: msg`Outcome unknown`, says: msg`Its time ran out, and its bridge did not say what became of it. It may have been sent.` }
    default:
      return { icon: Hourglass, tone: 'neutral', title, says: title }
  }
}
