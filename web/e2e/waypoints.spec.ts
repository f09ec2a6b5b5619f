// Places that people mark, and what computers and traffic management count: on a `kosmo up` of its own, whose bridge the test plays.
import { expect, type Page, test } from '@playwright/test'
import { MARK, nodeId, RADIO } from './support/hostile'
import { type Bridge, House, until } from './support/house'
import { expectAccessible, settled } from './support/test'

test.describe.configure({ mode: 'default' })

const [BEN, EVE] = [nodeId(1), nodeId(2)]
const HOUR = 3_600_000
const SPRING = { latitude: 50.12345, longitude: 6.95432 }
const EVIL = `<img src=x onerror="${MARK}=1">`

interface Marked { readonly id: number; readonly expires_at?: string }

let house: House
let bridge: Bridge

let packets = 9000
const mark = (node: string, waypoint_id: number, more: object) => {
  // Each in a packet of its own: of those with the same number the first counts.
  packets += 1
  return bridge.delivers('node', { node_id: node, report: { kind: 'waypoint', waypoint_id, public: true, ...more } }, { packet: { from: node, to: '!ffffffff', id: packets, port: 8, snr_db: 4, rssi_dbm: -90, hops_away: 0, transport: 'lora' } })
}

test.beforeAll(async () => {
  house = await House.open()
  bridge = await house.bridge('roof')
  await bridge.says({ version: '0.2.0', uptime_s: 60, radio: { link: 'ready', node_id: RADIO, firmware: '2.7.26', region: 'EU_868', modem_preset: 'LONG_FAST' } })
  for (const [id, name] of [[BEN, 'Ben'], [EVE, 'Eve']] as const) {
    await bridge.delivers('node', { node_id: id, report: { kind: 'user', long_name: name, short_name: name.slice(0, 3), licensed: false, unmessagable: false } })
  }
  await bridge.delivers('node', { node_id: BEN, report: { kind: 'position', latitude: 50.2, longitude: 7, altitude_m: 300 } })
  await mark(BEN, 7, { ...SPRING, name: 'Spring', description: 'Clean water\nbehind the mill', icon: '💧', locked_to: BEN, expires_at: new Date(Date.now() + 5 * HOUR).toISOString() })
  await mark(EVE, 8, { latitude: 50.3, longitude: 7.1, name: EVIL, description: `${EVIL} \u202eבאר`, icon: '<' })
  await mark(EVE, 9, { latitude: 50.3, longitude: 7.2, name: 'Over long ago', expires_at: new Date(Date.now() - HOUR).toISOString() })
  await mark(EVE, 10, { latitude: 50.3, longitude: 7.3, name: 'For members', public: false })
  // Three at one place: they are gathered as long as one looks from afar.
  for (const id of [11, 12, 13]) await mark(EVE, id, { latitude: 50.4 + id / 1e5, longitude: 7.4 })
  await bridge.delivers('node', { node_id: BEN, report: { kind: 'host_stats', uptime_s: 93_600, memory_free_bytes: 512_000_000, disk_free_bytes: 18_446_744_073_709_000_000, load_1m_hundredths: 7, load_5m_hundredths: 112, load_15m_hundredths: 4_294_967_295 } })
  await bridge.delivers('node', { node_id: BEN, report: { kind: 'traffic_stats', packets_inspected: 12_345, positions_dropped: 67, node_infos_answered: 8, rate_limited: 9, unknown_dropped: 10, hops_exhausted: 11, hops_preserved: 4_294_967_295 } })
  await bridge.delivers('node', { node_id: BEN, report: { kind: 'radio_stats', uptime_s: 60, channel_utilization_pct: 1, air_util_tx_pct: 1, packets_tx: 1, packets_rx: 2, packets_rx_bad: 3, packets_rx_duplicate: 4, packets_relayed: 5, relays_cancelled: 6, packets_tx_dropped: 77, nodes_online: 8, nodes_known: 9, heap_free_bytes: 123_456 } })
  await until('all of it is stored', async () => (await house.read<{ radio_stats?: object }>(`/api/v1/nodes/${BEN}`)).radio_stats !== undefined)
})

test.afterAll(async () => {
  bridge.connection.leave()
  await house.close()
})

/** Opens a page of it, and ends the test at whatever goes wrong there. */
async function open(page: Page, path: string): Promise<void> {
  page.on('pageerror', (error) => { throw error })
  await page.goto(house.url + path)
  await settled(page)
}

const panelOf = (page: Page) => page.getByRole('complementary', { name: 'Selected place' })

