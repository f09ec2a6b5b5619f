import { useQueryClient } from '@tanstack/react-query'
import { readAgain } from '@/api/again'
import { keys } from '@/api/queries'
import { useLiveBatches, useLiveState } from '@/live/live'

/** How often what the stream does not tell is read again, in milliseconds. */
const COUNTS = 15_000
/** The same without a stream. */
const WITHOUT_STREAM = 10_000

/** Reads bridges and silences again when a bridge says something, and returns how often to read the rest. */
export function useNetworkNews(): { readonly bridges: number; readonly counts: number } {
  const queries = useQueryClient()
  const isOpen = useLiveState() === 'open'
  useLiveBatches('bridge', 500, () => {
    readAgain(queries, [...keys.network, 'bridges'])
    readAgain(queries, [...keys.network, 'silent'])
  })
  // Queue depths change with every status, and a bridge that falls silent says nothing: it is read now and then anyway.
  return { bridges: isOpen ? COUNTS : WITHOUT_STREAM, counts: isOpen ? COUNTS : WITHOUT_STREAM }
}
