import { useQuery } from '@tanstack/react-query'
import type * as GeoJSON from 'geojson'
import { useMemo } from 'react'
import { api, take } from '@/api/client'
import { pages } from '@/api/pages'
import { keys } from '@/api/queries'
import type { Waypoint } from '@/api/schema'
import { plain, safeName } from '@/format/names'
import { parseTime } from '@/format/time'
import { fit } from './model'
import { pinName } from './signs'

/** Nobody announces a place that was marked: it is there at the latest after so long. */
const NEWS_EVERY = 30_000

/** Returns the places that people marked and that count at this time, by name. */
export function useWaypoints(isWanted: boolean, now: number): readonly Waypoint[] {
  const { data } = useQuery({
    queryKey: [...keys.network, 'waypoints'],
    queryFn: ({ signal }) => pages((after) => take(api.GET('/api/v1/waypoints', { params: { query: { limit: 1000, ...after } }, signal }))),
    enabled: isWanted,
    staleTime: NEWS_EVERY,
    refetchInterval: NEWS_EVERY,
  })
  return useMemo(() => (isWanted ? counting(data?.rows ?? [], now) : []), [data, isWanted, now])
}

/** Returns those whose time is not over: an answer may be older than that. */
export function counting(places: readonly Waypoint[], now: number): readonly Waypoint[] {
  return places.filter(({ expires_at: end }) => end == null || (parseTime(end) ?? 0) > now)
}

/** Returns the name of a place as it may be shown in a line; `otherwise` if it has none. */
export function waypointName(place: Waypoint, otherwise: string): string {
  return safeName(place.name, otherwise)
}

/** Returns the sign of a place, one character that somebody chose; nothing if it draws nothing. */
export function waypointIcon(place: Waypoint): string {
  return Array.from(safeName(place.icon, '')).slice(0, 2).join('')
}

/** Returns what is said of a place as it may be shown: lines stay lines, and nothing turns the direction of what follows. */
export function said(description: string): string {
  return description.split(/\r\n|[\r\n]/u).map((line) => safeName(line, '')).join('\n').trim()
}

/** Returns where a place is, as it can be typed into other programs: a metre is told apart from the next. */
export function coordinates({ latitude, longitude }: Waypoint): string {
  return `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`
}

/** Returns whether a place is one that is looked for. */
export function isWanted(place: Waypoint, wanted: string): boolean {
  const text = plain(wanted.trim())
  return text === '' || [place.name, place.description].some((said) => said != null && fit(text, plain(said)) > 0.15)
}

/** Makes features of places: `id`, `name`, and `pin`, the picture that stands there. */
export function drawWaypoints(places: readonly Waypoint[]): GeoJSON.FeatureCollection {
  const features = places.map((place): GeoJSON.Feature<GeoJSON.Point> => ({
    type: 'Feature', geometry: { type: 'Point', coordinates: [place.longitude, place.latitude] },
    properties: { id: String(place.id), kind: 'waypoint', name: waypointName(place, ''), pin: pinName(waypointIcon(place)) },
  }))
  return { type: 'FeatureCollection', features }
}
