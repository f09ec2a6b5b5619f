import type { APIRequestContext } from '@playwright/test'
import { choose, expect, expectAccessible, expectLooks, type Page, replayed, test } from './support/test'

/** The map of the demo: 20 stations and people of the Eifel. */
interface MapNode {
  readonly node_id: string
  readonly long_name?: string
  readonly station: boolean
  readonly position?: { readonly latitude: number; readonly longitude: number }
  readonly latest?: { readonly values: Readonly<Record<string, number>> }
}
interface Frames { readonly data: readonly { readonly node_id: string; readonly values: Readonly<Record<string, readonly (number | null)[]>> }[] }

const ERBESKOPF = 'Erbeskopf'

async function nodesOf(request: APIRequestContext): Promise<readonly MapNode[]> {
  return ((await (await request.get('/api/v1/map/nodes?limit=1000')).json()) as { data: MapNode[] }).data
}

/** Waits until the map draws; with news each second it may never come to rest on a slow machine. */
async function drawn(page: Page): Promise<void> {
  await expect(page.getByTestId('map')).toHaveAttribute('data-ready', 'true', { timeout: 45_000 })
}

/** What a figure of the page says, without its unit. */
const figure = (text: string | null) => Number((text ?? '').replace(/[^\d.−-]/g, '').replace('−', '-'))

test.beforeEach(async ({ page }) => { await choose(page, {}) })

test('the table says of every station what the API says', async ({ page, request }) => {
  await page.goto('/?view=table&show=pressure_hpa')
  await expect(async () => {
    const stations = (await nodesOf(request)).filter(({ station }) => station)
    expect(stations.length).toBeGreaterThan(10)
    for (const { node_id: id, latest } of stations) {
      const value = latest?.values['pressure_hpa']
      const cell = page.locator(`[data-node="${id}"] td`).nth(2)
      if (value === undefined) await expect(cell).toHaveText('—')
      else expect(Math.abs(figure(await cell.textContent()) - value)).toBeLessThan(0.06)
    }
  }).toPass()
})

