import { describe, expect, it } from 'vitest'
import { clamp, panned, rangeOf, readTime, wanted, writeTime, zoomed } from './range'

const now = Date.UTC(2026, 5, 1, 12)
const HOUR = 3_600_000

describe('a range of time', () => {
  it('ends now and is as long as its name', () => {
    expect(rangeOf('day', now)).toEqual({ from: now - 24 * HOUR, to: now })
  })

  it('keeps what lies under the pointer where it is', () => {
    const day = rangeOf('day', now)
    const at = now - 6 * HOUR
    const closer = zoomed(day, 0.5, at, now)
    expect((at - closer.from) / (closer.to - closer.from)).toBeCloseTo((at - day.from) / (day.to - day.from))
    expect(closer.to - closer.from).toBe(12 * HOUR)
  })

  it('never goes beyond now, and keeps its length when it would', () => {
    const day = rangeOf('day', now)
    expect(panned(day, 0.5, now)).toEqual(day)
    expect(panned(day, -0.5, now)).toEqual({ from: day.from - 12 * HOUR, to: day.to - 12 * HOUR })
  })

  it('is neither too short nor too long, whatever was asked', () => {
    expect(clamp({ from: now, to: now }, now).to - clamp({ from: now, to: now }, now).from).toBe(5 * 60_000)
    const all = clamp({ from: 0, to: now }, now)
    expect(all.from).toBeGreaterThanOrEqual(Date.UTC(2000, 0, 1))
  })

  it('survives the URL to the second, and nothing else does', () => {
    expect(readTime(writeTime(now))).toBe(now)
    for (const text of ['', '2026', 'yesterday', '2026-13-01T00:00Z', 7, null, undefined]) expect(readTime(text)).toBeNull()
  })
})

describe('what is asked for', () => {
  it('covers more than is shown, but little after now', () => {
    const day = rangeOf('day', now)
    const ask = wanted(day, 1000, now)
    expect(ask.from).toBeLessThanOrEqual(day.from - 6 * HOUR)
    expect(ask.to).toBeGreaterThanOrEqual(now)
    expect(ask.to).toBeLessThanOrEqual(now + 3 * HOUR)
  })

  it('is the same after a small move', () => {
    const past = { from: now - 72 * HOUR, to: now - 48 * HOUR }
    const step = 24 * HOUR / 16
    const aligned = { from: Math.floor(past.from / step) * step, to: Math.floor(past.to / step) * step }
    expect(wanted({ from: aligned.from + 60_000, to: aligned.to + 60_000 }, 1000, now)).toEqual(wanted({ from: aligned.from + 120_000, to: aligned.to + 120_000 }, 1000, now))
  })

  it('is the same while time goes on, for a while', () => {
    const later = now + 60_000
    expect(wanted(rangeOf('day', now), 1000, now)).toEqual(wanted(rangeOf('day', later), 1000, later))
  })

  it('has a point for every other pixel, within what the server takes', () => {
    expect(wanted(rangeOf('day', now), 1000, now).points).toBeGreaterThanOrEqual(500)
    expect(wanted(rangeOf('day', now), 100_000, now).points).toBe(2000)
    expect(wanted(rangeOf('day', now), 1, now).points).toBeGreaterThanOrEqual(10)
  })
})
