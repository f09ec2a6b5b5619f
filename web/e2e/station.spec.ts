import { readFile } from 'node:fs/promises'
import type { LatestReading, Series } from '../app/api/schema'
import { choose, expect, expectAccessible, expectLooks, type Page, replayed, settled, test } from './support/test'

/** A station of every demo. */
const STATION = '!072a2786'
const isPhone = () => test.info().project.name === 'phone'
const board = (page: Page) => page.locator('[data-interval]')

async function open(page: Page, search = ''): Promise<void> {
  await page.goto(`/stations/${STATION}${search}`)
  await settled(page)
  await shownChart(page, 'temperature')
}

/** A chart is drawn when somebody gets there. */
async function shownChart(page: Page, name: string): Promise<void> {
  await page.locator(`[data-panel=${name}]`).evaluate((panel) => { panel.scrollIntoView({ block: 'center' }) })
  await expect(page.locator(`[data-panel=${name}] .uplot svg`)).toBeVisible()
}

async function seriesAsked(page: Page, act: () => Promise<void>): Promise<{ url: URL; series: Series }> {
  const answer = page.waitForResponse((response) => response.url().includes('/api/v1/weather/series') && !response.url().includes('points=300') && response.ok())
  await act()
  const response = await answer
  return { url: new URL(response.url()), series: (await response.json()) as Series }
}

test.beforeEach(async ({ page }) => { await choose(page, { theme: 'system' }) })

test('now is what the API says is the latest, in metric and in imperial units', async ({ page }) => {
  await open(page)
  const tile = page.locator('[data-metric=temperature_c]')
  const latest = async () => ((await (await page.request.get(`/api/v1/weather/latest?node_id=${STATION}`)).json()) as { data: LatestReading[] }).data[0] as unknown as Record<string, number>
  await expect(async () => {
    const { temperature_c: celsius = Number.NaN } = await latest()
    await expect(tile).toContainText(celsius.toFixed(1), { timeout: 1000 })
  }).toPass()
  await page.evaluate(() => { localStorage.setItem('kosmo.preferences', JSON.stringify({ units: 'imperial', language: 'en', theme: 'system' })) })
  await page.reload()
  await expect(async () => {
    const { temperature_c: celsius = Number.NaN } = await latest()
    await expect(tile).toContainText((celsius * 1.8 + 32).toFixed(1), { timeout: 1000 })
    await expect(tile).toContainText('°F', { timeout: 1000 })
  }).toPass()
  for (const name of ['humidity_pct', 'pressure_hpa', 'wind_direction_deg', 'battery_pct']) await expect(page.locator(`[data-metric=${name}] time`)).toBeVisible()
})

test('spans and closer looks ask at the step that suits, and stand in the URL', async ({ page }) => {
  await open(page)
  await expect(board(page)).toHaveAttribute('data-interval', /raw|5m|15m/)
  const month = await seriesAsked(page, () => page.getByRole('radio', { name: 'Month' }).click())
  await expect(page).toHaveURL(/span=month/)
  const span = (url: URL) => Date.parse(url.searchParams.get('end') ?? '') - Date.parse(url.searchParams.get('start') ?? '')
  expect(span(month.url)).toBeGreaterThan(31 * 86_400_000)
  await expect(board(page)).toHaveAttribute('data-interval', month.series.interval)
  const year = await seriesAsked(page, () => page.getByRole('radio', { name: 'Year' }).click())
  expect(year.series.interval_s ?? 0).toBeGreaterThanOrEqual(month.series.interval_s ?? 0)

  await page.getByRole('radio', { name: 'Week' }).click()
  const before = await seriesAsked(page, () => page.getByRole('button', { name: 'Closer' }).click())
  await expect(page).toHaveURL(/from=.*to=/)
  const closer = await seriesAsked(page, async () => { for (let turn = 0; turn < 4; turn += 1) await page.getByRole('button', { name: 'Closer' }).click() })
  expect(span(closer.url)).toBeLessThan(span(before.url))
  await page.reload()
  await settled(page)
  await expect(board(page)).toHaveAttribute('data-interval', 'raw')
  await page.getByRole('button', { name: 'Back to now' }).click()
  await expect(page).not.toHaveURL(/from=/)
})

