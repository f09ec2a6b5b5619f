// Measures charts and the table of nodes in Chromium: `node bench/charts.mjs`, with a demo of KOSMO_BIN or of the release build. A
// year of five readings an hour, each with extremes, in every chart; 2,000 nodes in the table. The answers are made here, so that
// the figures are the browser's; figures of a loaded machine say little.
import { chromium } from '@playwright/test'
import { startDemo } from './demo.mjs'

const demo = await startDemo()
const [base, station] = [demo.url, '!072a2786']
const GOALS = { 'first drawing of a year': 250, 'zoom, 95th percentile': 33, 'sorting 2,000 nodes': 100, 'typing in the search, longest': 100 }

/** A year in as many points as the widest screen asks for, for each metric that is asked for. */
function year(url) {
  const asked = new URL(url).searchParams
  const [start, end] = [Date.parse(asked.get('start')), Date.parse(asked.get('end'))]
  const count = 1500
  const step = Math.round((end - start) / count / 1000) * 1000
  const wave = (index, at) => 10 + 8 * Math.sin(at / 37) + index
  const times = Array.from({ length: count }, (_, at) => new Date(start + at * step).toISOString())
  const column = (index) => ({ value: times.map((_, at) => wave(index, at)), min: times.map((_, at) => wave(index, at) - 2), max: times.map((_, at) => wave(index, at) + 2) })
  const metrics = Object.fromEntries(asked.get('metrics').split(',').map((name, index) => [name, column(index)]))
  return { node_id: station, interval: '6h', interval_s: step / 1000, at: times, metrics }
}

function nodes() {
  const heard = (index) => new Date(Date.now() - index * 60_000).toISOString()
  return Array.from({ length: 2000 }, (_, index) => ({
    node_id: `!${(index + 0x1000).toString(16).padStart(8, '0')}`, long_name: `Node ${(index * 7919) % 2000}`, short_name: `N${index}`, hardware: 'HELTEC_V3', role: 'CLIENT',
    first_heard: heard(1e5), last_heard: heard(index), heard_by_radio: { at: heard(index), bridge_id: 'roof', snr_db: (index % 30) - 20, hops_away: index % 5 },
    bridges: ['roof'], power: { battery_pct: index % 101, at: heard(index) }, is_station: index % 50 === 0,
  }))
}

const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0
const median = (values) => percentile(values, 0.5)

const browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-quic', '--disable-gpu'] })
const found = {}
try {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  page.setDefaultTimeout(60_000)
  page.on('pageerror', (error) => { console.error(String(error)) })
  await page.route('**/api/v1/weather/series*', (route) => route.fulfill({ json: year(route.request().url()) }))
  await page.route('**/api/v1/nodes?*', (route) => route.fulfill({ json: { data: route.request().url().includes('heard_since') ? [] : nodes(), next: null } }))
  await page.addInitScript(() => { new PerformanceObserver((list) => { globalThis.longest = Math.max(globalThis.longest ?? 0, ...list.getEntries().map((entry) => entry.duration)) }).observe({ type: 'longtask', buffered: true }) })
  found['first drawing of a year'] = median(await drawings(page))
  found['zoom, 95th percentile'] = percentile(await zooms(page), 0.95)
  await page.goto(`${base}/nodes`)
  await page.locator('[data-node]').first().waitFor()
  found['sorting 2,000 nodes'] = median(await sortings(page))
  await page.evaluate(() => { globalThis.longest = 0 })
  await page.getByRole('searchbox').pressSequentially('node 19', { delay: 60 })
  await page.waitForTimeout(600)
  found['typing in the search, longest'] = await page.evaluate(() => globalThis.longest)
} finally {
  await browser.close()
  await demo.stop()
}

/** How long it takes from the answer in hand to pixels, in milliseconds, five times. */
async function drawings(page) {
  const times = []
  for (let turn = 0; turn < 5; turn += 1) {
    await page.goto(`${base}/stations/${station}`)
    await page.locator('[data-panel] .uplot svg').first().waitFor()
    const button = page.getByRole('radio', { name: 'Year', exact: true })
    // What is drawn when the board is no longer busy is there two frames later.
    times.push(await button.evaluate(async (button) => {
      const board = document.querySelector('[data-interval]')
      const frame = () => new Promise((resolve) => { requestAnimationFrame(resolve) })
      const late = new Promise((_, reject) => { setTimeout(() => { reject(new Error('the charts of a year did not come')) }, 30_000) })
      const done = new Promise((resolve) => {
        let wasBusy = false
        const look = () => {
          const isBusy = board.getAttribute('aria-busy') === 'true'
          if (wasBusy && !isBusy) resolve()
          else { wasBusy ||= isBusy; requestAnimationFrame(look) }
        }
        look()
      })
      button.click()
      await Promise.race([done, late])
      const began = performance.now()
      await frame()
      await frame()
      return performance.now() - began
    }))
  }
  return times
}

/** How long a frame takes while a chart of a year is zoomed, 90 times. */
async function zooms(page) {
  const over = page.locator('[data-panel=temperature] .u-over')
  await over.waitFor()
  return over.evaluate(async (element) => {
    element.scrollIntoView({ block: 'center' })
    const box = element.getBoundingClientRect()
    const times = []
    for (let turn = 0; turn < 90; turn += 1) {
      const began = performance.now()
      element.dispatchEvent(new WheelEvent('wheel', { deltaY: turn % 30 < 15 ? -12 : 12, ctrlKey: true, clientX: box.left + box.width / 2, clientY: box.top + 20, bubbles: true, cancelable: true }))
      await new Promise((resolve) => { requestAnimationFrame(resolve) })
      times.push(performance.now() - began)
    }
    return times
  })
}

async function sortings(page) {
  const times = []
  for (const name of ['Name', 'Battery', 'SNR', 'Hops', 'Name']) {
    times.push(await page.getByRole('button', { name, exact: true }).evaluate(async (button) => {
      const began = performance.now()
      button.click()
      await new Promise((resolve) => { requestAnimationFrame(() => { requestAnimationFrame(resolve) }) })
      return performance.now() - began
    }))
  }
  return times
}

let isOver = false
for (const [name, goal] of Object.entries(GOALS)) {
  isOver ||= found[name] > goal
  console.log(`${name.padEnd(34)}${found[name].toFixed(0).padStart(6)} ms of ${String(goal).padStart(4)}  ${found[name] > goal ? 'TOO SLOW' : 'ok'}`)
}
process.exitCode = isOver ? 1 : 0
