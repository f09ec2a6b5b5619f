/** What of this page stands in the URL. */
export type StationSearch = Record<string, never>

/** Reads it; whatever is not right is left out. */
export function stationSearch(_search: Record<string, unknown>): StationSearch {
  return {}
}
