// How fluid the map is with many nodes and events, drawn in software: `node bench/map.mjs [DIST]` after `npm run build`.
// What counts is the time between frames while nobody touches the map, and while somebody drags it. A loaded machine draws late,
// so the last column has the processor time that the page's main thread takes of each second, which does not depend on load.
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { serve } from './map-server.mjs'

const dist = process.argv[2] ?? fileURLToPath(new URL('../dist', import.meta.url))
const SECONDS = 10
const CASES = [
  { name: '2,000 nodes, quiet', nodes: 2000, stations: 200, rate: 0 },
  { name: '2,000 nodes, 100 events/s', nodes: 2000, stations: 200, rate: 100 },
  { name: '2,000 stations, 100 events/s', nodes: 2000, stations: 2000, rate: 100 },
]
const share = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0

/** Watches frames and long tasks in the page for some seconds. */
function watch(seconds) {
  return new Promise((resolve) => {
    const [frames, tasks] = [[], []]
    const observer = new PerformanceObserver((list) => { for (const entry of list.getEntries()) tasks.push(entry.duration) })
    observer.observe({ entryTypes: ['longtask'] })
    let last = performance.now()
    const end = last + seconds * 1000
    const frame = (now) => {
      frames.push(now - last)
      last = now
      if (now < end) requestAnimationFrame(frame)
      else { observer.disconnect(); resolve({ frames, tasks }) }
    }
    requestAnimationFrame(frame)
  })
}

function report(name, { frames, tasks }, busy) {
  const sorted = [...frames].sort((a, b) => a - b)
  const total = tasks.reduce((sum, ms) => sum + ms, 0)
  const cells = [name, (frames.length / SECONDS).toFixed(0), share(sorted, 0.5).toFixed(0), share(sorted, 0.95).toFixed(0), String(tasks.length), (total / SECONDS / 10).toFixed(0), Math.max(0, ...tasks).toFixed(0), (busy * 1000).toFixed(0)]
  console.log(`| ${cells.join(' | ')} |`)
}

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-quic', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
})
console.log('| case | frames/s | p50 ms | p95 ms | long tasks | of the time, % | longest ms | CPU ms/s |\n|---|---|---|---|---|---|---|---|')
for (const { name, ...load } of CASES) {
  const server = await serve({ dist, ...load })
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  page.on('pageerror', (error) => { console.error(String(error)) })
  const began = Date.now()
  await page.goto(server.url)
  // With news each second it may never come to rest.
  await page.locator('[data-testid=map][data-ready=true]').waitFor({ timeout: 120_000 })
  await page.locator(`[data-nodes="${String(load.nodes)}"]`).waitFor({ timeout: 120_000 })
  await page.waitForTimeout(3000)
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
  const cpu = async () => (await devtools.send('Performance.getMetrics')).metrics.find(({ name: metric }) => metric === 'TaskDuration')?.value ?? 0
  console.error(`${name}: drawn after ${String(Date.now() - began)} ms`)
  let before = await cpu()
  const still = await page.evaluate(watch, SECONDS)
  report(`${name}, still`, still, ((await cpu()) - before) / SECONDS)
  before = await cpu()
  const watched = page.evaluate(watch, SECONDS)
  const end = Date.now() + (SECONDS - 1) * 1000
  for (let turn = 0; Date.now() < end; turn += 1) {
    await page.mouse.move(720, 450)
    await page.mouse.down()
    await page.mouse.move(720 + (turn % 2 === 0 ? 250 : -250), 520, { steps: 20 })
    await page.mouse.up()
  }
  report(`${name}, dragged`, await watched, ((await cpu()) - before) / SECONDS)
  await page.close()
  server.close()
}
await browser.close()
