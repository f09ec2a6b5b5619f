import { infiniteQueryOptions, queryOptions, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { readAgain } from '@/api/again'
import { api, take } from '@/api/client'
import { isRecord } from '@/api/is-record'
import { keys } from '@/api/queries'
import type { PageChannelText } from '@/api/schema'
import { useLive, useLiveState } from '@/live/live'

/** How often what is said is asked for without a stream. */
const AWAY = 15_000

const channelsQuery = queryOptions({
  queryKey: [...keys.channels, 'list'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/channels', { signal })),
  staleTime: 60_000,
})

/** The channels that everybody may read. */
export function useChannels() {
  return useQuery(channelsQuery)
}

const textsQuery = (channel: string) =>
  infiniteQueryOptions({
    queryKey: [...keys.channels, channel],
    queryFn: ({ signal, pageParam }): Promise<PageChannelText> => take(api.GET('/api/v1/channels/{channel_id}/messages', {
      params: { path: { channel_id: channel }, query: { limit: 50, ...(pageParam === '' ? {} : { cursor: pageParam }) } }, signal,
    })),
    initialPageParam: '',
    getNextPageParam: (page: PageChannelText) => page.next,
  })

/** What is said on a channel, the latest page first, read again when something is. */
export function useChannelTexts(channel: string) {
  const queries = useQueryClient()
  const isLive = useLiveState() === 'open'
  const query = textsQuery(channel)
  useLive('chat', (data) => {
    if (isRecord(data) && data['channel_id'] === channel) readAgain(queries, query.queryKey)
  })
  return useInfiniteQuery({ ...query, refetchInterval: isLive ? false : AWAY })
}
