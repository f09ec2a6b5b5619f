import { validateStyleMin } from '@maplibre/maplibre-gl-style-spec'
import { expect, it, vi } from 'vitest'
import { DARK, graticule, groundStyle, LIGHT, type OperatorMap } from './basemap'
import { stopsIn } from './features'
import { layers, PICKED, SOURCES, sources, SWITCHED } from './layers'
import { ON_MAP, scaleOf } from './quantities'

vi.mock('maplibre-gl', () => ({ addProtocol: () => undefined }))

const ink = { text: '#000000', halo: '#ffffff', node: '#888888', surface: '#ffffff', accent: '#0000ff', bad: '#ff0000', muted: '#777777' }
const map = (kind: 'vector' | 'raster', ...names: string[]): OperatorMap =>
  ({ url: 'pmtiles://http://here/basemap/region.pmtiles', kind, layers: new Set(names), attribution: '© OpenStreetMap', bounds: [6, 49, 8, 51], minZoom: 0, maxZoom: 14 })

const SCHEMAS: Record<string, readonly OperatorMap[]> = {
  'no map': [],
  'Protomaps': [map('vector', 'earth', 'landcover', 'landuse', 'water', 'roads', 'buildings', 'boundaries', 'places', 'pois')],
  'OpenMapTiles': [map('vector', 'landcover', 'landuse', 'water', 'waterway', 'transportation', 'building', 'boundary', 'place', 'park')],
  'Shortbread': [map('vector', 'ocean', 'water_polygons', 'water_lines', 'land', 'streets', 'buildings', 'boundaries', 'place_labels')],
  'pictures': [map('raster')],
  'two maps': [map('raster'), map('vector', 'water', 'roads')],
  'a map of unknown layers': [map('vector', 'a', 'b')],
}

it.each(Object.entries(SCHEMAS))('the style over %s is one that MapLibre takes', (_, maps) => {
  for (const palette of [LIGHT, DARK]) {
    for (const quantity of maps.length === 0 ? ON_MAP : ON_MAP.slice(0, 1)) {
      const stops = stopsIn(scaleOf(quantity, []), quantity, 'imperial')
      const ground = groundStyle(palette, 'de', maps)
      const style = { ...ground, sources: { ...ground.sources, ...sources() }, layers: [...ground.layers, ...layers(ink, { stops, decimals: 1, locale: 'de' })] }
      expect(validateStyleMin(style)).toEqual([])
      const ids = style.layers.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
    }
  }
})

it('a map that draws water alone gets land under it, where the coarse coast would flood it', () => {
  const ids = (maps: readonly OperatorMap[]) => groundStyle(LIGHT, 'en', maps).layers.map(({ id }) => id)
  expect(ids(SCHEMAS['OpenMapTiles'] ?? [])).toContain('operator-0-land')
  expect(ids(SCHEMAS['Protomaps'] ?? [])).not.toContain('operator-0-land')
})

it('everything that is switched or picked is there', () => {
  const ids = layers(ink, { stops: [[0, '#000000'], [1, '#ffffff']], decimals: 0, locale: 'en' }).map(({ id }) => id)
  expect(ids).toEqual(expect.arrayContaining([...Object.values(SWITCHED).flat(), ...PICKED]))
  expect(Object.keys(sources())).toEqual([...SOURCES])
})

it('the graticule has a line for each step of a view, and never thousands', () => {
  expect(graticule(6, 49, 8, 51, 7).features.length).toBe(4 + 2)
  for (let zoom = 0; zoom <= 17; zoom += 1) expect(graticule(-180, -85, 180, 85, zoom).features.length).toBeLessThanOrEqual(200)
})
