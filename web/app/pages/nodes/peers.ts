import type { NodeDetail } from '@/api/schema'

/** How one hears the other. */
export interface Heard {
  readonly snr: number | null
  readonly rssi: number | null
  readonly hops: number | null
  readonly at: string
  readonly viaMqtt: boolean
}

/** Another node, or a bridge, and how it and this node hear each other. */
export interface Peer {
  readonly key: string
  /** The other node's id; nothing for a bridge. */
  readonly node: string | null
  readonly bridge: string | null
  /** How the other hears this node. */
  readonly hearsIt: Heard | null
  /** How this node hears the other. */
  readonly heardByIt: Heard | null
}

/** Puts together who hears a node and whom it hears: bridges first, then nodes by how lately something was known. */
export function peersOf(node: Pick<NodeDetail, 'receptions' | 'neighbors' | 'heard_by'>): Peer[] {
  const bridges = node.receptions.map((heard): Peer => ({
    key: `bridge ${heard.bridge_id} ${String(heard.via_mqtt)}`, node: null, bridge: heard.bridge_id, heardByIt: null,
    hearsIt: { snr: heard.via_mqtt ? null : heard.snr_db ?? null, rssi: heard.via_mqtt ? null : heard.rssi_dbm ?? null, hops: heard.via_mqtt ? null : heard.hops_away ?? null, at: heard.at, viaMqtt: heard.via_mqtt },
  }))
  const direct = (at: string, snr: number): Heard => ({ snr, rssi: null, hops: 0, at, viaMqtt: false })
  const nodes = new Map<string, { hearsIt: Heard | null; heardByIt: Heard | null }>()
  for (const other of node.heard_by) nodes.set(other.node_id, { hearsIt: direct(other.at, other.snr_db), heardByIt: null })
  for (const other of node.neighbors) nodes.set(other.node_id, { hearsIt: nodes.get(other.node_id)?.hearsIt ?? null, heardByIt: direct(other.at, other.snr_db) })
  const newest = (peer: Peer) => Math.max(Date.parse(peer.hearsIt?.at ?? '1970-01-01'), Date.parse(peer.heardByIt?.at ?? '1970-01-01'))
  const others = [...nodes].map(([id, both]): Peer => ({ key: id, node: id, bridge: null, ...both })).sort((a, b) => newest(b) - newest(a))
  return [...bridges, ...others]
}

/** A step of a traceroute: who passed the packet on, and how well the next one heard it. */
export interface Step {
  readonly node: string
  /** Signal to noise with which this node heard the one before; nothing for the first, or if nobody said. */
  readonly snr: number | null
}

/** The firmware writes this id for a relay that did not say who it was. */
export const UNKNOWN_RELAY = '!ffffffff'

/** Returns a way as steps from the first node to the last. */
export function stepsOf(from: string, relays: readonly string[], to: string, snrs: readonly (number | null | undefined)[]): Step[] {
  return [from, ...relays, to].map((node, index) => ({ node, snr: index === 0 ? null : snrs[index - 1] ?? null }))
}

/** Returns a key of base64 as a person compares it: groups of four hexadecimal digits, the first eight bytes. */
export function fingerprint(base64: string): string {
  let bytes: string
  try {
    bytes = atob(base64)
  } catch {
    return '—'
  }
  const hex = Array.from(bytes.slice(0, 8), (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('')
  return hex.match(/.{4}/g)?.join(' ') ?? '—'
}
