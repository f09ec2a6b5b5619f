import { describe, expect, it } from 'vitest'
import { layoutOf } from './layout'
import { type TopologyLink, type TopologyNode, topologyOf, wayOf } from './model'

const AT = '2026-07-01T12:00:00Z'
const node = (id: string, isBridge = false): TopologyNode => ({
  node_id: id, last_heard: AT, station: false, ...(isBridge ? { bridges: [{ bridge_id: id, state: 'online' }] } : {}),
} as TopologyNode)
const link = (from: string, to: string, snr_db: number | null = 0): TopologyLink => ({ from, to, snr_db, at: AT, source: 'neighbor' })

function places(nodes: readonly TopologyNode[], links: readonly TopologyLink[]) {
  return new Map(topologyOf(nodes, links).places.map((place) => [place.id, place]))
}

describe('how nodes reach the bridges', () => {
  it('goes by the shortest way, and of several by the one that is heard best', () => {
    const all = places([node('B', true), node('x'), node('y'), node('z')], [link('x', 'B', -5), link('y', 'B', 3), link('z', 'x', 9), link('z', 'y', -2)])
    expect(['B', 'x', 'y', 'z'].map((id) => all.get(id)?.hops)).toEqual([0, 1, 1, 2])
    expect(all.get('z')).toMatchObject({ next: 'x', snr: 9 })
    expect(wayOf('z', all).map(({ id }) => id)).toEqual(['z', 'x', 'B'])
  })

  it('takes of two directions the worse, and says whether both are known', () => {
    const { edges } = topologyOf([node('B', true), node('x')], [link('x', 'B', 6), link('B', 'x', -12), link('x', 'x', 3)])
    expect(edges).toEqual([{ a: 'B', b: 'x', snr: -12, isMutual: true }])
    expect(topologyOf([], [link('a', 'b', null)]).edges[0]).toMatchObject({ snr: null, isMutual: false })
  })

  it('counts who has no other way', () => {
    // B – x – y – z, and y's other way over w to a second bridge.
    const chain = [link('x', 'B'), link('y', 'x'), link('z', 'y')]
    const alone = places([node('B', true), node('C', true)], chain)
    expect(['B', 'x', 'y', 'z'].map((id) => alone.get(id)?.dependents)).toEqual([3, 2, 1, 0])
    const round = places([node('B', true), node('C', true)], [...chain, link('w', 'y'), link('w', 'C')])
    expect(['B', 'x', 'y', 'z', 'w', 'C'].map((id) => round.get(id)?.dependents)).toEqual([0, 0, 1, 0, 0, 0])
  })

  it('knows no way where none was heard', () => {
    const all = places([node('B', true), node('lost'), node('far')], [link('lost', 'far')])
    expect(all.get('lost')).toMatchObject({ hops: null, next: null, dependents: 0 })
    expect(wayOf('lost', all)).toEqual([])
    expect(places([node('x')], []).get('x')?.hops).toBeNull()
  })

  it('is found for thousands of nodes in one chain', () => {
    const id = (index: number) => `!${String(index).padStart(8, '0')}`
    const all = places([node(id(0), true)], Array.from({ length: 5000 }, (_, index) => link(id(index + 1), id(index))))
    expect(all.get(id(5000))?.hops).toBe(5000)
    expect(all.get(id(1))?.dependents).toBe(4999)
  })
})

describe('the picture', () => {
  it('has a single bridge in the middle, and no two nodes on one spot', () => {
    const links = Array.from({ length: 40 }, (_, index) => link(`n${String(index)}`, index < 10 ? 'B' : `n${String(index % 10)}`))
    const { spots, rings } = layoutOf(topologyOf([node('B', true)], links).places)
    expect(spots.get('B')).toMatchObject({ x: 0, y: 0 })
    expect(rings).toHaveLength(3)
    const all = [...spots.values()]
    expect(all).toHaveLength(41)
    for (const [index, a] of all.entries()) for (const b of all.slice(index + 1)) expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(15)
  })

  it('of nothing is empty', () => {
    expect(layoutOf([])).toMatchObject({ rings: [], radius: 0 })
  })
})
