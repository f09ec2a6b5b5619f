import type { components } from '@/api/schema'

export type TopologyNode = components['schemas']['MapNode']
export type TopologyLink = components['schemas']['Link']

/** Two nodes of which at least one hears the other. */
export interface Edge {
  readonly a: string
  readonly b: string
  /** Of the directions that are known, the worse: it is the one that decides. */
  readonly snr: number | null
  /** Whether each is known to hear the other. */
  readonly isMutual: boolean
}

/** Where a node stands in the mesh, seen from the bridges. */
export interface Place {
  readonly id: string
  readonly node: TopologyNode | null
  readonly isBridge: boolean
  /** Steps over the air to the nearest bridge; null without a known way. */
  readonly hops: number | null
  /** The next on the way, by the best signal among the shortest ways. */
  readonly next: string | null
  readonly snr: number | null
  /** How many others have no other way to any bridge than through this one. */
  readonly dependents: number
}

export interface Topology {
  readonly places: readonly Place[]
  readonly edges: readonly Edge[]
}

/** Returns how nodes reach the bridges. Of links whose ends are not among the nodes, the ends are nodes without a name. */
export function topologyOf(nodes: readonly TopologyNode[], links: readonly TopologyLink[]): Topology {
  const edges = merge(links)
  const known = new Map(nodes.map((node) => [node.node_id, node]))
  const ids = [...new Set([...known.keys(), ...edges.flatMap(({ a, b }) => [a, b])])].sort()
  const bridges = ids.filter((id) => (known.get(id)?.bridges?.length ?? 0) > 0)
  const neighbours = neighboursOf(ids, edges)
  const ways = waysTo(bridges, neighbours)
  const dependents = dependentsOf(bridges, neighbours)
  const isBridge = new Set(bridges)
  const places = ids.map((id): Place => ({
    id, node: known.get(id) ?? null, isBridge: isBridge.has(id), hops: ways.get(id)?.hops ?? null,
    next: ways.get(id)?.next ?? null, snr: ways.get(id)?.snr ?? null, dependents: dependents.get(id) ?? 0,
  }))
  return { places, edges }
}

function merge(links: readonly TopologyLink[]): Edge[] {
  const merged = new Map<string, { a: string; b: string; snr: number | null; ways: Set<string> }>()
  for (const { from, to, snr_db: snr } of links) {
    if (from === to) continue
    const [a, b] = from < to ? [from, to] : [to, from]
    const edge = merged.get(`${a}${b}`) ?? { a, b, snr: null, ways: new Set() }
    edge.ways.add(from)
    if (snr != null) edge.snr = edge.snr === null ? snr : Math.min(edge.snr, snr)
    merged.set(`${a}${b}`, edge)
  }
  return [...merged.values()].map(({ a, b, snr, ways }) => ({ a, b, snr, isMutual: ways.size === 2 }))
}

type Neighbours = ReadonlyMap<string, readonly { readonly id: string; readonly snr: number | null }[]>

function neighboursOf(ids: readonly string[], edges: readonly Edge[]): Neighbours {
  const all = new Map<string, { id: string; snr: number | null }[]>(ids.map((id) => [id, []]))
  for (const { a, b, snr } of edges) {
    all.get(a)?.push({ id: b, snr })
    all.get(b)?.push({ id: a, snr })
  }
  return all
}

interface Way { readonly hops: number; readonly next: string | null; readonly snr: number | null }

/** Returns the shortest way from each node to a bridge, ring by ring; of several the one whose first step is heard best. */
function waysTo(bridges: readonly string[], neighbours: Neighbours): Map<string, Way> {
  const ways = new Map<string, Way>(bridges.map((id) => [id, { hops: 0, next: null, snr: null }]))
  let ring: readonly string[] = bridges
  for (let hops = 1; ring.length > 0; hops += 1) {
    const found = new Map<string, Way>()
    for (const next of ring) {
      for (const { id, snr } of neighbours.get(next) ?? []) {
        if (ways.has(id)) continue
        const rival = found.get(id)
        if (rival === undefined || (snr ?? -Infinity) > (rival.snr ?? -Infinity)) found.set(id, { hops, next, snr })
      }
    }
    for (const [id, way] of found) ways.set(id, way)
    ring = [...found.keys()]
  }
  return ways
}

/**
 * Returns for each node how many others lose every way to a bridge if it fails: what hangs below it in a depth-first search from
 * all bridges at once, and reaches nothing above it (Tarjan's low links). Without recursion, for a mesh may be one long chain.
 */
function dependentsOf(bridges: readonly string[], neighbours: Neighbours): Map<string, number> {
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const size = new Map<string, number>()
  const dependents = new Map<string, number>()
  const isBridge = new Set(bridges)
  for (const bridge of bridges) {
    if (order.has(bridge)) continue
    const stack: { id: string; parent: string | null; at: number }[] = [{ id: bridge, parent: null, at: 0 }]
    while (stack.length > 0) {
      const top = stack.at(-1)
      if (top === undefined) break
      if (!order.has(top.id)) {
        order.set(top.id, order.size + 1)
        // All bridges hang on one server: from each there is a way round through it.
        low.set(top.id, isBridge.has(top.id) ? 0 : order.size)
        size.set(top.id, 1)
      }
      const next = neighbours.get(top.id)?.[top.at]
      top.at += 1
      if (next !== undefined) {
        if (next.id === top.parent) continue
        const seen = order.get(next.id)
        if (seen === undefined) stack.push({ id: next.id, parent: top.id, at: 0 })
        else low.set(top.id, Math.min(low.get(top.id) ?? 0, seen))
        continue
      }
      stack.pop()
      if (top.parent === null) continue
      const [below, lowest] = [size.get(top.id) ?? 1, low.get(top.id) ?? 0]
      size.set(top.parent, (size.get(top.parent) ?? 1) + below)
      low.set(top.parent, Math.min(low.get(top.parent) ?? 0, lowest))
      if (lowest >= (order.get(top.parent) ?? 0)) dependents.set(top.parent, (dependents.get(top.parent) ?? 0) + below)
    }
  }
  return dependents
}

/** Returns the way from a node to its bridge, itself first; nothing of one without a way. */
export function wayOf(id: string, places: ReadonlyMap<string, Place>): Place[] {
  const way: Place[] = []
  for (let place = places.get(id); place !== undefined && place.hops !== null; place = place.next === null ? undefined : places.get(place.next)) way.push(place)
  return way
}
