import { useQuery } from '@tanstack/react-query'
import type { Named } from '@/format/names'
import { api, take } from './client'
import { pages } from './pages'
import { keys } from './queries'

/** Finds what nodes call themselves: 5,000 of them, others go by their id. */
export function useNames(): (id: string) => Named {
  const { data } = useQuery({
    queryKey: [...keys.nodes, 'names'],
    staleTime: 5 * 60_000,
    queryFn: async ({ signal }) => {
      const names = new Map<string, Named>()
      const { rows } = await pages((after) => take(api.GET('/api/v1/map/nodes', { params: { query: { limit: 1000, ...after } }, signal })))
      for (const { node_id, long_name, short_name } of rows) names.set(node_id, { node_id, ...(long_name == null ? {} : { long_name }), ...(short_name == null ? {} : { short_name }) })
      return names
    },
  })
  return (id) => data?.get(id) ?? { node_id: id }
}
