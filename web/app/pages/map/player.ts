import { useEffect, useState } from 'react'

/** How many hours pass in a second. */
export const SPEEDS = [2, 4, 12] as const
export type Speed = (typeof SPEEDS)[number]

/** Plays the hours from `place` on up to `end`, which is the present. Every move by hand stops it. */
export function usePlayer(place: number, end: number, move: (place: number) => void, isReady: boolean) {
  const [isPlaying, setPlaying] = useState(false)
  const [speed, setSpeed] = useState<Speed>(SPEEDS[1])
  const isMoving = isPlaying && isReady
  useEffect(() => {
    if (!isMoving) return undefined
    const timer = window.setTimeout(() => {
      move(place + 1)
      if (place + 1 >= end) setPlaying(false)
    }, 1000 / speed)
    return () => { window.clearTimeout(timer) }
  }, [isMoving, place, end, move, speed])
  return {
    isPlaying, speed, setSpeed,
    toggle: () => {
      if (!isPlaying && place >= end) move(0)
      setPlaying(!isPlaying)
    },
    step: (by: number) => {
      setPlaying(false)
      move(Math.min(end, Math.max(0, place + by)))
    },
    go: (to: number) => {
      setPlaying(false)
      move(to)
    },
  }
}
