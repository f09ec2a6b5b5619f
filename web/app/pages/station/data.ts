import { useQuery, useQueryClient } from '@tanstack/react-query'
import { api, take } from '@/api/client'
import { keys } from '@/api/queries'
import { asLatest } from '@/charts/append'
import { useLive, useLiveState } from '@/live/live'
import type { LatestReading } from '@/api/schema'

/** Who the station is. */
export function useStation(id: string) {
  return useQuery({
    queryKey: keys.node(id),
    queryFn: ({ signal }) => take(api.GET('/api/v1/nodes/{id}', { params: { path: { id } }, signal })),
    staleTime: 60_000,
  })
}

/** What it measured last, as the stream tells it; without the stream it is asked for again and again. */
export function useNewest(id: string) {
  const queries = useQueryClient()
  const state = useLiveState()
  const queryKey = [...keys.latest, id]
  useLive('latest', (data) => {
    const event = asLatest(data)
    if (event?.node_id === id) queries.setQueryData<LatestReading | null>(queryKey, event)
  })
  return useQuery({
    queryKey,
    queryFn: async ({ signal }): Promise<LatestReading | null> => (await take(api.GET('/api/v1/weather/latest', { params: { query: { node_id: id } }, signal }))).data[0] ?? null,
    refetchInterval: state === 'open' ? 60_000 : 15_000,
  })
}
