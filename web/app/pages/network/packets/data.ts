import { infiniteQueryOptions, keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query'
import { api, take } from '@/api/client'
import { keys } from '@/api/queries'
import type { PacketPage } from '@/api/schema'
import type { Named } from '@/format/names'
import type { PacketsSearch } from '../search'

const KEY = [...keys.network, 'packets'] as const
/** Of how many pages names are read: 5,000 nodes are known by name, others by id. */
const MOST_PAGES = 5

export type Filter = Pick<PacketsSearch, 'node' | 'port' | 'gateway' | 'q'>

/** The packets that the filter leaves, the latest first. */
export const packetsQuery = ({ node, port, gateway, q }: Filter) =>
  infiniteQueryOptions({
    queryKey: [...KEY, 'list', node ?? '', port ?? '', gateway ?? '', q ?? ''],
    queryFn: ({ signal, pageParam }): Promise<PacketPage> => take(api.GET('/api/v1/network/packets', {
      params: {
        query: {
          limit: 50, ...(node === undefined ? {} : { node_id: node }), ...(port === undefined ? {} : { port }), ...(gateway === undefined ? {} : { gateway }),
          ...(q === undefined ? {} : { q }), ...(pageParam === '' ? {} : { cursor: pageParam }),
        },
      },
      signal,
    })),
    initialPageParam: '',
    getNextPageParam: (page: PacketPage) => page.next,
    placeholderData: keepPreviousData,
  })

export const packetQuery = (id: number) =>
  queryOptions({
    queryKey: [...KEY, 'one', id],
    queryFn: ({ signal }) => take(api.GET('/api/v1/network/packets/{id}', { params: { path: { id } }, signal })),
  })

/** Finds what nodes call themselves. */
export function useNames(): (id: string) => Named {
  const { data } = useQuery({
    queryKey: [...keys.nodes, 'names'],
    staleTime: 5 * 60_000,
    queryFn: async ({ signal }) => {
      const names = new Map<string, Named>()
      let cursor: string | undefined
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const { data: nodes, next } = await take(api.GET('/api/v1/map/nodes', { params: { query: { limit: 1000, ...(cursor === undefined ? {} : { cursor }) } }, signal }))
        for (const { node_id, long_name, short_name } of nodes) names.set(node_id, { node_id, ...(long_name == null ? {} : { long_name }), ...(short_name == null ? {} : { short_name }) })
        if (next === null) break
        cursor = next
      }
      return names
    },
  })
  return (id) => data?.get(id) ?? { node_id: id }
}
