import { infiniteQueryOptions, keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, take } from '@/api/client'
import { pages } from '@/api/pages'
import { keys } from '@/api/queries'
import type { PageTraceroute } from '@/api/schema'
import type { TopologyLink, TopologyNode } from './model'

const HOUR = 3_600_000
/** What was not heard for a day is no way that anybody may count on. */
const DAY = 24 * HOUR

/** The nodes and links that were heard in the last day. */
export function useMesh() {
  return useQuery({
    queryKey: [...keys.network, 'topology'],
    queryFn: async ({ signal }): Promise<{ nodes: readonly TopologyNode[]; links: readonly TopologyLink[]; isCut: boolean }> => {
      // A time that stays the same for an hour, so that answers can be kept.
      const since = new Date(Math.floor((Date.now() - DAY) / HOUR) * HOUR).toISOString()
      const [nodes, links] = await Promise.all([
        pages((after) => take(api.GET('/api/v1/map/nodes', { params: { query: { limit: 1000, heard_since: since, ...after } }, signal }))),
        pages((after) => take(api.GET('/api/v1/links', { params: { query: { limit: 2000, since, ...after } }, signal }))),
      ])
      return { nodes: nodes.rows, links: links.rows, isCut: nodes.isCut || links.isCut }
    },
    refetchInterval: 60_000,
  })
}

/** The ways that were traced, those of one node or all, the latest first. */
export const tracedQuery = (node: string | undefined) =>
  infiniteQueryOptions({
    queryKey: [...keys.network, 'traced', node ?? ''],
    queryFn: ({ signal, pageParam }): Promise<PageTraceroute> =>
      take(api.GET('/api/v1/traceroutes', { params: { query: { limit: 20, ...(node === undefined ? {} : { node_id: node }), ...(pageParam === '' ? {} : { cursor: pageParam }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page: PageTraceroute) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  })
