import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'

const POINTS: readonly MessageDescriptor[] = [
  msg({ message: 'N', context: 'compass' }), msg({ message: 'NE', context: 'compass' }), msg({ message: 'E', context: 'compass' }), msg({ message: 'SE', context: 'compass' }),
  msg({ message: 'S', context: 'compass' }), msg({ message: 'SW', context: 'compass' }), msg({ message: 'W', context: 'compass' }), msg({ message: 'NW', context: 'compass' }),
]

/** Returns the point of the compass that wind of this direction comes from. */
export function compassPoint(degrees: number): MessageDescriptor {
  const place = Math.round((((degrees % 360) + 360) % 360) / 45) % 8
  return POINTS[place] as MessageDescriptor
}

/** The lower bounds of Beaufort's forces in m/s. */
const BEAUFORT = [0, 0.3, 1.6, 3.4, 5.5, 8, 10.8, 13.9, 17.2, 20.8, 24.5, 28.5, 32.7]

/** Returns the force of a wind on Beaufort's scale. */
export function beaufort(ms: number): number {
  return Math.max(0, BEAUFORT.findLastIndex((bound) => ms >= bound))
}

/** Returns what a wind barb of this speed is made of: pennants of 50 knots, feathers of 10, halves of 5. */
export function barb(ms: number): { pennants: number; feathers: number; halves: number } {
  const fives = Math.round(ms / 0.514_444 / 5)
  return { pennants: Math.floor(fives / 10), feathers: Math.floor((fives % 10) / 2), halves: fives % 2 }
}
