import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import { readAgain } from '@/api/again'
import { api, take } from '@/api/client'
import { isRecord } from '@/api/is-record'
import { pages } from '@/api/pages'
import { keys } from '@/api/queries'
import type { Node } from '@/api/schema'
import { useLiveBatches, useLiveState } from '@/live/live'
import { merged, rowOf, type Row } from './model'

const PAGE = 1000
/** More nodes than these are no mesh: somebody makes them up. */
const MOST_PAGES = 20
/** The whole list is read again this often; in between, what was heard since. */
const ALL_EVERY = 5 * 60_000
const NEWS_EVERY = 30_000

const allKey = [...keys.nodes, 'all'] as const
const newsKey = [...keys.nodes, 'news'] as const

async function readPages(signal: AbortSignal, heardSince?: string): Promise<{ nodes: readonly Node[]; isWhole: boolean }> {
  const since = heardSince === undefined ? {} : { heard_since: heardSince }
  const { rows, isCut } = await pages((after) => take(api.GET('/api/v1/nodes', { params: { query: { limit: PAGE, ...since, ...after } }, signal })), MOST_PAGES)
  return { nodes: rows, isWhole: !isCut }
}

/** Every node, kept up to date: live where the stream is open, else by asking for what was heard since. */
export function useNodes() {
  const queries = useQueryClient()
  const state = useLiveState()
  const query = useQuery({
    queryKey: allKey,
    queryFn: async ({ signal }) => ({ ...(await readPages(signal)), readAt: Date.now() }),
    staleTime: ALL_EVERY,
    refetchInterval: ALL_EVERY,
  })

  const newest = useMemo(() => query.data?.nodes.reduce((last, node) => (node.last_heard > last ? node.last_heard : last), ''), [query.data])
  useQuery({
    queryKey: newsKey,
    queryFn: async ({ signal }) => {
      const { nodes } = await readPages(signal, newest)
      queries.setQueryData<typeof query.data>(allKey, (all) => (all === undefined ? all : { ...all, nodes: [...merged(all.nodes, nodes)] }))
      return nodes.length
    },
    enabled: newest !== undefined && newest !== '',
    staleTime: 1000,
    refetchInterval: state === 'open' ? false : NEWS_EVERY,
  })
  // A hundred nodes that speak in the same seconds are one question.
  useLiveBatches('node', 5000, () => { readAgain(queries, newsKey) })

  const rows = useMemo((): readonly Row[] => query.data?.nodes.map(rowOf) ?? [], [query.data])
  return { rows, isWhole: query.data?.isWhole ?? true, query }
}

/** All that is known of one node. */
export function useNode(id: string) {
  const queries = useQueryClient()
  const state = useLiveState()
  useLiveBatches('node', 3000, (batch) => {
    const isMine = batch.some((data) => isRecord(data) && data['node_id'] === id)
    if (isMine) readAgain(queries, keys.node(id))
  })
  return useQuery({
    queryKey: keys.node(id),
    queryFn: ({ signal }) => take(api.GET('/api/v1/nodes/{id}', { params: { path: { id } }, signal })),
    refetchInterval: state === 'open' ? 5 * 60_000 : 30_000,
  })
}

/** Its newest values, each with its own time. */
export function useLatest(id: string) {
  const state = useLiveState()
  return useQuery({
    queryKey: [...keys.latest, id],
    queryFn: async ({ signal }) => (await take(api.GET('/api/v1/weather/latest', { params: { query: { node_id: id } }, signal }))).data[0] ?? null,
    refetchInterval: state === 'open' ? 60_000 : 15_000,
  })
}