test('a node is found by a part of its name, and its panel says what the API says', async ({ page, request }) => {
  await page.goto('/')
  await expect(page.locator('[data-nodes]')).not.toHaveAttribute('data-nodes', '0')
  await page.keyboard.press('/')
  await page.keyboard.type('erbskop')
  await expect(page.getByRole('option', { name: ERBESKOPF })).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('Enter')
  const panel = page.getByRole('complementary', { name: 'Selected node' })
  await expect(panel.getByRole('heading', { name: ERBESKOPF })).toBeFocused()
  const id = /node=(?:!|%21)([0-9a-f]{8})/.exec(page.url())?.[1] ?? ''
  await expect(async () => {
    const node = (await nodesOf(request)).find(({ node_id }) => node_id === `!${id}`)
    expect(node?.long_name).toBe(ERBESKOPF)
    const shown = figure(await panel.getByRole('row', { name: 'Temperature' }).locator('td').first().textContent())
    expect(Math.abs(shown - (node?.latest?.values['temperature_c'] ?? 999))).toBeLessThan(0.06)
  }).toPass()
  await expect(panel.getByRole('link', { name: 'Charts of this station' })).toHaveAttribute('href', /\/stations\//)
  await page.keyboard.press('Escape')
  await expect(panel).toBeHidden()
  expect(page.url()).not.toContain('node=')
})

test('the slider shows the hours that the API has, and plays them', async ({ page, request }) => {
  await page.goto('/?view=table')
  const slider = page.getByRole('slider', { name: 'Hour' })
  await expect(slider).toHaveAttribute('aria-valuetext', 'Live')
  await slider.focus()
  for (let hour = 0; hour < 5; hour += 1) await page.keyboard.press('ArrowLeft')
  await expect(page).toHaveURL(/t=\d{4}-\d\d-\d\dT\d\d(:|%3A)00Z/)
  const at = decodeURIComponent(/t=([^&]+)/.exec(page.url())?.[1] ?? '')
  const end = new Date(Date.parse(at) + 3_600_000).toISOString()
  const frames = (await (await request.get(`/api/v1/weather/frames?metrics=temperature_c&start=${at}&end=${end}&limit=250`)).json()) as Frames
  expect(frames.data.length).toBeGreaterThan(10)
  await expect(async () => {
    for (const { node_id: id, values } of frames.data) {
      const value = values['temperature_c']?.[0]
      const cell = page.locator(`[data-node="${id}"] td`).nth(2)
      if (value != null) expect(figure(await cell.textContent())).toBeCloseTo(value, 1)
    }
  }).toPass()

  await page.keyboard.press('Home')
  await page.getByRole('button', { name: 'Play the last week' }).click()
  await expect(slider).not.toHaveValue('0')
  await page.getByRole('button', { name: 'Pause' }).click()
  const stopped = await slider.inputValue()
  await expect(page).toHaveURL(/t=/)
  await expect(slider).toHaveValue(stopped)
  await page.getByRole('button', { name: 'Live' }).click()
  await expect(slider).toHaveAttribute('aria-valuetext', 'Live')
  await expect(page).not.toHaveURL(/t=/)
})

test('a station that is pressed is the one that stands there', async ({ page, request }) => {
  const station = (await nodesOf(request)).find(({ long_name: name }) => name === ERBESKOPF)
  if (station?.position === undefined) throw new Error('the demo has no Erbeskopf')
  await page.goto(`/?at=${String(station.position.latitude)},${String(station.position.longitude)},13`)
  await drawn(page)
  // Once it is there: before, the press falls on the ground.
  await expect(async () => {
    await page.locator('canvas').click()
    await expect(page.getByRole('complementary').getByRole('heading', { name: ERBESKOPF })).toBeVisible({ timeout: 2000 })
  }).toPass()
  await expect(page).toHaveURL(new RegExp(`node=(!|%21)${station.node_id.slice(1)}`))
})

test('a link shows another person the same', async ({ page, context }) => {
  await page.goto('/')
  await page.getByRole('combobox', { name: 'Quantity' }).selectOption('humidity_pct')
  await page.getByRole('button', { name: 'Layers' }).click()
  await page.getByRole('checkbox', { name: 'Links and their quality' }).check()
  await page.getByRole('checkbox', { name: 'Wind barbs' }).uncheck()
  await page.keyboard.press('Escape')
  await drawn(page)
  await page.getByRole('button', { name: 'Show all nodes' }).click()
  await expect(page).toHaveURL(/at=/)
  await expect(page).toHaveURL(/layers=nodes\.bridges\.links\.waypoints\.names/)
  const address = page.url()
  // Two maps at once are more than software draws.
  await page.goto('about:blank')
  const other = await context.newPage()
  await other.goto(address)
  await expect(other.getByRole('combobox', { name: 'Quantity' })).toHaveValue('humidity_pct')
  await expect(other.getByRole('region', { name: 'Legend' })).toContainText('good link')
  await expect(other.getByRole('region', { name: 'Legend' })).toContainText('Humidity')
  await other.getByRole('button', { name: 'Layers' }).click()
  await expect(other.getByRole('checkbox', { name: 'Wind barbs' })).not.toBeChecked()
  expect(new URL(other.url()).searchParams.get('at')).toBe(new URL(address).searchParams.get('at'))
})

test('without WebGL there is the table, and nothing that draws is fetched', async ({ page }) => {
  await page.addInitScript(() => {
    const original = Reflect.get(HTMLCanvasElement.prototype, 'getContext') as (...given: unknown[]) => unknown
    Object.assign(HTMLCanvasElement.prototype, { getContext(this: HTMLCanvasElement, ...given: unknown[]) { return String(given[0]).startsWith('webgl') ? null : original.apply(this, given) } })
  })
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.goto('/')
  await expect(page.getByText('This browser cannot draw the map')).toBeVisible()
  await expect(page.locator('[data-node]').first()).toBeVisible()
  await page.getByRole('button', { name: 'Name', exact: true }).click()
  const names = await page.locator('[data-node] td:first-child').allInnerTexts()
  expect(names.length).toBeGreaterThan(10)
  expect(names.map((name) => name.trim())).toEqual([...names].map((name) => name.trim()).sort(new Intl.Collator('en', { numeric: true }).compare))
  expect(asked.filter((url) => /maplibre|world\.pmtiles/.test(url))).toEqual([])
})

test('map and table stand one key press apart, and nobody is shut out of either', async ({ page }) => {
  await page.goto('/')
  await drawn(page)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await expectAccessible(page)
  }
  await page.getByRole('button', { name: 'Table' }).press('Enter')
  await expect(page).toHaveURL(/view=table/)
  await expect(page.locator('[data-node]').first()).toBeVisible()
  await page.locator('[data-node] button').first().press('Enter')
  await expect(page.getByRole('complementary', { name: 'Selected node' })).toBeVisible()
  await expectAccessible(page)
})

test('it looks as it did', async ({ page }) => {
  await replayed(page, 'map')
  await page.goto('/?layers=nodes.wind.bridges.links.names')
  await expect(page.getByTestId('map')).toHaveAttribute('data-idle', 'true', { timeout: 45_000 })
  await expectLooks(page, 'map')
})
