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
