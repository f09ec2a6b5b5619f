import { describe, expect, it } from 'vitest'
import type { Node } from '@/api/schema'
import { columnsOf, columnsText } from './columns'
import { choices, merged, readable, rowOf, select } from './model'
import { nodesSearch } from './search'

const now = Date.UTC(2026, 5, 1, 12)
const node = (node_id: string, more: Partial<Node> = {}): Node => ({
  node_id, first_heard: '2026-05-01T00:00:00Z', last_heard: '2026-06-01T11:59:00Z', bridges: ['roof'], is_station: false, ...more,
})
const heard = (at: string, more: object = {}) => ({ at, bridge_id: 'roof', ...more })
const rows = [
  node('!00000001', { long_name: 'Žluťoučký kůň', role: 'ROUTER', heard_by_radio: heard('2026-06-01T10:00:00Z', { snr_db: -7.5, hops_away: 2 }), power: { at: '2026-06-01T10:00:00Z', battery_pct: 50 } }),
  node('!00000002', { long_name: 'Ana', is_station: true, heard_by_radio: heard('2026-06-01T11:00:00Z', { snr_db: 6, hops_away: 0 }), heard_over_mqtt: heard('2026-06-01T11:30:00Z') }),
  node('!00000003', { short_name: 'BEN', bridges: ['hill'], last_heard: '2026-05-20T00:00:00Z', heard_over_mqtt: heard('2026-05-20T00:00:00Z'), key_changed_at: '2026-05-19T00:00:00Z' }),
].map(rowOf)
const ids = (search: object) => select(rows, nodesSearch({ ...search }), now).map((row) => row.node.node_id.at(-1))

describe('the table of nodes', () => {
  it('has who was heard by radio last first, and who never was at the end', () => {
    expect(ids({})).toEqual(['2', '1', '3'])
    expect(ids({ sort: 'radio', desc: true })).toEqual(['1', '2', '3'])
  })

  it('sorts by any column, and keeps what has no value last', () => {
    expect(ids({ sort: 'name' })).toEqual(['2', '3', '1'])
    expect(ids({ sort: 'snr', desc: true })).toEqual(['2', '1', '3'])
    expect(ids({ sort: 'battery' })[0]).toBe('1')
    expect(ids({ sort: 'hops' })).toEqual(['2', '1', '3'])
    expect(ids({ sort: 'mqtt' })).toEqual(['2', '3', '1'])
  })

  it('finds by name without marks, by id, hardware, and all words at once', () => {
    expect(ids({ q: 'zlutoucky' })).toEqual(['1'])
    expect(ids({ q: '!00000003' })).toEqual(['3'])
    expect(ids({ q: 'kůň router' })).toEqual(['1'])
    expect(ids({ q: 'kůň ana' })).toEqual([])
  })

  it('filters', () => {
    expect(ids({ show: 'stations' })).toEqual(['2'])
    expect(ids({ show: 'radio' })).toEqual(['2', '1'])
    expect(ids({ show: 'mqtt' })).toEqual(['3'])
    expect(ids({ show: 'silent' })).toEqual(['3'])
    expect(ids({ show: 'changed' })).toEqual(['3'])
    expect(ids({ role: 'ROUTER' })).toEqual(['1'])
    expect(ids({ bridge: 'hill' })).toEqual(['3'])
    expect(choices(rows, (each) => each.bridges)).toEqual(['hill', 'roof'])
  })

  it('takes in what was heard since', () => {
    const newer = node('!00000002', { long_name: 'Ana 2' })
    const all = merged(rows.map((row) => row.node), [newer, node('!00000004')])
    expect(all).toHaveLength(4)
    expect(all.find((each) => each.node_id === '!00000002')?.long_name).toBe('Ana 2')
  })
})

describe('the URL', () => {
  it('keeps what is right and drops the rest', () => {
    expect(nodesSearch({ q: 42, show: 'nonsense', sort: 'snr', desc: true, cols: 'name.radio', role: 7 })).toEqual({ q: '42', sort: 'snr', desc: true, cols: 'name.radio', role: '7' })
    expect(nodesSearch({ q: 'x'.repeat(300), sort: '__proto__', cols: '<b>' })).toEqual({})
  })

  it('names columns only where they are not the usual ones', () => {
    expect(columnsText(columnsOf(undefined))).toBeUndefined()
    expect(columnsOf('snr.radio')).toEqual(['name', 'radio', 'snr'])
    expect(columnsText(['snr', 'name'])).toBe('name.snr')
  })
})

it('writes what firmware shouts as people do', () => {
  expect(['HELTEC_V3', 'T_DECK', 'CLIENT_MUTE', 'RAK4631'].map(readable)).toEqual(['Heltec V3', 'T Deck', 'Client Mute', 'RAK4631'])
})
