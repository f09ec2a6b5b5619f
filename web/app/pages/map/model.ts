import type { components } from '@/api/schema'
import { nodeName, plain } from '@/format/names'
import type { Quantity } from '@/format/quantities'
import { type Freshness, freshness, parseTime } from '@/format/time'

export type MapNode = components['schemas']['MapNode']
export type MapLink = components['schemas']['Link']

/** What a node is on the map. */
export type Kind = 'station' | 'bridge' | 'node'

/** Wind where a node stands: m/s, and where it comes from. */
export interface Wind {
  readonly speed: number
  readonly direction: number | null
}

/** A node as map and table show it, for one quantity at one time. */
export interface Shown {
  readonly node: MapNode
  readonly name: string
  readonly kind: Kind
  /** The value of the chosen quantity, in the unit of the API. */
  readonly value: number | null
  /** When it was measured, in milliseconds. */
  readonly at: number | null
  readonly fresh: Freshness
  readonly wind: Wind | null
}

/** What stations measured over the hours of the slider, by node. */
export interface Frames {
  /** When the first hour begins, in milliseconds. */
  readonly start: number
  readonly hours: number
  readonly series: ReadonlyMap<string, Readonly<Record<Quantity, readonly (number | null)[]>>>
}

export const HOUR = 3_600_000

/** How often news is expected by day; at night, when stations send hourly, values pale before they are called old. */
export const EXPECTED = 15 * 60_000

export function kindOf(node: MapNode): Kind {
  if (node.station) return 'station'
  return node.bridges === undefined || node.bridges.length === 0 ? 'node' : 'bridge'
}

/** Returns when a node's value of a quantity was measured. */
export function measuredAt(node: MapNode, name: Quantity): number | null {
  return parseTime(node.latest?.observed_at?.[name] ?? node.latest?.at)
}

function latestOf(node: MapNode, name: Quantity): number | null {
  return (node.latest?.values as Record<string, number | undefined> | undefined)?.[name] ?? null
}

function windOf(speed: number | null, direction: number | null): Wind | null {
  return speed === null ? null : { speed, direction }
}

/** Returns a node as it is now. */
export function shownNow(node: MapNode, name: Quantity, now: number): Shown {
  const value = latestOf(node, name)
  const at = value === null ? null : measuredAt(node, name)
  const speed = latestOf(node, 'wind_speed_ms')
  const windAt = measuredAt(node, 'wind_speed_ms')
  // Wind of yesterday is not drawn beside weather of today.
  const hasWind = speed !== null && windAt !== null && freshness(now - windAt, EXPECTED) !== 'stale'
  return {
    node, name: nodeName(node), kind: kindOf(node), value, at,
    fresh: freshness(at === null ? null : now - at, EXPECTED),
    wind: hasWind ? windOf(speed, latestOf(node, 'wind_direction_deg')) : null,
  }
}

/** Returns a node as it was in an hour, of which `at` is the beginning. */
export function shownThen(node: MapNode, name: Quantity, frames: Frames | undefined, at: number): Shown {
  const series = frames?.series.get(node.node_id)
  const hour = frames === undefined ? -1 : Math.round((at - frames.start) / HOUR)
  const of = (quantity: Quantity) => series?.[quantity]?.[hour] ?? null
  const value = of(name)
  return {
    node, name: nodeName(node), kind: kindOf(node), value, at: value === null ? null : at,
    fresh: value === null ? 'never' : 'fresh',
    wind: windOf(of('wind_speed_ms'), of('wind_direction_deg')),
  }
}

/** A link between two nodes, in one or both directions. */
export interface Pair {
  readonly a: string
  readonly b: string
  /** How `b` hears `a`, and `a` hears `b`: signal to noise in decibels. */
  readonly forth: MapLink | null
  readonly back: MapLink | null
  readonly quality: Quality
  /** When it was last heard over, in milliseconds. */
  readonly at: number
}

/** How far a signal is above what the slower presets can still read (about −20 dB): good, fair, poor. */
export type Quality = 'good' | 'fair' | 'poor' | 'unknown'

export function qualityOf(snr: number | null | undefined): Quality {
  if (snr == null) return 'unknown'
  if (snr >= 0) return 'good'
  return snr >= -10 ? 'fair' : 'poor'
}

/** Joins the directions of links; the newest of each counts, and the worse of the two says how good it is. */
export function pairs(links: readonly MapLink[]): Pair[] {
  const found = new Map<string, { forth: MapLink | null; back: MapLink | null; a: string; b: string }>()
  for (const link of links) {
    const [a, b] = link.from < link.to ? [link.from, link.to] : [link.to, link.from]
    const pair = found.get(a + b) ?? { a, b, forth: null, back: null }
    const direction = link.from === a ? 'forth' : 'back'
    const known = pair[direction]
    if (known === null || known.at < link.at) pair[direction] = link
    found.set(a + b, pair)
  }
  return [...found.values()].map((pair) => {
    const both = [pair.forth, pair.back].filter((link) => link !== null)
    const told = both.map((link) => link.snr_db).filter((snr) => snr != null)
    return { ...pair, quality: qualityOf(told.length === 0 ? null : Math.min(...told)), at: Math.max(...both.map((link) => parseTime(link.at) ?? 0)) }
  })
}

/** Returns how well a name fits what is looked for: 0 does not, more is better. Letters may be left out, never swapped. */
export function fit(wanted: string, name: string): number {
  if (wanted === '') return 0
  const at = name.indexOf(wanted)
  if (at === 0) return 4
  if (at > 0) return /[\s!_\-./]/.test(name[at - 1] ?? '') ? 3 : 2
  let from = 0
  let gaps = 0
  for (const letter of wanted) {
    const next = name.indexOf(letter, from)
    if (next < 0) return 0
    gaps += next - from
    from = next + 1
  }
  return 1 / (1 + gaps)
}

/** Returns the nodes that fit best what is looked for, by name, short name or id. */
export function find(nodes: readonly MapNode[], wanted: string, most: number): MapNode[] {
  const text = plain(wanted.trim())
  const found = nodes.map((node) => {
    const names = [nodeName(node), node.short_name ?? '', node.node_id, node.node_id.slice(1)]
    return { node, score: Math.max(...names.map((name) => fit(text, plain(name)))) + (node.station ? 0.1 : 0) }
  })
  return found.filter(({ score }) => score > 0.15).sort((a, b) => b.score - a.score || a.node.node_id.localeCompare(b.node.node_id)).slice(0, most).map(({ node }) => node)
}

/** The box around places, `[west, south, east, north]`: of stations if there are any, without the few that are far off. */
export function boxOf(nodes: readonly MapNode[]): [number, number, number, number] | null {
  const placed = nodes.filter((node) => node.position != null)
  const stations = placed.filter((node) => node.station)
  const places = (stations.length > 0 ? stations : placed).map((node) => node.position).filter((place) => place != null)
  if (places.length === 0) return null
  const ends = (values: number[]) => {
    values.sort((a, b) => a - b)
    const skip = Math.floor(values.length * 0.03)
    return [values[skip] ?? 0, values[values.length - 1 - skip] ?? 0] as const
  }
  const [west, east] = ends(places.map((place) => place.longitude))
  const [south, north] = ends(places.map((place) => place.latitude))
  return [west, south, east, north]
}
