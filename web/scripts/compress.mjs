// Packs every file of dist that packing makes smaller, as .br and .gz beside it, so that the server never packs anything itself.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
const PACKED = /\.(html|js|mjs|css|svg|json|webmanifest|txt|geojson|topojson)$/

const files = (await readdir(dist, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && PACKED.test(entry.name))
await Promise.all(
  files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    const content = await readFile(path)
    const [br, gz] = await Promise.all([
      promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
      promisify(gzip)(content, { level: 9 }),
    ])
    if (br.length < content.length * 0.95) await writeFile(`${path}.br`, br)
    if (gz.length < content.length * 0.95) await writeFile(`${path}.gz`, gz)
  }),
)
