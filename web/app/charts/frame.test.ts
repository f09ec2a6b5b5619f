import { describe, expect, it } from 'vitest'
import { type SeriesData, summarise, toFrame } from './frame'

const start = Date.UTC(2026, 5, 1)
const at = (minute: number) => new Date(start + minute * 60_000).toISOString()

function series(minutes: readonly number[], metrics: SeriesData['metrics'], interval_s?: number): SeriesData {
  return { node_id: '!00000001', interval: 'x', at: minutes.map(at), metrics, ...(interval_s === undefined ? {} : { interval_s }) }
}

describe('single readings', () => {
  it('are joined over what only another quantity was measured at', () => {
    const frame = toFrame(series([0, 1, 15, 16, 30], { a: { value: [1, null, 2, null, 3] }, b: { value: [null, 9, null, 9, null] } }), ['a', 'b'])
    expect(frame.at).toHaveLength(5)
    expect(frame.columns[0]?.value).toEqual([1, undefined, 2, undefined, 3])
    expect(frame.columns[1]?.value).toEqual([undefined, 9, undefined, 9, undefined])
  })

  it('have a gap where much more time passed than usual', () => {
    const frame = toFrame(series([0, 15, 30, 45, 150, 165], { a: { value: [1, 2, 3, 4, 5, 6] } }), ['a'])
    expect(frame.at.map((time) => (time - start) / 60_000)).toEqual([0, 15, 30, 45, 97.5, 150, 165])
    expect(frame.columns[0]?.value).toEqual([1, 2, 3, 4, null, 5, 6])
  })

  it('keep a gap of one quantity apart from another that was measured all the time', () => {
    const minutes = [0, 10, 20, 30, 40, 50, 60, 70, 80]
    const frame = toFrame(series(minutes, { a: { value: [1, 1, 1, null, null, null, null, null, 1] }, b: { value: minutes.map(() => 2) } }), ['a', 'b'])
    expect(frame.columns[0]?.value.filter((cell) => cell === null)).toHaveLength(1)
    expect(frame.columns[1]?.value.includes(null)).toBe(false)
  })
})

describe('buckets', () => {
  it('stand in their middle, and a missing one is a gap', () => {
    const frame = toFrame(series([0, 60, 240], { a: { value: [1, 2, 3], min: [0, 1, 2], max: [2, 3, 4] } }, 3600), ['a'])
    expect(frame.at.map((time) => (time - start) / 60_000)).toEqual([30, 90, 150, 270])
    expect(frame.columns[0]).toEqual({ name: 'a', value: [1, 2, null, 3], min: [0, 1, null, 2], max: [2, 3, null, 4] })
  })

  it('have a gap where this quantity says nothing but another does', () => {
    const frame = toFrame(series([0, 60, 120], { a: { value: [1, null, 3] }, b: { value: [0, 0, 0] } }, 3600), ['a', 'b'])
    expect(frame.columns[0]?.value).toEqual([1, null, 3])
    expect(frame.columns[1]?.value).toEqual([0, 0, 0])
  })
})

it('has room for a quantity that was never measured', () => {
  const frame = toFrame(series([0, 1], { a: { value: [1, 2] } }), ['a', 'nothing'])
  expect(frame.columns[1]?.value).toEqual([undefined, undefined])
  expect(summarise(frame, frame.columns[1] as never, 0, Infinity)).toBeNull()
})

it('sums up what lies within a span, extremes of buckets included', () => {
  const frame = toFrame(series([0, 60, 120], { a: { value: [1, 2, 3], min: [-5, 1, 2], max: [2, 9, 4] } }, 3600), ['a'])
  const [column] = frame.columns
  if (column === undefined) throw new Error('there is a column')
  expect(summarise(frame, column, start, Infinity)).toEqual({ least: -5, greatest: 9, last: 3, count: 3, sum: 6 })
  expect(summarise(frame, column, start + 80 * 60_000, Infinity)).toEqual({ least: 1, greatest: 9, last: 3, count: 2, sum: 5 })
})
