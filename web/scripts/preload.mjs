// Tells boot.js of the built app which files each page needs, so that a browser fetches them at once and not one after the other.
import { readFile, writeFile } from 'node:fs/promises'

const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8'))
const LANGUAGES = ['en', 'cs', 'de']

/** Adds the file of a chunk and of all that it imports. */
function gather(name, into) {
  const chunk = manifest[name]
  if (chunk === undefined) throw new Error(`${name} is no part of the app`)
  if (into.has(chunk.file)) return into
  into.add(chunk.file)
  for (const imported of chunk.imports ?? []) gather(imported, into)
  return into
}

// What index.html names is fetched anyway.
const shell = gather('index.html', new Set())
const files = (...names) => {
  const all = new Set()
  for (const name of names) gather(name, all)
  return [...all].filter((file) => !shell.has(file)).map((file) => `/${file}`)
}
const page = (path) => `app/pages/${path}page.tsx`
const CHARTS = ['app/charts/board.tsx', 'app/charts/uplot.ts']

/** The pages by the beginning of their address, the longer first. */
const pages = {
  '^/$': { texts: 'map', files: files(page('map/')) },
  '^/nodes/.': { texts: 'nodes', files: files(page('nodes/'), ...CHARTS) },
  '^/nodes': { texts: 'nodes', files: files(page('nodes/')) },
  '^/stations/': { texts: 'station', files: files(page('station/'), ...CHARTS) },
  '^/messages': { texts: 'messages', files: files(page('messages/')) },
  '^/network/topology': { texts: 'network', files: files(page('network/topology/')) },
  '^/network/packets': { texts: 'network', files: files(page('network/packets/')) },
  '^/network': { texts: 'network', files: files(page('network/')) },
}
const catalogue = (folder, language) => files(`${folder}/locales/${language}.po`)[0]
const texts = Object.fromEntries(LANGUAGES.map((language) => [language, {
  shell: catalogue('app', language),
  ...Object.fromEntries(['map', 'nodes', 'station', 'messages', 'network'].map((name) => [name, catalogue(`app/pages/${name}`, language)])),
}]))

const boot = new URL('boot.js', dist)
const code = await readFile(boot, 'utf8')
const PLACE = 'var FILES = { pages: {}, texts: {} }'
if (!code.includes(PLACE)) throw new Error('boot.js has no place for the files of pages')
await writeFile(boot, code.replace(PLACE, () => `var FILES = ${JSON.stringify({ pages, texts })}`))
