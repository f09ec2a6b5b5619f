import { describe, expect, it } from 'vitest'
import type { Waypoint } from '@/api/schema'
import { mapSearch } from './search'
import { coordinates, counting, drawWaypoints, isWanted, said, waypointIcon, waypointName } from './waypoints'

const NOON = Date.parse('2026-06-01T12:00:00Z')
const place = (more: Partial<Waypoint> = {}): Waypoint => ({ id: 7, node_id: '!4dbb2002', latitude: 50.934_58, longitude: 6.946_82, at: '2026-06-01T11:00:00Z', ...more })

describe('a marked place', () => {
  it('counts until its time is over', () => {
    const places = [place({ id: 1 }), place({ id: 2, expires_at: '2026-06-01T12:00:01Z' }), place({ id: 3, expires_at: '2026-06-01T12:00:00Z' }), place({ id: 4, expires_at: 'never' })]
    expect(counting(places, NOON).map(({ id }) => id)).toEqual([1, 2])
  })

  it('has a name, a sign and words that turn nothing around them', () => {
    expect(waypointName(place({ name: '\u202espring' }), 'Place')).toBe('spring')
    expect(waypointName(place({ name: ' \u200b' }), 'Place')).toBe('Place')
    expect([waypointIcon(place({ icon: '💧' })), waypointIcon(place({ icon: '\u202e' })), waypointIcon(place())]).toEqual(['💧', '', ''])
    expect(said('one\r\n\u202etwo\u0000\n\n')).toBe('one\ntwo')
  })

  it('is a feature with its picture, and can be copied to the metre', () => {
    const { features } = drawWaypoints([place({ name: 'Spring', icon: '💧' })])
    expect(features[0]).toMatchObject({ geometry: { coordinates: [6.946_82, 50.934_58] }, properties: { id: '7', name: 'Spring', pin: 'pin:💧' } })
    expect(coordinates(place())).toBe('50.93458, 6.94682')
  })

  it('is found by what is said of it', () => {
    const spring = place({ name: 'Břeh', description: 'Clean water' })
    expect(['', 'breh', 'water', 'zzz'].map((wanted) => isWanted(spring, wanted))).toEqual([true, true, true, false])
  })

  it('stands in the address by its number, and a node before it', () => {
    expect(mapSearch({ waypoint: 7 })).toEqual({ waypoint: 7 })
    expect(mapSearch({ waypoint: 7, node: '!a1b2c3d4' })).toEqual({ node: '!a1b2c3d4' })
    for (const waypoint of ['7', -1, 1.5, 2 ** 32, Number.NaN, null]) expect(mapSearch({ waypoint })).toEqual({})
  })
})
