import { hashKey, type QueryClient, type QueryKey } from '@tanstack/react-query'

interface Turn {
  /** Whether it was asked for again meanwhile. */
  again: boolean
}

const turns = new WeakMap<QueryClient, Map<string, Turn>>()

/**
 * Says that what was read is out of date, and reads again what is shown of it. A read that is under way comes to its end, and one more
 * follows it: where answers take longer than news, reads that were given up for the next would never bring any.
 */
export function readAgain(queries: QueryClient, queryKey: QueryKey): void {
  const waiting = turns.get(queries) ?? new Map<string, Turn>()
  turns.set(queries, waiting)
  const name = hashKey(queryKey)
  const known = waiting.get(name)
  if (known !== undefined) {
    known.again = true
    return
  }
  const turn: Turn = { again: false }
  waiting.set(name, turn)
  void (async () => {
    do {
      // What is under way may have been answered before this was news.
      turn.again = queries.isFetching({ queryKey, type: 'active' }) > 0
      await queries.invalidateQueries({ queryKey }, { cancelRefetch: false })
    } while (turn.again)
    waiting.delete(name)
  })()
}
