import { describe, expect, it } from 'vitest'
import type { SeriesData } from '@/charts/frame'
import { direction, midnight, since, todayOf } from './today'

const now = new Date(2026, 5, 1, 12).getTime()
const HOUR = 3_600_000
const series = (hours: readonly number[], column: SeriesData['metrics'][string], interval_s?: number): SeriesData => ({
  node_id: '!1', interval: 'x', at: hours.map((hour) => new Date(midnight(now) + hour * HOUR).toISOString()), metrics: { a: column }, ...(interval_s === undefined ? {} : { interval_s }),
})

describe('today', () => {
  it('begins at midnight where the device is', () => {
    const today = todayOf(series([-1, 1, 6, 11], { value: [99, 5, 9, 7] }), 'a', now)
    expect([today.least, today.greatest, today.sum]).toEqual([5, 9, 21])
  })

  it('counts the extremes within buckets', () => {
    const today = todayOf(series([1, 2], { value: [5, 6], min: [1, 4], max: [7, 8] }, 3600), 'a', now)
    expect([today.least, today.greatest]).toEqual([1, 8])
  })

  it('says nothing where nothing was measured', () => {
    expect(todayOf(series([-2], { value: [5] }), 'a', now)).toEqual({ least: null, greatest: null, sum: null, trend: null })
    expect(todayOf(series([1], { value: [5] }), 'b', now).least).toBeNull()
  })
})

describe('the trend', () => {
  it('compares the newest value with that of three hours before', () => {
    expect(todayOf(series([7, 8, 9, 10, 11], { value: [1, 2, 4, 8, 16] }), 'a', now).trend).toBe(14)
  })

  it('is not known where nothing was measured then', () => {
    expect(todayOf(series([3, 11], { value: [1, 2] }), 'a', now).trend).toBeNull()
  })

  it('goes some way only if a person would see it', () => {
    expect([direction(0.04, 1), direction(0.05, 1), direction(-0.3, 0), direction(-0.6, 0)]).toEqual(['steady', 'up', 'steady', 'down'])
  })
})

it('asks for enough, just after midnight too', () => {
  const early = midnight(now) + HOUR
  expect(since(early)).toBeLessThanOrEqual(early - 4 * HOUR)
  expect(since(now)).toBe(midnight(now))
})
