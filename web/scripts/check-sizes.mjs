// Fails if the app asks more of a slow line than it may: bytes of script, packed with gzip, that each route needs.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const dist = process.argv[2] === undefined ? fileURLToPath(new URL('../dist/', import.meta.url)) : `${process.argv[2]}/`
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'))
const KB = 1000

/** What may be loaded, in kB: the frame by everybody, and each page on top of it, its texts in one language included. */
const BUDGETS = { shell: 160, map: 500, nodes: 65, station: 65, messages: 40, network: 40, packets: 30, topology: 30, styles: 25, fonts: 150 }

const sizes = new Map()
function sizeOf(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(dist + file), { level: 9 }).length)
  return sizes.get(file)
}

/** Adds a chunk and all it imports; what it may import later too, where that belongs to the page itself. */
function gather(name, into, page) {
  const chunk = manifest[name]
  if (chunk === undefined || into.has(chunk.file)) return into
  into.add(chunk.file)
  for (const file of chunk.assets ?? []) if (/\.m?js$/.test(file)) into.add(file)
  for (const imported of chunk.imports ?? []) gather(imported, into, page)
  // Catalogues are loaded in one language: the longest one is counted.
  for (const later of chunk.dynamicImports ?? []) if (page !== undefined && !later.endsWith('.po') && !/^app\/pages\/[\w/]+\/page\.tsx$/.test(later)) gather(later, into, page)
  return into
}

const longest = (folder) => Math.max(0, ...Object.keys(manifest).filter((name) => name.startsWith(`${folder}/locales/`)).map((name) => sizeOf(manifest[name].file)))
const sum = (files) => [...files].reduce((total, file) => total + sizeOf(file), 0)

const shell = gather('index.html', new Set())
const found = { shell: sum(shell) + longest('app') }
/** The pages of a page's own, whose texts are among that one's. */
const WITHIN = { packets: 'network', topology: 'network' }
for (const page of ['map', 'nodes', 'station', 'messages', 'network', 'packets', 'topology']) {
  const within = WITHIN[page] ?? page
  const files = gather(`app/pages/${page === within ? page : `${within}/${page}`}/page.tsx`, new Set(), page)
  const own = new Set([...files].filter((file) => !shell.has(file)))
  // The map's worker is an asset that no chunk imports.
  if (page === 'map') for (const { file } of Object.values(manifest)) if (/worker/.test(file)) own.add(file)
  found[page] = sum(own) + longest(`app/pages/${within}`)
}
found.styles = sum(new Set(Object.values(manifest).flatMap((chunk) => chunk.css ?? [])))
found.fonts = ['latin-wght', 'latin-ext-wght'].reduce((total, script) => {
  const font = Object.values(manifest).find(({ file }) => file.includes(`inter-${script}`))
  return total + (font === undefined ? 0 : readFileSync(dist + font.file).length)
}, 0)

let isOver = false
for (const [name, budget] of Object.entries(BUDGETS)) {
  const kb = found[name] / KB
  const verdict = kb > budget ? 'TOO MUCH' : 'ok'
  isOver ||= kb > budget
  console.log(`${name.padEnd(10)}${kb.toFixed(1).padStart(8)} of ${String(budget).padStart(4)} kB  ${verdict}`)
}
if (isOver) process.exit(1)
