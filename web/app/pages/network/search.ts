/** Over which time the traffic is shown. */
export type Span = 'hour' | 'day' | 'week'

/** What of this page stands in the URL. */
export interface NetworkSearch {
  readonly span?: Span | undefined
  /** The bridge whose particulars are open. */
  readonly bridge?: string | undefined
  /** The reason by which the list of rejects is narrowed. */
  readonly code?: string | undefined
}

const SPANS: readonly string[] = ['hour', 'day', 'week'] satisfies Span[]

/** Reads it; whatever is not right is left out. */
export function networkSearch(search: Record<string, unknown>): NetworkSearch {
  const { span, bridge, code } = search
  return {
    ...(typeof span === 'string' && SPANS.includes(span) && span !== 'day' ? { span: span as Span } : {}),
    ...(typeof bridge === 'string' && /^[a-z0-9-]{1,32}$/.test(bridge) ? { bridge } : {}),
    ...(typeof code === 'string' && /^[a-z_]{1,64}$/.test(code) ? { code } : {}),
  }
}

/** What of the topology stands in the URL: the node whose way is shown. */
export interface TopologySearch {
  readonly node?: string | undefined
}

export function topologySearch({ node }: Record<string, unknown>): TopologySearch {
  return typeof node === 'string' && /^![0-9a-f]{8}$/.test(node) ? { node } : {}
}

/** What of the log of packets stands in the URL: what it is narrowed by, and the packet that is open. */
export interface PacketsSearch {
  readonly node?: string | undefined
  readonly port?: string | undefined
  readonly gateway?: string | undefined
  readonly q?: string | undefined
  readonly packet?: number | undefined
}

export function packetsSearch({ node, port, gateway, q, packet }: Record<string, unknown>): PacketsSearch {
  return {
    ...(typeof node === 'string' && /^![0-9a-f]{8}$/.test(node) ? { node } : {}),
    ...(typeof port === 'string' && /^[a-z0-9_]{1,32}$/.test(port) ? { port } : {}),
    ...(typeof gateway === 'string' && /^[a-z0-9!-]{1,32}$/.test(gateway) ? { gateway } : {}),
    ...(typeof q === 'string' && q !== '' && q.length <= 64 && !q.includes('\0') ? { q } : {}),
    ...(typeof packet === 'number' && Number.isSafeInteger(packet) && packet >= 0 ? { packet } : {}),
  }
}
