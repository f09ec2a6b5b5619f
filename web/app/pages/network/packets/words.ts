import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'

/** The ports that are seen most, in the order of the list to choose from, by the API's names; others go by their own. */
export const PORTS: Readonly<Record<string, MessageDescriptor>> = {
  telemetry: msg`Telemetry`,
  position: msg`Position`,
  nodeinfo: msg`Who it is`,
  text_message: msg`Text`,
  routing: msg`Routing`,
  traceroute: msg`Traceroute`,
  neighborinfo: msg`Neighbours`,
  map_report: msg`Map report`,
  waypoint: msg`Waypoint`,
  admin: msg`Administration`,
  store_forward: msg`Store and forward`,
  range_test: msg`Range test`,
  detection_sensor: msg`Detection sensor`,
  paxcounter: msg`People counter`,
}

/** Why it is not shown what a packet says. */
export const WITHHELD: Readonly<Record<string, MessageDescriptor>> = {
  private: msg`Its channel is private: what it says is not for everybody.`,
  text: msg`What people write is not in this log.`,
  encrypted: msg`Nobody here has the key of its channel.`,
}

/** Returns what a packet says as pairs of words, as many as asked for, each of them short. */
export function pairsOf(fields: unknown, most: number): { readonly name: string; readonly value: string }[] {
  if (typeof fields !== 'object' || fields === null) return []
  return Object.entries(fields).slice(0, most).map(([name, value]) => {
    const text = typeof value === 'string' ? value : typeof value === 'number' ? String(Math.round(value * 1e4) / 1e4) : JSON.stringify(value)
    return { name, value: Array.from(text).slice(0, 200).join('') }
  })
}
