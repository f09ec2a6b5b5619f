import type { Feature, FeatureCollection, GeoJSON } from 'geojson'
export function cut<T extends GeoJSON>(object: T): T
export function jumps(object: GeoJSON): number
export function layers(atlas: unknown, nameOf: (country: Feature) => Record<string, string>): Record<'land' | 'coast' | 'borders' | 'countries', FeatureCollection>
