import { expect, it } from 'vitest'
import { missedOf } from './missed'

const session = (source: string, from: string, until: string) => ({ source, from: `2026-06-01T${from}:00Z`, until: `2026-06-01T${until}:00Z` })

it('counts the time between, of one broker, and none twice', () => {
  const listening = [session('home', '08:00', '11:59'), session('msh', '10:00', '11:59'), session('msh', '08:00', '09:30'), session('msh', '08:30', '09:00')]
  expect(missedOf(listening, 'msh')).toBe(30 * 60_000)
  expect(missedOf(listening, 'home')).toBe(0)
  expect(missedOf([], 'msh')).toBe(0)
})
