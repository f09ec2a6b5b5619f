import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef } from 'react'
import { readAgain } from '@/api/again'
import { api, take } from '@/api/client'
import { keys } from '@/api/queries'
import { useLive, useLiveState } from '@/live/live'
import { append, asLatest } from './append'
import type { SeriesData } from './frame'
import { writeTime } from './range'

/** How often a summary that goes up to now is read again, at most. */
const SUMMARY_EVERY = 30_000

export interface SeriesAsked {
  readonly id: string
  readonly names: readonly string[]
  readonly from: number
  readonly to: number
  readonly points: number
}

/** A series of a node, which goes on by itself where it reaches up to now. What was shown stays until the next is there. */
export function useSeries({ id, names, from, to, points }: SeriesAsked, isEnabled = true) {
  const queries = useQueryClient()
  const state = useLiveState()
  const metrics = names.join(',')
  const queryKey = useMemo(() => [...keys.history(id), metrics, from, to, points], [id, metrics, from, to, points])
  const reachesNow = () => to >= Date.now()
  const query = useQuery({
    queryKey,
    queryFn: async ({ signal }): Promise<SeriesData> =>
      take(api.GET('/api/v1/weather/series', { params: { query: { node_id: id, start: writeTime(from), end: writeTime(to), points, metrics } }, signal })),
    enabled: isEnabled && names.length > 0,
    placeholderData: (before: SeriesData | undefined, asked) => (asked?.queryKey[1] === id && asked.queryKey[2] === metrics ? before : undefined),
    refetchInterval: () => (state !== 'open' && reachesNow() ? 60_000 : false),
    staleTime: 60_000,
  })

  const timer = useRef(0)
  useEffect(() => () => { window.clearTimeout(timer.current); timer.current = 0 }, [queryKey])
  useLive('latest', (data) => {
    const event = asLatest(data)
    if (event?.node_id !== id || !isEnabled || !reachesNow()) return
    const series = queries.getQueryData<SeriesData>(queryKey)
    if (series === undefined) return
    if (series.interval === 'raw') {
      queries.setQueryData(queryKey, append(series, event))
      return
    }
    if (timer.current !== 0) return
    timer.current = window.setTimeout(() => {
      timer.current = 0
      readAgain(queries, queryKey)
    }, SUMMARY_EVERY)
  })
  return query
}
