import { type Range, readTime, SPANS, type Span } from './range'

/** What of charts stands in the URL. */
export interface BoardView {
  readonly span?: Span | undefined
  /** A range of its own, as RFC 3339. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** The charts that are not shown, with dots between. */
  readonly hide?: string | undefined
  readonly as?: 'table' | undefined
}

/** Reads it; whatever is not right is left out. */
export function boardView(search: Record<string, unknown>): BoardView {
  const span = SPANS.find((known) => known === search['span'])
  const { hide } = search
  return {
    ...(span === undefined || span === 'day' ? {} : { span }),
    ...(readRange(search) === null ? {} : { from: search['from'] as string, to: search['to'] as string }),
    ...(typeof hide === 'string' && /^[a-z0-9_.-]{1,600}$/.test(hide) ? { hide } : {}),
    ...(search['as'] === 'table' ? { as: 'table' as const } : {}),
  }
}

/** Returns the range that was chosen; nothing if none was. */
export function readRange(view: { readonly from?: unknown; readonly to?: unknown }): Range | null {
  const [from, to] = [readTime(view.from), readTime(view.to)]
  return from === null || to === null || from >= to ? null : { from, to }
}
