import type { Feature } from 'geojson'
export function namer(): (country: Feature) => Record<string, string>
