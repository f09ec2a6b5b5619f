import type * as GeoJSON from 'geojson'
import { type ExpressionSpecification, type LayerSpecification, type SourceSpecification, type StyleSpecification, addProtocol } from 'maplibre-gl'
import { PMTiles, Protocol, TileType } from 'pmtiles'
import { isRecord } from '@/api/is-record'
import type { Language } from '@/shell/preferences'
import { operatorLayers } from './operator-style'

/** A map file of the operator, as `/basemap/` lists it. */
interface Listed {
  readonly name: string
  readonly url: string
}

/** A map file, opened. */
export interface OperatorMap {
  readonly url: string
  readonly kind: 'vector' | 'raster'
  /** The names of its layers, if it has any. */
  readonly layers: ReadonlySet<string>
  readonly attribution: string
  readonly bounds: readonly [number, number, number, number]
  readonly minZoom: number
  readonly maxZoom: number
}

export interface Palette {
  readonly water: string
  readonly land: string
  readonly coast: string
  readonly border: string
  readonly text: string
  readonly halo: string
  readonly green: string
  readonly built: string
  readonly road: string
  readonly roadEdge: string
}

export const LIGHT: Palette = {
  water: '#dbe6ee', land: '#f7f8f6', coast: '#b9c8d3', border: '#a9b4be', text: '#5b6873', halo: '#ffffff',
  green: '#e6eedd', built: '#ebe9e6', road: '#ffffff', roadEdge: '#d5d9dc',
}
export const DARK: Palette = {
  water: '#0b1116', land: '#182027', coast: '#2f3d48', border: '#465561', text: '#93a3b0', halo: '#10171c',
  green: '#18261f', built: '#1e262d', road: '#33404a', roadEdge: '#11181d',
}

/** The typeface of the page. Without a glyph server the browser itself draws the letters. */
export const FONT = ['Inter Variable', 'sans-serif']

const protocol = new Protocol({ metadata: false })
let isReady = false

/** Teaches MapLibre to read PMTiles, once. */
export function readyProtocol(): void {
  if (isReady) return
  isReady = true
  addProtocol('pmtiles', protocol.tile)
}

