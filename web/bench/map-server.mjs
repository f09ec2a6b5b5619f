// A server of nothing but load: the built app, and an API that invents as many nodes as it is told, for the bench of the map.
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' }
/** A number that follows from a seed, between 0 and 1. */
const chance = (seed) => { const x = Math.sin(seed * 12.9898) * 43_758.5453; return x - Math.floor(x) }
const id = (i) => `!${(0x1000_0000 + i).toString(16)}`

function values(i, tick) {
  return { temperature_c: 10 + 10 * chance(i) + chance(i + tick), humidity_pct: 40 + 50 * chance(i + 1), wind_speed_ms: 12 * chance(i + 2), wind_direction_deg: 360 * chance(i + 3 + tick), battery_pct: 100 * chance(i + 4) }
}

function node(i, stations) {
  const at = new Date().toISOString()
  const station = i < stations
  return {
    node_id: id(i), long_name: `Node ${String(i)} of the bench`, short_name: `N${String(i % 1000)}`, hardware: 'RAK4631', role: 'CLIENT',
    position: { latitude: 49 + 2 * chance(i * 7), longitude: 6 + 3 * chance(i * 13), precision_deg: 0.01, at }, last_heard: at, station,
    ...(station ? { latest: { at, values: values(i, 0) } } : { latest: { at, values: { battery_pct: 100 * chance(i) } } }),
  }
}

/** Starts it: `nodes`, of which `stations` measure, and `rate` events a second. Returns its address and how to end it. */
export async function serve({ dist, nodes, stations, rate }) {
  const json = (response, body) => { response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)) }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://bench')
    if (url.pathname === '/api/v1/map/nodes') {
      const from = Number(url.searchParams.get('cursor') ?? 0)
      const to = Math.min(nodes, from + 1000)
      return json(response, { data: Array.from({ length: to - from }, (_, i) => node(from + i, stations)), next: to < nodes ? String(to) : null })
    }
    if (url.pathname === '/api/v1/links') {
      const link = (_, i) => ({ from: id(i), to: id(Math.floor(chance(i) * nodes)), snr_db: 20 * chance(i) - 15, at: new Date().toISOString(), source: 'neighbor' })
      return json(response, { data: Array.from({ length: 1000 }, link), next: null })
    }
    if (url.pathname === '/api/v1/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('event: hello\ndata: {"after":null,"member":null}\n\n')
      let tick = 0
      const timer = setInterval(() => {
        for (let i = 0; i < rate / 20; i += 1) {
          tick += 1
          const which = Math.floor(chance(tick) * nodes)
          const event = which < stations
            ? { name: 'latest', data: { node_id: id(which), at: new Date().toISOString(), ...values(which, tick) } }
            : { name: 'node', data: { node_id: id(which), last_heard: new Date().toISOString(), changed: false } }
          response.write(`event: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`)
        }
      }, 50)
      request.on('close', () => { clearInterval(timer) })
      return undefined
    }
    if (url.pathname === '/basemap/') return json(response, { maps: [], refused: [] })
    if (url.pathname.startsWith('/api/')) return json(response, { data: [], how: 'nobody', members: [] })
    const path = join(dist, normalize(url.pathname === '/' ? '/index.html' : url.pathname))
    if (!path.startsWith(dist) || !existsSync(path)) return response.writeHead(404).end()
    const type = TYPES[extname(path)] ?? 'application/octet-stream'
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    const size = statSync(path).size
    if (range === null) {
      response.writeHead(200, { 'content-type': type, 'content-length': size })
      return createReadStream(path).pipe(response)
    }
    const [start, end] = [Number(range[1]), Math.min(size - 1, Number(range[2]))]
    response.writeHead(206, { 'content-type': type, 'content-range': `bytes ${start}-${end}/${size}`, 'content-length': end - start + 1 })
    return createReadStream(path, { start, end }).pipe(response)
  })
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close() } }
}
