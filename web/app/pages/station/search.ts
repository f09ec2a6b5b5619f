import { type BoardView, boardView } from '@/charts/search'

/** What of this page stands in the URL: the charts. */
export type StationSearch = BoardView

/** Reads it; whatever is not right is left out. */
export function stationSearch(search: Record<string, unknown>): StationSearch {
  return boardView(search)
}