const text = (value: unknown) => (typeof value === 'string' ? value.replace(/<[^>]*>/g, '').replace(/&copy;/g, '©').replace(/&[a-z#0-9]+;/gi, ' ').trim().slice(0, 200) : '')

function layerNames(metadata: unknown): Set<string> {
  const layers = isRecord(metadata) ? metadata['vector_layers'] : null
  if (!Array.isArray(layers)) return new Set()
  return new Set(layers.slice(0, 200).map((layer: unknown) => (isRecord(layer) ? String(layer['id']) : '')))
}

/** Opens the operator's maps; one that cannot be read is left out, for the map of the world is always there. */
export async function operatorMaps(signal: AbortSignal): Promise<OperatorMap[]> {
  const response = await fetch('/basemap/', { signal })
  if (!response.ok) return []
  const { maps } = (await response.json()) as { maps: Listed[] }
  const opened = await Promise.all(maps.map(async ({ url }): Promise<OperatorMap | null> => {
    try {
      const archive = new PMTiles(new URL(url, location.origin).href)
      protocol.add(archive)
      const [header, metadata] = await Promise.all([archive.getHeader(), archive.getMetadata()])
      const kind = header.tileType === TileType.Mvt ? 'vector' : 'raster'
      if (header.tileType === TileType.Unknown || header.tileType === TileType.Mlt) return null
      const about = isRecord(metadata) ? metadata['attribution'] : ''
      return {
        url: `pmtiles://${new URL(url, location.origin).href}`, kind, layers: layerNames(metadata), attribution: text(about),
        bounds: [header.minLon, header.minLat, header.maxLon, header.maxLat], minZoom: header.minZoom, maxZoom: header.maxZoom,
      }
    } catch (error) {
      console.warn('a map of the operator cannot be read', url, error)
      return null
    }
  }))
  return opened.filter((map) => map !== null)
}

/** The name of a place in the language of the page, as far as the map has it. */
export function nameIn(language: Language): ExpressionSpecification {
  return ['coalesce', ['get', `name:${language}`], ['get', `name_${language}`], ['get', 'name'], ['get', 'name:latin'], ['get', 'name_en']]
}

function worldLayers(palette: Palette, language: Language): LayerSpecification[] {
  const lines = (id: string, colour: string, width: number, dashes?: number[]): LayerSpecification => ({
    id: `world-${id}`, type: 'line', source: 'world', 'source-layer': id, layout: { 'line-join': 'round' },
    paint: { 'line-color': colour, 'line-width': ['interpolate', ['linear'], ['zoom'], 2, width * 0.6, 10, width * 1.6], ...(dashes === undefined ? {} : { 'line-dasharray': dashes }) },
  })
  return [
    { id: 'water', type: 'background', paint: { 'background-color': palette.water } },
    { id: 'world-land', type: 'fill', source: 'world', 'source-layer': 'land', paint: { 'fill-color': palette.land, 'fill-antialias': false } },
    lines('coast', palette.coast, 0.8),
    { id: 'graticule', type: 'line', source: 'graticule', paint: { 'line-color': palette.border, 'line-opacity': 0.28, 'line-width': 0.7 } },
    lines('borders', palette.border, 1, [3, 2]),
    {
      id: 'world-names', type: 'symbol', source: 'world', 'source-layer': 'countries', maxzoom: 9,
      filter: ['<=', ['get', 'rank'], ['step', ['zoom'], 1, 2, 2, 3, 3, 4, 4, 5, 5]],
      layout: {
        'text-field': nameIn(language), 'text-font': FONT, 'text-size': ['interpolate', ['linear'], ['zoom'], 2, 11, 6, 14],
        'text-max-width': 8, 'text-transform': 'uppercase', 'text-letter-spacing': 0.06, 'text-padding': 6,
      },
      paint: { 'text-color': palette.text, 'text-halo-color': palette.halo, 'text-halo-width': 1.4, 'text-opacity': 0.85 },
    },
  ]
}

/** Returns the style of the ground: the world, and over it whatever maps the operator has. */
export function groundStyle(palette: Palette, language: Language, maps: readonly OperatorMap[]): StyleSpecification {
  const sources: Record<string, SourceSpecification> = {
    world: { type: 'vector', url: `pmtiles://${location.origin}/world.pmtiles` },
    graticule: { type: 'geojson', data: { type: 'FeatureCollection', features: [] } },
  }
  const world = worldLayers(palette, language)
  const over: LayerSpecification[] = []
  maps.forEach((map, i) => {
    const source = `operator-${String(i)}`
    const { bounds, minZoom: minzoom, maxZoom: maxzoom } = map
    sources[source] = map.kind === 'vector'
      ? { type: 'vector', url: map.url }
      : { type: 'raster', tiles: [`${map.url}/{z}/{x}/{y}`], tileSize: 256, bounds: [...bounds], minzoom, maxzoom }
    over.push(...operatorLayers(source, map, palette, language))
    if (map.kind === 'vector' && !['earth', 'land', 'ocean'].some((name) => map.layers.has(name))) {
      // A map that draws water alone takes land for granted: the coarser coast of the world would flood it.
      sources[`${source}-land`] = { type: 'geojson', data: { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring(bounds)] } } }
      over.unshift({ id: `${source}-land`, type: 'fill', source: `${source}-land`, minzoom: Math.max(7, minzoom), paint: { 'fill-color': palette.land } })
    }
  })
  const [names, ...ground] = [...world].reverse()
  const layers = [...ground.reverse(), ...over, ...(names === undefined ? [] : [names])]
  return { version: 8, sources, layers }
}

function ring([west, south, east, north]: OperatorMap['bounds']): [number, number][] {
  return [[west, south], [east, south], [east, north], [west, north], [west, south]]
}

/** Returns the lines of a graticule that suit a view, so that an empty land still has a scale. */
export function graticule(west: number, south: number, east: number, north: number, zoom: number): GeoJSON.FeatureCollection {
  const step = [30, 30, 20, 10, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01][Math.min(13, Math.max(0, Math.floor(zoom)))] ?? 10
  const line = (coordinates: [number, number][]): GeoJSON.Feature => ({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates } })
  const features: GeoJSON.Feature[] = []
  for (let x = Math.floor(west / step); x * step <= east && features.length < 100; x += 1) features.push(line([[x * step, Math.max(-85, south)], [x * step, Math.min(85, north)]]))
  for (let y = Math.floor(south / step); y * step <= north && features.length < 200; y += 1) features.push(line([[west, y * step], [east, y * step]]))
  return { type: 'FeatureCollection', features }
}
