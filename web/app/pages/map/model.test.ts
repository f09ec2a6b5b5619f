import { describe, expect, it } from 'vitest'
import { withLatest } from './data'
import { boxOf, find, type MapLink, type MapNode, pairs, shownNow, shownThen } from './model'
import { layersOf, mapSearch, viewOf, viewText } from './search'

const node = (id: string, more: Partial<MapNode> = {}): MapNode => ({ node_id: id, last_heard: '2026-06-01T12:00:00Z', station: false, ...more })
const at = (latitude: number, longitude: number) => ({ latitude, longitude, precision_deg: 0.01, at: '2026-06-01T11:00:00Z' })
const NOON = Date.parse('2026-06-01T12:00:00Z')

describe('a node on the map', () => {
  const station = node('!00000001', {
    station: true,
    latest: { at: '2026-06-01T11:58:00Z', values: { temperature_c: 21.5, wind_speed_ms: 4, wind_direction_deg: 350 }, observed_at: { wind_speed_ms: '2026-06-01T09:00:00Z' } },
  })

  it('has the value of the quantity and its own age', () => {
    expect(shownNow(station, 'temperature_c', NOON)).toMatchObject({ value: 21.5, fresh: 'fresh', kind: 'station' })
    expect(shownNow(station, 'wind_speed_ms', NOON).fresh).toBe('stale')
    expect(shownNow(station, 'humidity_pct', NOON)).toMatchObject({ value: null, at: null, fresh: 'never' })
  })

  it('shows no barb of a wind that is long over', () => {
    expect(shownNow(station, 'temperature_c', NOON).wind).toBeNull()
    expect(shownNow(station, 'temperature_c', NOON - 2 * 3_600_000).wind).toEqual({ speed: 4, direction: 350 })
  })

  it('has in the past what its hour says, and nothing where it said nothing', () => {
    const frames = { start: NOON, hours: 3, series: new Map([['!00000001', { temperature_c: [20, null, 0] }]]) }
    const then = (hour: number) => shownThen(station, 'temperature_c', frames, NOON + hour * 3_600_000)
    expect([0, 1, 2, 3, -1].map((hour) => then(hour).value)).toEqual([20, null, 0, null, null])
    expect(shownThen(station, 'temperature_c', undefined, NOON).fresh).toBe('never')
  })

  it('takes in news, but nothing older and nothing that is no number', () => {
    const event = { node_id: '!00000001', at: '2026-06-01T11:59:00Z', temperature_c: 22, humidity_pct: 'wet', iaq: Number.NaN, observed_at: { temperature_c: '2026-06-01T11:59:00Z', x: 3 } }
    expect(withLatest(station, event).latest).toEqual({ at: '2026-06-01T11:59:00Z', values: { temperature_c: 22 }, observed_at: { temperature_c: '2026-06-01T11:59:00Z' } })
    expect(withLatest(station, { ...event, at: '2026-06-01T11:57:00Z' })).toBe(station)
    expect(withLatest(station, { ...event, at: 7 })).toBe(station)
  })
})

describe('links', () => {
  const link = (from: string, to: string, snr_db: number | undefined, when: string): MapLink => ({ from, to, at: when, source: 'neighbor', ...(snr_db === undefined ? {} : { snr_db }) })
  it('are one line for both directions, as good as the worse, each by its newest news', () => {
    const found = pairs([link('a', 'b', 6, '2026-06-01T10:00:00Z'), link('b', 'a', -12, '2026-06-01T11:00:00Z'), link('a', 'b', 2, '2026-06-01T09:00:00Z'), link('c', 'a', undefined, '2026-06-01T08:00:00Z')])
    expect(found.map(({ a, b, quality, forth, back }) => [a, b, quality, forth?.snr_db, back?.snr_db])).toEqual([['a', 'b', 'poor', 6, -12], ['a', 'c', 'unknown', undefined, undefined]])
  })
})

describe('finding', () => {
  const nodes = [node('!a1b2c3d4', { long_name: 'Bridge Mäuseberg', short_name: 'MAUS' }), node('!00000002', { long_name: 'Erbeskopf' }), node('!00000003', { long_name: '<b>Ω</b>' })]
  it.each([['mause', '!a1b2c3d4'], ['MAUS', '!a1b2c3d4'], ['a1b2', '!a1b2c3d4'], ['!000000', '!00000002'], ['erbskopf', '!00000002'], ['<b>', '!00000003']])('%s finds %s first', (wanted, id) => {
    expect(find(nodes, wanted, 5)[0]?.node_id).toBe(id)
  })
  it('finds nothing for nothing, and bears what is no pattern', () => {
    for (const wanted of ['', '   ', '(((', '\\', 'zzzz', '.*']) expect(find(nodes, wanted, 5)).toEqual([])
  })
})

describe('the first view', () => {
  it('holds the stations, and not the one that claims to be at the other end of the world', () => {
    const stations = Array.from({ length: 40 }, (_, i) => node(`!${String(i)}`, { station: true, position: at(50 + i / 100, 7 + i / 100) }))
    const box = boxOf([...stations, node('!far', { station: true, position: at(-80, -170) }), node('!near', { position: at(10, 10) })])
    expect(box?.[1]).toBeGreaterThanOrEqual(50)
    expect(boxOf([node('!x')])).toBeNull()
  })
})

describe('the address', () => {
  it('is read as far as it is right', () => {
    expect(mapSearch({ show: 'pm25_ugm3', at: '50.1,6.9,8.5', layers: 'links.wind', t: '2026-06-01T10:00Z', node: '!a1b2c3d4', view: 'table' })).toEqual(
      { show: 'pm25_ugm3', at: '50.1,6.9,8.5', layers: 'wind.links', t: '2026-06-01T10:00Z', node: '!a1b2c3d4', view: 'table' })
    expect(mapSearch({ show: '<script>', at: '91,0,3', layers: 'x', t: '2026-99-99T10:00Z', node: 'ana', view: 'globe', more: 1 })).toEqual({})
    expect(layersOf('none')).toEqual([])
  })
  it('leads back to the same view', () => {
    expect(viewOf(viewText({ latitude: 50.123_456, longitude: 366.98, zoom: 8.44 }))).toEqual({ latitude: 50.123, longitude: 6.98, zoom: 8.4 })
    expect(viewOf('50,7')).toBeNull()
  })
})
