import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo, useRef } from 'react'
import { readAgain } from '@/api/again'
import { api, take } from '@/api/client'
import { isRecord } from '@/api/is-record'
import { type Listed, pages } from '@/api/pages'
import { keys } from '@/api/queries'
import type { Quantity } from '@/format/quantities'
import { parseTime } from '@/format/time'
import { useLiveBatches, useLiveState } from '@/live/live'
import { type Frames, HOUR, type MapLink, type MapNode } from './model'

const NODES_KEY = [...keys.nodes, 'map'] as const
/** Who was silent for a month is not on the map. */
const MONTH = 30 * 24 * HOUR
/** The hours of the slider: a week. */
export const HOURS = 168

/** A time that stays the same for an hour, so that answers can be kept. */
const since = (ms: number) => new Date(Math.floor((Date.now() - ms) / HOUR) * HOUR).toISOString()

export const nodesQuery = queryOptions({
  queryKey: NODES_KEY,
  queryFn: ({ signal }) => pages((after) => take(api.GET('/api/v1/map/nodes', { params: { query: { limit: 1000, heard_since: since(MONTH), ...after } }, signal }))),
  staleTime: 60_000,
  // Thousands of rows that are patched twice a second: whether they are the same is not worth a comparison of each.
  structuralSharing: false,
})

const linksQuery = queryOptions({
  queryKey: [...keys.network, 'links'],
  queryFn: ({ signal }): Promise<Listed<MapLink>> => pages((after) => take(api.GET('/api/v1/links', { params: { query: { limit: 2000, since: since(7 * 24 * HOUR), ...after } }, signal }))),
  staleTime: 60_000,
})

/** Returns the nodes, kept up to date by live events. */
export function useMapNodes() {
  const client = useQueryClient()
  const isOpen = useLiveState() === 'open'
  const rereadAt = useRef(0)
  /** Reads everything again, but not for each of many events. */
  const reread = useCallback(() => {
    if (Date.now() - rereadAt.current < 10_000) return
    rereadAt.current = Date.now()
    readAgain(client, NODES_KEY)
  }, [client])
  const patch = useCallback((batch: unknown[], apply: (node: MapNode, event: Record<string, unknown>) => MapNode) => {
    const news = new Map<string, Record<string, unknown>>()
    for (const event of batch) if (isRecord(event) && typeof event['node_id'] === 'string') news.set(event['node_id'], event)
    let known = 0
    client.setQueryData(NODES_KEY, (old: Listed<MapNode> | undefined) => {
      if (old === undefined) return old
      const rows = old.rows.map((node) => {
        const event = news.get(node.node_id)
        if (event === undefined) return node
        known += 1
        return apply(node, event)
      })
      return { ...old, rows }
    })
    if (known < news.size) reread()
  }, [client, reread])

  useLiveBatches('latest', 1000, (batch) => { patch(batch, withLatest); })
  useLiveBatches('node', 1000, (batch) => {
    patch(batch, withHeard)
    if (batch.some((event) => isRecord(event) && event['changed'] === true)) reread()
  })
  useLiveBatches('bridge', 1000, reread)
  return useQuery({ ...nodesQuery, refetchInterval: isOpen ? 5 * 60_000 : 30_000 })
}

export function useLinks(isWanted: boolean) {
  return useQuery({ ...linksQuery, enabled: isWanted, refetchInterval: 60_000 })
}

/** Takes in what a node measured; an event that is older than what is known changes nothing. */
export function withLatest(node: MapNode, event: Record<string, unknown>): MapNode {
  const { at, observed_at: observed } = event
  const time = typeof at === 'string' ? parseTime(at) : null
  const known = parseTime(node.latest?.at)
  if (typeof at !== 'string' || time === null || (known !== null && known > time)) return node
  const values = Object.fromEntries(Object.entries(event).filter(([, value]) => typeof value === 'number' && Number.isFinite(value)))
  const times = isRecord(observed) ? Object.fromEntries(Object.entries(observed).filter(([, value]) => typeof value === 'string')) : {}
  return { ...node, latest: { at, values, observed_at: times as Record<string, string> } }
}

function withHeard(node: MapNode, event: Record<string, unknown>): MapNode {
  const at = event['last_heard']
  return typeof at === 'string' && at > node.last_heard ? { ...node, last_heard: at } : node
}

const WIND: readonly Quantity[] = ['wind_speed_ms', 'wind_direction_deg']

/** Returns a week of hours for the slider; they are asked for only once somebody wants them. */
export function useFrames(quantity: Quantity, isWanted: boolean, now: number) {
  const end = Math.floor(now / HOUR) * HOUR + HOUR
  const metrics = [...new Set([quantity, ...WIND])].join(',')
  const query = useQuery({
    queryKey: ['frames', metrics, end],
    enabled: isWanted,
    staleTime: 5 * 60_000,
    queryFn: async ({ signal }) => {
      const start = end - HOURS * HOUR
      const span = { start: new Date(start).toISOString(), end: new Date(end).toISOString() }
      const { rows } = await pages((after) => take(api.GET('/api/v1/weather/frames', { params: { query: { metrics, ...span, limit: 250, ...after } }, signal })))
      return { start, rows }
    },
    placeholderData: (old) => old,
  })
  const frames = useMemo((): Frames | undefined => {
    if (query.data === undefined) return undefined
    return { start: query.data.start, hours: HOURS, series: new Map(query.data.rows.map((row) => [row.node_id, row.values])) }
  }, [query.data])
  return { frames, error: query.error, isLoading: isWanted && query.isPending }
}
