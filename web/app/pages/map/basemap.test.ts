// @vitest-environment node
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { PMTiles, type Source, zxyToTileId } from 'pmtiles'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { build } from '../../../scripts/basemap/build.mjs'
import { cut, jumps, layers } from '../../../scripts/basemap/cut.mjs'
import { namer } from '../../../scripts/basemap/names.mjs'
import { archive, tileId } from '../../../scripts/basemap/pmtiles.mjs'
import { feature } from 'topojson-client'

vi.mock('maplibre-gl', () => ({ addProtocol: () => undefined }))

const require = createRequire(import.meta.url)
const atlas = JSON.parse(readFileSync(require.resolve('world-atlas/countries-110m.json'), 'utf8')) as TopoJSON.Topology & { objects: { countries: TopoJSON.GeometryCollection; land: TopoJSON.GeometryCollection } }

function inMemory(bytes: Uint8Array): Source {
  return { getKey: () => 'memory', getBytes: (offset, length) => Promise.resolve({ data: Uint8Array.from(bytes.subarray(offset, offset + length)).buffer }) }
}

describe('the map of the world', () => {
  it('is cut at the antimeridian, which the atlas is not', () => {
    const countries = feature(atlas, atlas.objects.countries)
    expect(jumps(countries)).toBeGreaterThan(0)
    expect(jumps(cut(countries))).toBe(0)
    for (const layer of Object.values(layers(atlas, namer()))) expect(jumps(layer)).toBe(0)
  })

  it('names countries in every language of the page', () => {
    const names = layers(atlas, namer()).countries.features.map((country: { properties: unknown }) => country.properties)
    expect(names).toContainEqual(expect.objectContaining({ 'name': 'Germany', 'name:cs': 'Německo', 'name:de': 'Deutschland' }))
    expect(names).toContainEqual(expect.objectContaining({ 'name': 'Kosovo' }))
  })

  describe('as an archive', () => {
    let tiles: PMTiles
    beforeAll(() => { tiles = new PMTiles(inMemory(build(atlas, 3))) })
    it('is read by the reader of PMTiles, tile by tile', async () => {
      expect(await tiles.getHeader()).toMatchObject({ specVersion: 3, tileType: 1, minZoom: 0, maxZoom: 3 })
      expect(await tiles.getMetadata()).toMatchObject({ attribution: 'Natural Earth' })
      for (const [z, x, y] of [[0, 0, 0], [3, 4, 2], [3, 7, 1]] as const) expect((await tiles.getZxy(z, x, y))?.data.byteLength).toBeGreaterThan(20)
      // The middle of the Pacific is water, for which nothing is stored.
      expect(await tiles.getZxy(3, 0, 5)).toBeUndefined()
    })
  })

  it('numbers tiles as the standard does', () => {
    for (const [z, x, y] of [[0, 0, 0], [1, 0, 0], [1, 1, 0], [4, 3, 11], [6, 63, 63], [12, 2123, 1389]] as const) expect(tileId(z, x, y)).toBe(zxyToTileId(z, x, y))
  })

  it('finds each of more tiles than one directory holds', async () => {
    const many = Array.from({ length: 4 ** 4 }, (_, i) => ({ z: 4, x: i % 16, y: Math.floor(i / 16), data: new TextEncoder().encode(`tile ${String(i)}`) }))
    const big = new PMTiles(inMemory(archive(many, { maxZoom: 4, metadata: {}, maxRoot: 200, leaf: 50 })))
    for (const i of [0, 1, 77, 255]) {
      const tile = await big.getZxy(4, i % 16, Math.floor(i / 16))
      expect(new TextDecoder().decode(tile?.data)).toBe(`tile ${String(i)}`)
    }
  })
})
