import type { Place } from './model'

/** Where a node is drawn, from the middle of the picture; `angle` in radians is where it lies, seen from there. */
export interface Spot {
  readonly x: number
  readonly y: number
  readonly angle: number
}

export interface Layout {
  readonly spots: ReadonlyMap<string, Spot>
  /** The radii of the rings, by hops. */
  readonly rings: readonly number[]
  readonly radius: number
}

/** The least distance between rings, and between nodes on one. */
const RING = 96
const APART = 30

/**
 * Draws the ways to the bridges as rings: bridges in the middle, each further hop one ring out, and every node in the sector of the
 * one it goes through. Who has no way is not drawn.
 */
export function layoutOf(places: readonly Place[]): Layout {
  const reached = places.filter((place) => place.hops !== null)
  const children = new Map<string | null, Place[]>()
  for (const place of reached) children.set(place.next, [...(children.get(place.next) ?? []), place])
  const middle = children.get(null) ?? []
  const counts: number[] = []
  for (const { hops } of reached) if (hops !== null) counts[hops] = (counts[hops] ?? 0) + 1
  // A single bridge is the middle itself.
  const first = middle.length > 1 ? 0.5 : 0
  const step = Math.max(RING, ...counts.map((count, hops) => (hops + first === 0 ? 0 : (count * APART) / (2 * Math.PI * (hops + first)))))
  const rings = counts.map((_, hops) => (hops + first) * step)
  const widths = widthsOf(reached, children)
  const spots = new Map<string, Spot>()
  const queue: { readonly place: Place; readonly from: number; readonly to: number }[] = []
  const share = (of: readonly Place[], from: number, to: number) => {
    const all = of.reduce((sum, { id }) => sum + (widths.get(id) ?? 1), 0)
    let at = from
    for (const place of of) {
      const width = ((widths.get(place.id) ?? 1) / all) * (to - from)
      queue.push({ place, from: at, to: at + width })
      at += width
    }
  }
  share(middle, -Math.PI / 2, (3 * Math.PI) / 2)
  for (let at = 0; at < queue.length; at += 1) {
    const { place, from, to } = queue[at] ?? { place: undefined, from: 0, to: 0 }
    if (place === undefined) break
    const angle = (from + to) / 2
    const radius = rings[place.hops ?? 0] ?? 0
    spots.set(place.id, { x: radius * Math.cos(angle), y: radius * Math.sin(angle), angle })
    share(children.get(place.id) ?? [], from, to)
  }
  return { spots, rings, radius: rings.at(-1) ?? 0 }
}

/** Returns how much of the circle each node needs: as much as all that are beyond it. */
function widthsOf(reached: readonly Place[], children: ReadonlyMap<string | null, readonly Place[]>): Map<string, number> {
  const widths = new Map<string, number>()
  for (const { id } of [...reached].sort((a, b) => (b.hops ?? 0) - (a.hops ?? 0))) {
    const beyond = (children.get(id) ?? []).reduce((sum, child) => sum + (widths.get(child.id) ?? 1), 0)
    widths.set(id, Math.max(1, beyond))
  }
  return widths
}
