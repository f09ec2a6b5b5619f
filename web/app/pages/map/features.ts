import type * as GeoJSON from 'geojson'
import type { Units } from '@/shell/preferences'
import { formatNumber, shown as unitOf } from '@/format/units'
import type { Quantity } from '@/format/quantities'
import { barbName } from './barbs'
import type { Pair, Shown } from './model'
import { colourOf, inkOn, type Scale } from './quantities'

type Collection = GeoJSON.FeatureCollection<GeoJSON.Point>
type LineCollection = GeoJSON.FeatureCollection<GeoJSON.LineString>

/** Colours of links that nobody confuses; width and dashes say the same. */
export const LINK_COLOURS = { good: '#0a8a6a', fair: '#d08a00', poor: '#c2410c', unknown: '#7b8794' } as const

/** How many decimals fit into a disc on the map. */
export function decimalsOnMap(quantity: Quantity, units: Units): number {
  const { decimals, unit } = unitOf(quantity, units)
  if (unit === 'in' || unit === 'inHg' || unit === 'V') return 2
  return unit === '°C' || unit === 'mm' ? Math.min(1, decimals) : 0
}

export interface Look {
  readonly quantity: Quantity
  readonly units: Units
  readonly locale: string
  readonly scale: Scale
}

/** The collections that the map draws: discs with values, dots without. */
export interface Drawn {
  readonly stations: Collection
  readonly nodes: Collection
  readonly bridges: Collection
}

/**
 * Makes features of nodes. A station's properties: `v` the value in the shown unit, `m` the same if it is recent enough to count
 * in a cluster's mean, `text`, `colour`, `ink`, `age` (fresh, aging, stale, never), `barb` and `turn` for its wind.
 */
export function draw(nodes: readonly Shown[], { quantity, units, locale, scale }: Look): Drawn {
  const { of } = unitOf(quantity, units)
  const decimals = decimalsOnMap(quantity, units)
  const drawn = { stations: [] as GeoJSON.Feature<GeoJSON.Point>[], nodes: [] as GeoJSON.Feature<GeoJSON.Point>[], bridges: [] as GeoJSON.Feature<GeoJSON.Point>[] }
  for (const { node, name, kind, value, fresh, wind } of nodes) {
    const place = node.position
    if (place == null) continue
    const geometry: GeoJSON.Point = { type: 'Point', coordinates: [place.longitude, place.latitude] }
    const properties: Record<string, string | number> = { id: node.node_id, name, kind }
    if (kind === 'station' || value !== null) {
      properties['age'] = fresh
      properties['colour'] = '#8793a0'
      properties['ink'] = '#ffffff'
      if (value !== null) {
        const colour = colourOf(scale, value)
        properties['v'] = of(value)
        if (fresh !== 'stale') properties['m'] = of(value)
        properties['text'] = formatNumber(of(value), decimals, locale)
        properties['colour'] = colour
        properties['ink'] = inkOn(colour)
      }
      if (wind !== null && (wind.direction !== null || wind.speed < 1.3)) {
        properties['barb'] = barbName(wind.speed, place.latitude)
        properties['turn'] = wind.direction ?? 0
      }
      drawn.stations.push({ type: 'Feature', geometry, properties })
    } else {
      drawn.nodes.push({ type: 'Feature', geometry, properties })
    }
    if (node.bridges !== undefined && node.bridges.length > 0) {
      const isOnline = node.bridges.some((bridge) => bridge.state === 'online' && Date.now() - Date.parse(bridge.status_at) < 180_000)
      drawn.bridges.push({ type: 'Feature', geometry, properties: { ...properties, online: isOnline ? 1 : 0 } })
    }
  }
  const collection = (features: GeoJSON.Feature<GeoJSON.Point>[]): Collection => ({ type: 'FeatureCollection', features })
  return { stations: collection(drawn.stations), nodes: collection(drawn.nodes), bridges: collection(drawn.bridges) }
}

/** Makes lines of the links whose ends are both on the map. Those unheard of for a day are drawn as old. */
export function drawLinks(pairs: readonly Pair[], nodes: readonly Shown[], now: number): LineCollection {
  const places = new Map(nodes.map(({ node }) => [node.node_id, node.position]))
  const features: GeoJSON.Feature<GeoJSON.LineString>[] = []
  for (const { a, b, quality, at } of pairs) {
    const [from, to] = [places.get(a), places.get(b)]
    if (from == null || to == null) continue
    const turn = to.longitude - from.longitude
    // The short way round: from Fiji to Samoa it leads over the antimeridian.
    const east = turn > 180 ? to.longitude - 360 : turn < -180 ? to.longitude + 360 : to.longitude
    features.push({
      type: 'Feature', properties: { quality, old: now - at > 86_400_000 ? 1 : 0 },
      geometry: { type: 'LineString', coordinates: [[from.longitude, from.latitude], [east, to.latitude]] },
    })
  }
  return { type: 'FeatureCollection', features }
}

/** The stops of a scale in the shown unit. */
export function stopsIn(scale: Scale, quantity: Quantity, units: Units): (readonly [number, string])[] {
  const { of } = unitOf(quantity, units)
  return scale.stops.map(([value, colour]) => [of(value), colour] as const)
}
