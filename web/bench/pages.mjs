// Measures what pages cost a browser: Lighthouse on every route (desktop, median of three), and when the map and the charts of a
// year are there. `make bench` runs it against a release build; `node bench/pages.mjs` against KOSMO_BIN.
import { loadavg } from 'node:os'
import { chromium } from '@playwright/test'
import lighthouse, { desktopConfig } from 'lighthouse'
import { startDemo } from './demo.mjs'

const RUNS = Number(process.env['RUNS'] ?? 3)
const ROUTES = (process.env['ROUTES'] ?? '/nodes,/nodes/!a1b2c3d4,/stations/!072a2786,/messages,/network,/network/packets,/network/topology,/').split(',')
const MEMBER = '11111111-1111-1111-1111-111111111111'
const PORT = 9000 + (process.pid % 1000)

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

const demo = await startDemo()
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-quic', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist', `--remote-debugging-port=${PORT}`],
})

async function ofLighthouse(base, route) {
  const runs = []
  for (let run = 0; run < RUNS; run += 1) {
    const result = await lighthouse(base + route, { port: PORT, output: 'json', logLevel: 'error', extraHeaders: { 'X-User-ID': MEMBER } }, desktopConfig)
    const { categories, audits } = result.lhr
    runs.push({
      performance: categories.performance.score * 100, accessibility: categories.accessibility.score * 100,
      practices: categories['best-practices'].score * 100, seo: categories.seo.score * 100,
      fcp: audits['first-contentful-paint'].numericValue, lcp: audits['largest-contentful-paint'].numericValue,
      cls: audits['cumulative-layout-shift'].numericValue, tbt: audits['total-blocking-time'].numericValue, kb: audits['total-byte-weight'].numericValue / 1000,
    })
    for (const { id, score, title } of Object.values(audits)) {
      if (process.env['WHY'] !== undefined && score !== null && score < 0.9) console.log(`  ${route} ${id} ${score}: ${title}`)
    }
  }
  return Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(runs.map((run) => run[key]))]))
}

/** Milliseconds from the navigation until `is` holds in the page. */
async function until(base, route, is) {
  const times = []
  for (let run = 0; run < RUNS; run += 1) {
    const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
    const began = performance.now()
    await page.goto(base + route, { waitUntil: 'commit' })
    await page.waitForFunction(is, undefined, { polling: 'raf', timeout: 120_000 })
    times.push(performance.now() - began)
    await page.context().close()
  }
  return median(times)
}

try {
  const base = demo.url
  console.log(`load of the machine before: ${loadavg()[0].toFixed(1)}; medians of ${RUNS}`)
  console.log('| route | performance | accessibility | best practices | SEO | FCP ms | LCP ms | CLS | TBT ms | kB |\n|---|---|---|---|---|---|---|---|---|---|')
  for (const route of ROUTES) {
    const it = await ofLighthouse(base, route)
    console.log(`| \`${route}\` | ${Math.round(it.performance)} | ${Math.round(it.accessibility)} | ${Math.round(it.practices)} | ${Math.round(it.seo)} | ${Math.round(it.fcp)} | ${Math.round(it.lcp)} | ${it.cls.toFixed(3)} | ${Math.round(it.tbt)} | ${Math.round(it.kb)} |`)
  }
  const map = await until(base, '/', () => document.querySelector('[data-testid=map]')?.dataset.idle === 'true')
  console.log(`the map is drawn, its values with it: ${Math.round(map)} ms`)
  const year = await until(base, '/stations/!072a2786?span=year', () => document.querySelectorAll('.uplot svg').length > 0)
  console.log(`a station's charts of a year are there: ${Math.round(year)} ms`)
  console.log(`load of the machine after: ${loadavg()[0].toFixed(1)}`)
} finally {
  await browser.close()
  await demo.stop()
}
