import type * as GeoJSON from 'geojson'
import type { ExpressionSpecification, LayerSpecification, SourceSpecification, SymbolLayerSpecification } from 'maplibre-gl'
import { BARB_OFFSET } from './barbs'
import { FONT } from './basemap'
import { LINK_COLOURS } from './features'
import type { Layer } from './search'
import { PINS } from './signs'

/** What the layers of ours are drawn with, beside the ground's colours. */
export interface Ink {
  readonly text: string
  readonly halo: string
  readonly node: string
  readonly surface: string
  readonly accent: string
  readonly bad: string
  readonly muted: string
}

export const SOURCES = ['links', 'nodes', 'stations', 'bridges', 'waypoints', 'selected'] as const

const none: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }
const isCluster: ExpressionSpecification = ['has', 'point_count']
const isPoint: ExpressionSpecification = ['!', ['has', 'point_count']]
const mean: ExpressionSpecification = ['/', ['get', 'sum'], ['max', 1, ['get', 'n']]]

/** Returns the sources of our layers. Nodes that lie close together are gathered, as long as they are three or more. */
export function sources(): Record<string, SourceSpecification> {
  const gathered = { type: 'geojson', data: none, cluster: true, clusterMaxZoom: 12, clusterMinPoints: 3 } as const
  return {
    links: { type: 'geojson', data: none },
    nodes: { ...gathered, clusterRadius: 34 },
    // The mean of a cluster is that of its members whose values are recent.
    stations: { ...gathered, clusterRadius: 38, clusterProperties: { n: ['+', ['case', ['has', 'm'], 1, 0]], sum: ['+', ['coalesce', ['get', 'm'], 0]] } },
    bridges: { type: 'geojson', data: none },
    waypoints: { ...gathered, clusterRadius: 26 },
    selected: { type: 'geojson', data: none },
  }
}

/** Returns the colour of a value on a scale, as the map reckons it. */
export function ramp(stops: readonly (readonly [number, string])[], value: ExpressionSpecification): ExpressionSpecification {
  return ['interpolate', ['linear'], value, ...stops.flat()] as unknown as ExpressionSpecification
}

export interface Figures {
  readonly stops: readonly (readonly [number, string])[]
  readonly decimals: number
  readonly locale: string
}

/** Returns what of the layers depends on the quantity: the discs and figures of clusters. */
export function clusterPaint({ stops, decimals, locale }: Figures) {
  const colour: ExpressionSpecification = ['case', ['>', ['get', 'n'], 0], ramp(stops, mean), '#8793a0']
  const figure: ExpressionSpecification = ['case', ['>', ['get', 'n'], 0], ['number-format', mean, { locale, 'min-fraction-digits': decimals, 'max-fraction-digits': decimals }], '–']
  const label = ['format', figure, { 'font-scale': 1 }, '\n', {}, ['concat', '×', ['get', 'point_count_abbreviated']], { 'font-scale': 0.78 }] as unknown as ExpressionSpecification
  return { colour, label }
}

/** Where the name of a station stands: under its disc, or over it where something lies under it, as its barb. */
const BESIDE = { 'text-variable-anchor-offset': ['top', [0, 1.6], 'bottom', [0, -1.6]] } satisfies Pick<NonNullable<SymbolLayerSpecification['layout']>, 'text-variable-anchor-offset'>

const isCalm: ExpressionSpecification = ['==', ['slice', ['get', 'barb'], 'barb-n-'.length], '0']
const isSouthern: ExpressionSpecification = ['==', ['slice', ['get', 'barb'], 0, 'barb-n'.length], 'barb-s']

