import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { readAgain } from '@/api/again'
import { api, take } from '@/api/client'
import { keys } from '@/api/queries'
import { useLive, useLiveState } from '@/live/live'
import { useCaller } from '@/shell/caller'

/** The member's conversations, the latest first. */
export const conversationsQuery = queryOptions({
  queryKey: [...keys.conversations, 'list'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/messages/conversations', { params: { query: { limit: 100 } }, signal })),
})

/** The same, kept up to date while anything shows it. */
export function useConversations() {
  const { id } = useCaller()
  const queries = useQueryClient()
  const isLive = useLiveState() === 'open'
  const again = () => { readAgain(queries, conversationsQuery.queryKey) }
  useLive('message', again)
  useLive('text', again)
  useLive('read', again)
  return useQuery({ ...conversationsQuery, enabled: id !== null, refetchInterval: isLive ? false : 30_000 })
}
