import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, take } from '@/api/client'
import { keys } from '@/api/queries'
import type { PacketPage } from '@/api/schema'
import type { PacketsSearch } from '../search'

const KEY = [...keys.network, 'packets'] as const

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
