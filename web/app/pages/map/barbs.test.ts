import { describe, expect, it } from 'vitest'
import { barbName, barbOf, barbShape } from './barbs'

const KNOT = 0.514_444
const parts = (name: string) => {
  const shape = barbOf(name)
  if (shape === null) return null
  const feathers = shape.lines.slice(1).map(([, [x]]) => Math.abs(x))
  return { pennants: shape.pennants.length, whole: feathers.filter((x) => x > 10).length, half: feathers.filter((x) => x < 10).length, calm: shape.calm }
}

describe('a wind barb', () => {
  it.each([
    [0, { pennants: 0, whole: 0, half: 0, calm: true }],
    [2, { pennants: 0, whole: 0, half: 0, calm: true }],
    [3, { pennants: 0, whole: 0, half: 1, calm: false }],
    [5, { pennants: 0, whole: 0, half: 1, calm: false }],
    [10, { pennants: 0, whole: 1, half: 0, calm: false }],
    [25, { pennants: 0, whole: 2, half: 1, calm: false }],
    [48, { pennants: 1, whole: 0, half: 0, calm: false }],
    [65, { pennants: 1, whole: 1, half: 1, calm: false }],
    [115, { pennants: 2, whole: 1, half: 1, calm: false }],
  ])('of %i knots adds up to the next five', (knots, expected) => {
    expect(parts(barbName(knots * KNOT, 50))).toEqual(expected)
  })

  it('has its staff on the side that the wind comes from, and its feathers at the far end', () => {
    const [staff, ...feathers] = barbShape(4, false).lines
    // Drawn for wind from the north: up is north, and y grows downwards.
    expect(staff?.[0][1]).toBeLessThan(0)
    expect(staff?.[1][1]).toBeLessThan(staff?.[0][1] ?? 0)
    expect(feathers[0]?.[0][1]).toBe(staff?.[1][1])
    for (const [[, root], [, tip]] of feathers) expect(tip).toBeLessThan(root)
  })

  it('has its feathers to the east of a north wind in the north, and mirrored in the south', () => {
    const tips = (isSouthern: boolean) => barbShape(13, isSouthern).lines.slice(1).map(([, [x]]) => x)
    expect(tips(false).every((x) => x > 0)).toBe(true)
    expect(tips(true)).toEqual(tips(false).map((x) => -x))
    expect(barbShape(13, true).pennants[0]?.[1][0]).toBeLessThan(0)
    expect(barbName(5, -33.9)).toBe('barb-s-2')
  })

  it('keeps a half feather alone away from the end, so that it is not taken for a whole one', () => {
    const { lines } = barbShape(1, false)
    expect(lines[1]?.[0][1]).toBeGreaterThan(lines[0]?.[1][1] ?? 0)
  })

  it('bears winds that no station can measure', () => {
    for (const speed of [Number.MAX_VALUE, -3, 1e4]) expect(barbOf(barbName(speed, 0))).not.toBeNull()
    expect(barbOf('barb-x-1')).toBeNull()
  })
})
