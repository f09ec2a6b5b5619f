/** What of the table of nodes stands in the URL. */
export interface NodesSearch {
  readonly q?: string
}

/** Reads it; whatever is not right is left out. */
export function nodesSearch(search: Record<string, unknown>): NodesSearch {
  return typeof search['q'] === 'string' ? { q: search['q'] } : {}
}

/** What of a node's page stands in the URL. */
export type NodeSearch = Record<string, never>

export function nodeSearch(_search: Record<string, unknown>): NodeSearch {
  return {}
}
