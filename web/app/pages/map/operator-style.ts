import type { ExpressionSpecification, LayerSpecification } from 'maplibre-gl'
import type { Language } from '@/shell/preferences'
import { FONT, nameIn, type OperatorMap, type Palette } from './basemap'

// One style for the schemas that map files come in: Protomaps, OpenMapTiles, Shortbread, Natural Earth. Each names its layers
// and kinds otherwise, so a layer is drawn under any of its names, and what a file does not have is left out.

/** The kind of a feature, whatever the schema calls the field. */
const KIND: ExpressionSpecification = ['to-string', ['coalesce', ['get', 'kind'], ['get', 'class'], ['get', 'pmap:kind'], ['get', 'featurecla'], '']]
const among = (...kinds: string[]): ExpressionSpecification => ['in', KIND, ['literal', kinds]]

const GREEN = among('forest', 'wood', 'park', 'grass', 'grassland', 'nature_reserve', 'national_park', 'scrub', 'meadow', 'orchard', 'vineyard', 'farmland', 'wetland')
const BUILT = among('residential', 'commercial', 'industrial', 'urban_area', 'retail', 'school', 'hospital')
const GREAT_ROADS = among('motorway', 'trunk', 'primary', 'highway')
const LESSER_ROADS = among('secondary', 'tertiary', 'major_road', 'motorway_link', 'trunk_link', 'primary_link')

type Part = (source: string, layer: string, palette: Palette, language: Language) => LayerSpecification[]

const fill = (colour: (palette: Palette) => string, filter?: ExpressionSpecification, minzoom = 0): Part => (source, layer, palette) => [{
  id: `${source}/${layer}/${colour(palette)}`, type: 'fill', source, 'source-layer': layer, minzoom,
  filter: filter === undefined ? ['==', ['geometry-type'], 'Polygon'] : ['all', ['==', ['geometry-type'], 'Polygon'], filter],
  paint: { 'fill-color': colour(palette), 'fill-antialias': false },
}]

const stroke = (id: string, colour: (palette: Palette) => string, widths: readonly [number, number], options: { filter?: ExpressionSpecification; minzoom?: number; dashes?: number[] } = {}): Part => (source, layer, palette) => [{
  id: `${source}/${layer}/${id}`, type: 'line', source, 'source-layer': layer, minzoom: options.minzoom ?? 0,
  filter: options.filter === undefined ? ['==', ['geometry-type'], 'LineString'] : ['all', ['==', ['geometry-type'], 'LineString'], options.filter],
  layout: { 'line-cap': 'round', 'line-join': 'round' },
  paint: { 'line-color': colour(palette), 'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 7, widths[0], 16, widths[1]], ...(options.dashes === undefined ? {} : { 'line-dasharray': options.dashes }) },
}]

const road = (id: string, widths: readonly [number, number], minzoom: number, filter?: ExpressionSpecification): Part => (...given) => [
  ...stroke(`${id}-edge`, (palette) => palette.roadEdge, [widths[0] + 0.8, widths[1] + 2], { minzoom, ...(filter === undefined ? {} : { filter }) })(...given),
  ...stroke(id, (palette) => palette.road, widths, { minzoom, ...(filter === undefined ? {} : { filter }) })(...given),
]

const names = (minzoom: number, size: readonly [number, number]): Part => (source, layer, palette, language) => [{
  id: `${source}/${layer}/names`, type: 'symbol', source, 'source-layer': layer, minzoom, filter: ['==', ['geometry-type'], 'Point'],
  layout: {
    'text-field': nameIn(language), 'text-font': FONT, 'text-size': ['interpolate', ['linear'], ['zoom'], 5, size[0], 14, size[1]], 'text-max-width': 8, 'text-padding': 4,
    // Greater places first: schemas tell it by population, by rank, or not at all.
    'symbol-sort-key': ['coalesce', ['-', 0, ['to-number', ['get', 'population'], 0]], ['to-number', ['get', 'rank'], 0]],
  },
  paint: { 'text-color': palette.text, 'text-halo-color': palette.halo, 'text-halo-width': 1.4 },
}]

/** What is drawn of which layers, from the ground up. */
const PARTS: readonly (readonly [readonly string[], Part])[] = [
  [['earth', 'land'], fill((palette) => palette.land)],
  [['landcover', 'landuse', 'land', 'park', 'parks', 'globallandcover'], fill((palette) => palette.green, GREEN)],
  [['landuse', 'land', 'urban_areas'], fill((palette) => palette.built, BUILT)],
  [['water', 'ocean', 'water_polygons', 'lakes'], fill((palette) => palette.water)],
  [['waterway', 'water_lines', 'water', 'rivers'], stroke('lines', (palette) => palette.water, [0.6, 4])],
  [['building', 'buildings'], fill((palette) => palette.built, undefined, 13)],
  [['roads', 'transportation', 'streets'], road('all', [0.2, 5], 11)],
  [['roads', 'transportation', 'streets'], road('lesser', [0.5, 7], 8, LESSER_ROADS)],
  [['roads', 'transportation', 'streets'], road('great', [0.9, 9], 5, GREAT_ROADS)],
  [['boundaries', 'boundary', 'admin', 'borders'], stroke('borders', (palette) => palette.border, [0.8, 2], { dashes: [3, 2] })],
  [['places', 'place', 'place_labels', 'populated_places'], names(4, [11, 15])],
]

/** Returns the layers that draw an operator's map. */
export function operatorLayers(source: string, map: OperatorMap, palette: Palette, language: Language): LayerSpecification[] {
  if (map.kind === 'raster') return [{ id: source, type: 'raster', source, paint: { 'raster-opacity': 0.9 } }]
  return PARTS.flatMap(([layers, part]) => layers.filter((layer) => map.layers.has(layer)).flatMap((layer) => part(source, layer, palette, language)))
}
