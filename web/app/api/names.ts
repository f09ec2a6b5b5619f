import { useQuery } from '@tanstack/react-query'
import type { Named } from '@/format/names'
import { api, take } from './client'
import { keys } from './queries'

/** Of how many pages names are read: 5,000 nodes are known by name, others by id. */
const MOST_PAGES = 5

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