test('the table lists the places that count, as what they are, and tells of each what is said of it', async ({ page }) => {
  await open(page, '/?view=table')
  const rows = page.locator('[data-waypoint]')
  await expect(rows).toHaveCount(5)
  const { data } = await house.read<{ data: readonly Marked[] }>('/api/v1/waypoints')
  expect(data.map(({ id }) => id)).toEqual([7, 8, 11, 12, 13])
  const spring = page.locator('[data-waypoint="7"]')
  for (const text of ['Spring', 'Clean water', 'Ben', '50.12345, 6.95432']) await expect(spring).toContainText(text)
  await expect(page.locator('[data-waypoint="8"]')).toContainText(EVIL)
  await expect(page.locator('[data-waypoint="8"]')).not.toContainText('\u202e')
  await expect(page.locator('[data-waypoint="11"]')).toContainText('Marked place')
  expect(await page.evaluate((name) => name in window, MARK)).toBe(false)

  await page.getByRole('combobox', { name: 'Find a node' }).fill('water')
  await expect(rows).toHaveCount(1)
  await spring.getByRole('button').press('Enter')
  await expect(page).toHaveURL(/waypoint=7/)
  const panel = panelOf(page)
  await expect(panel.getByRole('heading', { name: 'Spring' })).toBeFocused()
  await expect(panel).toContainText('Clean water\nbehind the mill')
  await expect(panel.getByRole('button', { name: 'Ben' })).toHaveCount(2)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await expectAccessible(page)
  }
  await panel.getByRole('button', { name: 'Ben' }).first().click()
  await expect(page).toHaveURL(/node=(!|%21)10000001/)
  await expect(page).not.toHaveURL(/waypoint=/)
  await page.keyboard.press('Escape')
  await expect(page).not.toHaveURL(/node=/)
})

test('a pin stands where the place is, opens what is said of it, and goes with its layer', async ({ page }) => {
  await open(page, `/?at=${String(SPRING.latitude)},${String(SPRING.longitude)},13`)
  const map = page.getByTestId('map')
  await expect(map).toHaveAttribute('data-idle', 'true')
  const legend = page.getByRole('region', { name: 'Legend' })
  await expect(legend).toContainText('marked place')
  // The place is the middle of the map; its pin stands above that.
  const box = await map.boundingBox()
  const head = { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + (box?.height ?? 0) / 2 - 26 }
  await expect(async () => {
    await page.mouse.click(head.x, head.y)
    await expect(panelOf(page).getByRole('heading', { name: 'Spring' })).toBeVisible({ timeout: 2000 })
  }).toPass()
  await page.keyboard.press('Escape')
  await expect(panelOf(page)).toBeHidden()

  await page.getByRole('button', { name: 'Layers' }).click()
  await page.getByRole('checkbox', { name: 'Marked places' }).uncheck()
  await page.keyboard.press('Escape')
  await expect(page).toHaveURL(/layers=nodes\.wind\.bridges\.names/)
  await expect(legend).not.toContainText('marked place')
  // What the map shows is drawn anew within a frame or two; until then the pin can be hit.
  await expect(async () => {
    await page.keyboard.press('Escape')
    await page.mouse.click(head.x, head.y)
    await expect(panelOf(page)).toBeHidden({ timeout: 1000 })
  }).toPass()
})

test('places that lie close together are one pin, which opens where they come apart', async ({ page }) => {
  await open(page, '/?at=50.40012,7.4,11')
  const map = page.getByTestId('map')
  await expect(map).toHaveAttribute('data-idle', 'true')
  const box = await map.boundingBox()
  await expect(async () => {
    await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2 - 26)
    await expect(page).toHaveURL(/at=[^&]*(,|%2C)1[3-7]\./, { timeout: 3000 })
  }).toPass()
  await expect(page).not.toHaveURL(/waypoint=/)
})

test('one that is marked while the page is open comes, and one that is taken away goes', async ({ page }) => {
  test.slow()
  await open(page, '/?view=table')
  await expect(page.locator('[data-waypoint="7"]')).toBeVisible()
  await mark(EVE, 20, { latitude: 50.3, longitude: 7.6, name: 'Meeting point', icon: '🚩' })
  await expect(page.locator('[data-waypoint="20"]')).toBeVisible()
  await mark(EVE, 20, { latitude: 50.3, longitude: 7.6, name: 'Meeting point', expires_at: new Date(Date.now() - HOUR).toISOString() })
  await expect(page.locator('[data-waypoint="20"]')).toHaveCount(0)
})

test('a node tells what its radio, its computer and its traffic management count', async ({ page }) => {
  await open(page, `/nodes/${BEN}`)
  const card = (title: string) => page.locator('section').filter({ has: page.getByRole('heading', { name: title, exact: true }) })
  for (const text of ['1 day 2 hrs', '512 MB', '18,446,744 TB', '0.07 · 1.12 · 42,949,672.95']) await expect(card('The computer it runs on')).toContainText(text)
  for (const text of ['12,345', '67', '4,294,967,295']) await expect(card('What its traffic management did')).toContainText(text)
  for (const text of ['Not sent, its queue was full', '77', '123 kB']) await expect(card('What its radio counts')).toContainText(text)
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  expect(wider, 'the page never scrolls sideways').toBeLessThanOrEqual(0)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await expectAccessible(page)
  }
})