test('dragging over a chart looks closer at what was marked', async ({ page }) => {
  test.skip(isPhone(), 'a phone has fingers')
  await open(page, '?span=week')
  const over = page.locator('[data-panel=temperature] .u-over')
  await over.scrollIntoViewIfNeeded()
  const box = await over.boundingBox()
  if (box === null) throw new Error('the chart has a place')
  await page.mouse.move(box.x + box.width * 0.4, box.y + box.height / 2)
  await expect(page.locator('[data-panel=temperature] figcaption')).toContainText('2026')
  await expect(page.locator('[data-panel=humidity] figcaption')).toContainText('2026')
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2, { steps: 5 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=.*to=/)
  const search = new URL(page.url()).searchParams
  const hours = (Date.parse(search.get('to')?.replaceAll('"', '') ?? '') - Date.parse(search.get('from')?.replaceAll('"', '') ?? '')) / 3_600_000
  expect(hours).toBeGreaterThan(14)
  expect(hours).toBeLessThan(20)
})

test('the table twin says what the series says, and the CSV is the API’s', async ({ page }) => {
  await page.goto(`/stations/${STATION}?span=week&as=table`)
  await settled(page)
  const table = page.getByRole('region', { name: 'Measured values' })
  await expect(table.locator('tbody tr').first()).toBeVisible()
  await expect(table.getByRole('columnheader', { name: 'Temperature' })).toBeVisible()
  const link = page.getByRole('link', { name: 'Download as CSV' })
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  expect(download.suggestedFilename()).toMatch(/^072a2786-\w+-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/)
  const text = await readFile(await download.path(), 'utf8')
  const href = new URL((await link.getAttribute('href')) ?? '', page.url())
  const [header = '', ...rows] = text.trimEnd().split('\r\n')
  expect(header).toMatch(/^time_utc,node_id,name,temperature_c/)
  const query = new URLSearchParams({ node_id: STATION, start: href.searchParams.get('start') ?? '', end: href.searchParams.get('end') ?? '', interval: href.searchParams.get('interval') ?? '', metrics: 'temperature_c' })
  const series = (await (await page.request.get(`/api/v1/weather/series?${query.toString()}`)).json()) as Series
  const column = header.split(',').findIndex((name) => /^temperature_c(_mean)?$/.test(name))
  const told = new Map(rows.map((row) => { const fields = row.split(','); return [fields[0] ?? '', fields[column] ?? ''] as const }))
  expect(series.at.length).toBeGreaterThan(20)
  for (const [index, at] of series.at.slice(0, -2).entries()) expect(Number(told.get(at))).toBe(series.metrics['temperature_c']?.value[index])
})

test('charts are hidden and shown by the keyboard', async ({ page }) => {
  await open(page)
  const chip = page.getByRole('group', { name: 'Which charts' }).getByRole('button', { name: 'Humidity' })
  await chip.focus()
  await page.keyboard.press('Space')
  await expect(chip).toHaveAttribute('aria-pressed', 'false')
  await expect(page.locator('[data-panel=humidity]')).toHaveCount(0)
  await expect(page).toHaveURL(/hide=humidity/)
  await page.keyboard.press('Space')
  await shownChart(page, 'humidity')
})

test('of a dozen charts those are drawn that somebody gets to', async ({ page }) => {
  await open(page)
  const drawn = () => page.locator('[data-panel] .uplot svg').count()
  const panels = await page.locator('[data-panel]').count()
  expect(panels).toBeGreaterThan(8)
  expect(await drawn()).toBeLessThan(panels)
  await shownChart(page, 'battery')
})

test('a new reading joins the chart by itself', async ({ page }) => {
  await open(page)
  const age = page.locator('[data-metric=temperature_c] time')
  const first = await age.getAttribute('datetime')
  await expect.poll(() => age.getAttribute('datetime'), { timeout: 50_000 }).not.toBe(first)
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing, ${colorScheme}`, async ({ page }) => {
    test.slow()
    await page.emulateMedia({ colorScheme })
    await open(page)
    await expectAccessible(page)
    await page.getByRole('radio', { name: 'Table' }).click()
    await expect(page.getByRole('region', { name: 'Measured values' })).toBeVisible()
    await expectAccessible(page)
  })
}

test('it looks as it should', async ({ page }) => {
  await replayed(page, 'station')
  await page.goto(`/stations/${STATION}?span=week`)
  await expectLooks(page, 'station')
  await page.locator('[data-panel=temperature]').evaluate((panel) => { panel.scrollIntoView({ block: 'center' }) })
  for (const name of ['temperature', 'humidity']) await expect(page.locator(`[data-panel=${name}] .uplot svg`)).toBeVisible()
  await expectLooks(page, 'station-charts')
})
