import { QueryClient, queryOptions } from '@tanstack/react-query'
import { reachability } from './reachability'
import { api, isWorthRetrying, take } from './client'

/** Server state. What was read stays shown while it is read again, and when that fails. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 10_000, gcTime: 15 * 60_000, retry: isWorthRetrying, networkMode: 'always', refetchOnReconnect: true },
    mutations: { networkMode: 'always' },
  },
})

// When the server is back, everything that is shown is read again.
let was = reachability.current().state
reachability.subscribe(() => {
  const { state } = reachability.current()
  if (state === 'reachable' && was === 'unreachable') void queries.invalidateQueries()
  was = state
})

/** The beginnings of query keys, by what they hold: live events and writes name them to say what is out of date. */
export const keys = {
  latest: ['latest'] as const,
  nodes: ['nodes'] as const,
  node: (id: string) => ['nodes', id] as const,
  history: (id: string) => ['history', id] as const,
  /** Everything of the member: forgotten when another member asks. */
  mine: ['mine'] as const,
  conversations: ['mine', 'conversations'] as const,
  conversation: (node: string) => ['mine', 'conversations', node] as const,
  quota: ['mine', 'quota'] as const,
  /** What is said on public channels. */
  channels: ['channels'] as const,
  network: ['network'] as const,
  identity: ['identity'] as const,
}

/** How the server recognises who asks, and whom a demo offers to be. */
export const identityQuery = queryOptions({
  queryKey: keys.identity,
  queryFn: ({ signal }) => take(api.GET('/api/v1/identity', { signal })),
  staleTime: Infinity,
})
