import { expect, it } from 'vitest'
import { append, asLatest } from './append'
import type { SeriesData } from './frame'

const series: SeriesData = {
  node_id: '!00000001', interval: 'raw', at: ['2026-06-01T12:00:00Z'],
  metrics: { temperature_c: { value: [20] }, battery_pct: { value: [90] } },
}
const event = (at: string, more: object = {}) => ({ node_id: '!00000001', at, temperature_c: 21, battery_pct: 90, observed_at: { battery_pct: '2026-06-01T12:00:00Z' }, ...more })

it('adds what was measured just then, and not what is older', () => {
  const longer = append(series, event('2026-06-01T12:01:00Z'))
  expect(longer.at).toEqual(['2026-06-01T12:00:00Z', '2026-06-01T12:01:00Z'])
  expect(longer.metrics['temperature_c']?.value).toEqual([20, 21])
  expect(longer.metrics['battery_pct']?.value).toEqual([90, null])
})

it('merges a part of a reading that is there already', () => {
  const same = append(series, event('2026-06-01T12:00:00.000Z'))
  expect(same.metrics['temperature_c']?.value).toEqual([21])
  expect(same.metrics['battery_pct']?.value).toEqual([90])
})

it('leaves alone what is not its own, older, or summarised', () => {
  expect(append(series, event('2026-06-01T11:00:00Z'))).toBe(series)
  expect(append(series, event('2026-06-01T12:01:00Z', { node_id: '!00000002' }))).toBe(series)
  const hours = { ...series, interval: '1h', interval_s: 3600 }
  expect(append(hours, event('2026-06-01T12:01:00Z'))).toBe(hours)
})

it('believes nothing that is no event', () => {
  for (const data of [null, 1, 'x', {}, { node_id: 1, at: 'x' }, { node_id: '!1', at: 'yesterday' }]) expect(asLatest(data)).toBeNull()
})
