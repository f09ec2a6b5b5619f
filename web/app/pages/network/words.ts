import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'
import { CircleAlert, CircleCheck, CircleDashed, CloudOff, LoaderCircle, type LucideIcon, RadioTower } from 'lucide-react'
import type { Tone } from '@/ui/tone'

/** How a state looks and what it is called. */
export interface Look {
  readonly title: MessageDescriptor
  readonly tone: Tone
  readonly icon: LucideIcon
}

/** What is wrong, and what to do about it. */
export interface Trouble {
  readonly title: MessageDescriptor
  readonly remedy: MessageDescriptor
  readonly tone: Tone
}

const STATES: Record<string, Look> = {
  online: { title: msg`Online`, tone: 'good', icon: CircleCheck },
  connecting: { title: msg`Connecting to its radio`, tone: 'warn', icon: LoaderCircle },
  no_radio: { title: msg`Has no radio`, tone: 'bad', icon: RadioTower },
  offline: { title: msg`Offline`, tone: 'bad', icon: CloudOff },
  silent: { title: msg`Silent`, tone: 'bad', icon: CircleAlert },
  unheard: { title: msg`Never heard of`, tone: 'neutral', icon: CircleDashed },
}

const TROUBLE: Record<string, Trouble> = {
  unheard: {
    title: msg`It has never connected.`,
    remedy: msg`Start it beside its radio, with the secret that was shown when it was added.`,
    tone: 'neutral',
  },
  silent: {
    title: msg`It says nothing, and should every minute.`,
    remedy: msg`Its machine or its way to the server has most likely failed. What it hears meanwhile waits on its disk and comes later. Look whether it has power and a network.`,
    tone: 'bad',
  },
  offline: {
    title: msg`Its connection has ended.`,
    remedy: msg`It was stopped, or lost its power or network. What it hears meanwhile waits on its disk and comes later. Start it, or look after its power and network.`,
    tone: 'bad',
  },
  no_radio: {
    title: msg`It cannot reach its radio, so it hears nothing and sends no text.`,
    remedy: msg`Look after the radio's power and cable or network; a radio serves one program at a time. The bridge tries again by itself.`,
    tone: 'bad',
  },
  connecting: {
    title: msg`It is connecting to its radio.`,
    remedy: msg`This takes a moment. If it goes on for minutes, restart the radio.`,
    tone: 'warn',
  },
  lost: {
    title: msg`Something that it heard could not be written, and is lost.`,
    remedy: msg`Its disk is full or broken. Make room or replace it.`,
    tone: 'bad',
  },
  dropped: {
    title: msg`Its store was full, and old readings were given up.`,
    remedy: msg`It was away for long. Texts are never given up. Give it a better connection, or more room with bridge.spool_max_mb.`,
    tone: 'warn',
  },
  reported: {
    title: msg`It says that something is wrong:`,
    remedy: msg`Its log says more.`,
    tone: 'warn',
  },
  backlog: {
    title: msg`Much waits in it.`,
    remedy: msg`It was away, or the server is slow to answer. What waits comes by itself, and nothing of it is lost.`,
    tone: 'info',
  },
}

/** What texts wait for in a bridge. */
export const WAITS: Record<string, MessageDescriptor> = {
  turn: msg`Texts wait until those before them have gone out.`,
  radio: msg`Texts wait for the radio, which is not connected.`,
  radio_queue: msg`Texts wait for room in the radio's queue.`,
  duty_cycle: msg`Texts wait: the radio has used up the airtime that the law allows in an hour.`,
  channel: msg`Texts wait for a quieter channel.`,
}

const UNKNOWN: Look = { title: msg`Unknown`, tone: 'neutral', icon: CircleDashed }

/** Returns how a bridge's state looks; a newer server may know states that this page does not. */
export const stateLook = (state: string): Look => STATES[state] ?? UNKNOWN

/** Returns the words for a trouble, if there are any. */
export const troubleWords = (code: string): Trouble | undefined => TROUBLE[code]

/** What the parts of the system do. */
export const SERVICES: Record<string, MessageDescriptor> = {
  ingestion: msg`Takes in what bridges send`,
  weather: msg`Answers questions about weather and nodes`,
  gateway: msg`Carries texts between members and the mesh`,
  web: msg`Serves this page`,
  broker: msg`Carries messages between bridges and services`,
}

/** What a service may depend on. */
export const PARTS: Record<string, MessageDescriptor> = {
  database: msg`the database does not answer`,
  broker: msg`the broker is not connected`,
}
