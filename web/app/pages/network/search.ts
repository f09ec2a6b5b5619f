/** What of this page stands in the URL. */
export type NetworkSearch = Record<never, never>

/** Reads it; whatever is not right is left out. */
export function networkSearch(_search: Record<string, unknown>): NetworkSearch {
  return {}
}
