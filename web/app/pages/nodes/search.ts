import { type BoardView, boardView } from '@/charts/search'
import { COLUMNS, type ColumnName, SHOWS, type Show } from './columns'

/** What of the table of nodes stands in the URL. */
export interface NodesSearch {
  readonly q?: string | undefined
  readonly show?: Show | undefined
  readonly role?: string | undefined
  readonly bridge?: string | undefined
  readonly sort?: ColumnName | undefined
  readonly desc?: true | undefined
  /** The columns beside the name, with dots between. */
  readonly cols?: string | undefined
}

/** Reads it; whatever is not right is left out. */
export function nodesSearch(search: Record<string, unknown>): NodesSearch {
  const text = (name: string, most: number) => {
    const value = search[name]
    // A search for digits alone comes as a number.
    const written = typeof value === 'number' ? String(value) : value
    return typeof written === 'string' && written !== '' && written.length <= most ? written : undefined
  }
  const q = text('q', 200)
  const role = text('role', 60)
  const bridge = text('bridge', 60)
  const cols = text('cols', 300)
  const show = SHOWS.find((known) => known === search['show'])
  const sort = COLUMNS.find((known) => known === search['sort'])
  return {
    ...(q === undefined ? {} : { q }),
    ...(show === undefined || show === 'all' ? {} : { show }),
    ...(role === undefined ? {} : { role }),
    ...(bridge === undefined ? {} : { bridge }),
    ...(sort === undefined ? {} : { sort }),
    ...(search['desc'] === true ? { desc: true as const } : {}),
    ...(cols !== undefined && /^[a-z.]+$/.test(cols) ? { cols } : {}),
  }
}

/** What of a node's page stands in the URL. */
export type NodeSearch = BoardView

export function nodeSearch(search: Record<string, unknown>): NodeSearch {
  return boardView(search)
}