/** Returns our layers, from the ground up. */
export function layers(ink: Ink, figures: Figures): LayerSpecification[] {
  const byAge = (fresh: number, aging: number, stale: number): ExpressionSpecification => ['match', ['get', 'age'], 'fresh', fresh, 'aging', aging, stale]
  const cluster = clusterPaint(figures)
  const link = (quality: keyof typeof LINK_COLOURS, dashes?: number[]): LayerSpecification => ({
    id: `links-${quality}`, type: 'line', source: 'links', filter: ['==', ['get', 'quality'], quality], layout: { 'line-cap': 'round' },
    paint: {
      'line-color': LINK_COLOURS[quality], 'line-opacity': ['case', ['==', ['get', 'old'], 1], 0.3, 0.8],
      'line-width': quality === 'good' ? 2.4 : 1.8, ...(dashes === undefined ? {} : { 'line-dasharray': dashes }),
    },
  })
  const figureText = { 'text-font': FONT, 'text-size': 12, 'text-padding': 1 } as const
  return [
    link('unknown', [0.5, 2]), link('poor', [1.5, 2]), link('fair', [4, 2]), link('good'),
    { id: 'nodes-clusters', type: 'circle', source: 'nodes', filter: isCluster, paint: { 'circle-radius': ['interpolate', ['linear'], ['get', 'point_count'], 3, 10, 200, 20], 'circle-color': ink.node, 'circle-opacity': 0.85, 'circle-stroke-width': 1.5, 'circle-stroke-color': ink.surface } },
    { id: 'nodes-counts', type: 'symbol', source: 'nodes', filter: isCluster, layout: { 'text-field': ['get', 'point_count_abbreviated'], ...figureText, 'text-size': 11 }, paint: { 'text-color': ink.surface } },
    { id: 'nodes-points', type: 'circle', source: 'nodes', filter: isPoint, paint: { 'circle-radius': 4.5, 'circle-color': ink.node, 'circle-stroke-width': 1.5, 'circle-stroke-color': ink.surface } },
    {
      id: 'bridges-rings', type: 'circle', source: 'bridges',
      paint: { 'circle-radius': 9, 'circle-color': ink.surface, 'circle-stroke-width': 2.5, 'circle-stroke-color': ['case', ['==', ['get', 'online'], 1], ink.accent, ink.bad] },
    },
    { id: 'bridges-icons', type: 'symbol', source: 'bridges', layout: { 'icon-image': ['case', ['==', ['get', 'online'], 1], 'bridge-online', 'bridge-offline'], 'icon-allow-overlap': true, 'icon-ignore-placement': true } },
    // Symbols of later layers are placed first: where there is little room, names give way to figures.
    ...['nodes', 'stations'].map((source): LayerSpecification => ({
      id: `${source}-names`, type: 'symbol', source, filter: isPoint, minzoom: source === 'stations' ? 6 : 9,
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 11, 'text-max-width': 9, 'text-padding': 3, ...(source === 'stations' ? BESIDE : { 'text-anchor': 'top', 'text-offset': [0, 0.7] }) },
      paint: { 'text-color': ink.text, 'text-halo-color': ink.halo, 'text-halo-width': 1.6 },
    })),
    {
      id: 'waypoints-names', type: 'symbol', source: 'waypoints', filter: isPoint,
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 11, 'text-anchor': 'top', 'text-offset': [0, 0.2], 'text-max-width': 9, 'text-padding': 3 },
      paint: { 'text-color': ink.text, 'text-halo-color': ink.halo, 'text-halo-width': 1.6 },
    },
    { id: 'stations-calms', type: 'symbol', source: 'stations', filter: ['all', isPoint, ['has', 'barb'], isCalm], layout: { 'icon-image': ['get', 'barb'], 'icon-allow-overlap': true, 'icon-ignore-placement': true } },
    {
      // Every barb is drawn, and names keep off it.
      id: 'stations-barbs', type: 'symbol', source: 'stations', filter: ['all', isPoint, ['has', 'barb'], ['!', isCalm]],
      layout: {
        'icon-image': ['get', 'barb'], 'icon-rotate': ['get', 'turn'], 'icon-rotation-alignment': 'map', 'icon-allow-overlap': true, 'icon-padding': 0,
        'icon-offset': ['case', isSouthern, ['literal', [...BARB_OFFSET.southern]], ['literal', [...BARB_OFFSET.northern]]],
      },
    },
    {
      id: 'stations-points', type: 'circle', source: 'stations', filter: isPoint,
      paint: {
        'circle-radius': ['case', ['has', 'v'], 15, 7],
        'circle-color': ['case', ['==', ['get', 'age'], 'stale'], ink.surface, ['get', 'colour']],
        'circle-opacity': ['case', ['has', 'v'], byAge(1, 0.82, 1), 0.6],
        'circle-stroke-width': byAge(1.5, 1.5, 3),
        'circle-stroke-color': ['case', ['==', ['get', 'age'], 'stale'], ['get', 'colour'], ink.surface],
      },
    },
    {
      id: 'stations-figures', type: 'symbol', source: 'stations', filter: ['all', isPoint, ['has', 'v']],
      // Greater values are not more important: whichever comes first keeps its figure where they would overlap.
      layout: { 'text-field': ['get', 'text'], ...figureText, 'text-size': ['case', ['>', ['length', ['get', 'text']], 4], 10, 12] },
      paint: { 'text-color': ['case', ['==', ['get', 'age'], 'stale'], ink.muted, ['get', 'ink']] },
    },
    { id: 'stations-clusters', type: 'circle', source: 'stations', filter: isCluster, paint: { 'circle-radius': ['interpolate', ['linear'], ['get', 'point_count'], 3, 21, 100, 30], 'circle-color': cluster.colour, 'circle-stroke-width': 3, 'circle-stroke-color': ink.surface } },
    {
      id: 'stations-means', type: 'symbol', source: 'stations', filter: isCluster, layout: { 'text-field': cluster.label, ...figureText, 'text-size': 13, 'text-line-height': 1 },
      // The colours of scales are the same in both themes, and so is what stands on them.
      paint: { 'text-color': '#0b1218', 'text-halo-color': 'rgba(255, 255, 255, 0.85)', 'text-halo-width': 1.6 },
    },
    // Whoever marks a place wants it found: its pin stands over everything, and where pins would cover each other is one with their number.
    {
      id: 'waypoints-pins', type: 'symbol', source: 'waypoints',
      layout: { 'icon-image': ['case', isCluster, ['concat', PINS, ['get', 'point_count_abbreviated']], ['get', 'pin']], 'icon-anchor': 'bottom', 'icon-allow-overlap': true, 'icon-ignore-placement': true },
    },
    { id: 'selected-ring', type: 'circle', source: 'selected', paint: { 'circle-radius': 21, 'circle-opacity': 0, 'circle-stroke-width': 3, 'circle-stroke-color': ink.accent } },
  ]
}

/** The layers that a switch of the page shows and hides. */
export const SWITCHED: Readonly<Record<Layer, readonly string[]>> = {
  nodes: ['nodes-clusters', 'nodes-counts', 'nodes-points'],
  wind: ['stations-calms', 'stations-barbs'],
  bridges: ['bridges-rings', 'bridges-icons'],
  links: ['links-good', 'links-fair', 'links-poor', 'links-unknown'],
  waypoints: ['waypoints-names', 'waypoints-pins'],
  names: ['nodes-names', 'stations-names'],
}

/** The layers whose features can be picked, the uppermost first. */
export const PICKED = ['waypoints-pins', 'stations-clusters', 'stations-points', 'bridges-rings', 'nodes-points', 'nodes-clusters'] as const
