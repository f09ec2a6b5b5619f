import { describe, expect, it } from 'vitest'
import { QUANTITIES } from '@/format/quantities'
import { colourOf, inkOn, ON_MAP, scaleOf } from './quantities'

describe('a scale', () => {
  it('gives each stop its colour, mixes between, and ends where it ends', () => {
    const scale = { stops: [[0, '#000000'], [10, '#ffffff'], [20, '#ff0000']] as const }
    expect([-5, 0, 5, 10, 20, 99].map((value) => colourOf(scale, value))).toEqual(['#000000', '#000000', '#808080', '#ffffff', '#ff0000', '#ff0000'])
  })

  it('is there for every quantity offered, and each of them is known', () => {
    for (const name of ON_MAP) {
      expect(QUANTITIES.some((spec) => spec.name === name)).toBe(true)
      const values = scaleOf(name, []).stops.map(([value]) => value)
      expect(values).toEqual([...values].sort((a, b) => a - b))
      expect(new Set(values).size).toBe(values.length)
    }
  })

  it('of pressure lies around what is measured, without the few that are far off', () => {
    const measured = [...Array.from({ length: 98 }, (_, i) => 960 + i / 10), 300, 1100]
    const stops = scaleOf('pressure_hpa', measured).stops
    expect(stops[0]?.[0]).toBeCloseTo(960, 0)
    expect(stops[stops.length - 1]?.[0]).toBeCloseTo(969.7, 0)
    const alike = scaleOf('pressure_hpa', [990, 990]).stops.map(([value]) => value)
    expect(new Set(alike).size).toBe(alike.length)
  })

  it('can be read: its figures stand out from every colour', () => {
    const luminance = (colour: string) => {
      const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.040_45 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    for (const [, colour] of ON_MAP.flatMap((name) => scaleOf(name, []).stops)) {
      const [a, b] = [luminance(colour), luminance(inkOn(colour))]
      expect((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)).toBeGreaterThanOrEqual(4.4)
    }
  })
})
