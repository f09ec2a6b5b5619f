import { type Page, test } from '@playwright/test'
import { garbage, nodeId } from './support/hostile'
import { type Bridge, House, until } from './support/house'
import { expect, expectAccessible } from './support/test'

/** The page of the network, on a `kosmo up` of its own with bridges that the test plays. */
test.describe.configure({ mode: 'serial' })

interface BridgesAnswer { readonly data: readonly { readonly bridge_id: string; readonly state: string; readonly queues?: Record<'ingest' | 'gateway' | 'outbound', { readonly waiting: number }> }[] }
interface RatesAnswer { readonly packets: readonly number[]; readonly readings: readonly number[]; readonly rejects: readonly number[] }
interface SummaryAnswer { readonly data: readonly { readonly code: string; readonly topic: string; readonly day: number }[] }

const READY = { link: 'ready', node_id: '!4daa1001', firmware: '2.7.26', region: 'EU_868', modem_preset: 'LONG_FAST' }
const queues = (ingest: number) => ({ ingest: { waiting: ingest, in_flight: 0 }, gateway: { waiting: 2, in_flight: 1 }, outbound: { waiting: 1, in_flight: 1 } })
/** What a bridge says that is well. */
const WELL = { version: '0.2.0', uptime_s: 7200, radio: READY, queues: queues(3), counters: { packets_received: 1200, records_spooled: 1100, records_committed: 1097 } }

let house: House
let roof: Bridge
let valley: Bridge

test.beforeAll(async () => {
  house = await House.open()
  roof = await house.bridge('roof')
  valley = await house.bridge('valley')
  await roof.says(WELL)
  await valley.says({ version: '0.2.0', uptime_s: 60, radio: { ...READY, link: 'down', detail: 'cannot reach tcp://10.0.0.7:4403', node_id: '!4daa1002' }, queues: queues(812) })
  await house.command('bridge', 'add', 'new')
  for (let index = 0; index < 5; index += 1) {
    const packet = { from: nodeId(index), to: '!ffffffff', id: 50 + index, port: 67, snr_db: 4, rssi_dbm: -80, hops_away: 1, transport: 'lora' }
    await roof.delivers('reading', { node_id: nodeId(index), kind: 'environment', metrics: { temperature_c: 20 + index } }, { packet })
  }
  // A node that spoke every ten minutes until half a day ago.
  for (let time = 0; time < 12; time += 1) {
    const device_time = new Date(Date.now() - 12 * 3_600_000 + time * 600_000).toISOString()
    await roof.delivers('reading', { node_id: nodeId(7), kind: 'environment', device_time, metrics: { temperature_c: 3 } })
    await until('the reading is stored', async () => (await house.read<{ data: readonly object[] }>(`/api/v1/weather/history?node_id=${nodeId(7)}&start=${device_time}&end=${new Date().toISOString()}&interval=raw`)).data.length > 0)
  }
  await roof.delivers('node', { node_id: nodeId(7), last_heard: new Date(Date.now() - 11 * 3_600_000).toISOString(), report: { kind: 'user', long_name: 'Old mill', short_name: 'MILL', licensed: false, unmessagable: false } }, { heard_at: new Date(Date.now() - 10 * 3_600_000).toISOString() })
  await until('everything is stored', async () => (await house.read<RatesAnswer>('/api/v1/network/rates')).readings.reduce((sum, count) => sum + count, 0) === 17)
})

test.afterAll(async () => {
  roof.connection.leave()
  await house.close()
})

async function open(page: Page, path = '/network'): Promise<void> {
  await page.goto(house.url + path)
  await expect(page.getByTestId('bridges')).toBeVisible()
  await expect(page.getByTestId('services').locator('li').first()).toBeVisible()
}

test('the page says of every bridge what the API says', async ({ page }) => {
  await open(page)
  const { data } = await house.read<BridgesAnswer>('/api/v1/network/bridges')
  expect(data.map((bridge) => bridge.state)).toEqual(['unheard', 'online', 'no_radio'])
  for (const bridge of data) {
    const card = page.locator(`[data-bridge=${bridge.bridge_id}]`)
    await expect(card).toHaveAttribute('data-state', bridge.state)
    for (const name of ['ingest', 'gateway', 'outbound'] as const) {
      if (bridge.queues !== undefined) await expect(card.locator(`[data-queue=${name}] dd`)).toHaveText(String(bridge.queues[name].waiting))
    }
  }
  await expect(page.getByText('2 of 3 bridges need a look.')).toBeVisible()
  await expect(page.locator('[data-bridge=valley]')).toContainText('It cannot reach its radio')
  await expect(page.locator('[data-bridge=valley]')).toContainText("Look after the radio's power")
  expect(await page.content()).not.toContain('10.0.0.7')
})

test('rates, rejects, silence and services are those of the API', async ({ page }) => {
  await open(page)
  const rates = await house.read<RatesAnswer>('/api/v1/network/rates')
  for (const what of ['packets', 'readings', 'rejects'] as const) {
    const sum = rates[what].reduce((all, count) => all + count, 0)
    await expect(page.locator(`[data-rate=${what}] [data-total]`)).toHaveText(String(sum))
  }
  await expect(page.locator(`[data-silent-node="${nodeId(7)}"]`)).toContainText('Old mill')
  await expect(page.locator(`[data-silent-node="${nodeId(7)}"]`)).toContainText('usually every')
  const services = await house.read<{ readonly data: readonly { readonly service: string; readonly state: string }[] }>('/api/v1/network/services')
  expect(services.data.map((run) => run.service)).toEqual(['broker', 'gateway', 'ingestion', 'weather', 'web'])
  for (const { service, state } of services.data) await expect(page.locator(`[data-service=${service}]`)).toHaveAttribute('data-state', state)
})

test('what is refused shows up in words, counted, and can be looked into', async ({ page }) => {
  await open(page)
  await garbage(roof)
  const cause = page.locator('[data-cause=not_json][data-topic=reading]')
  await expect(cause).toContainText('Not readable', { timeout: 30_000 })
  const { data } = await house.read<SummaryAnswer>('/api/v1/network/rejects/summary')
  await expect(cause.locator('[data-count]')).toHaveText(String(data.find((row) => row.code === 'not_json')?.day))
  await cause.click()
  await expect(page).toHaveURL(/code=not_json/)
  await expect(page.getByRole('heading', { name: 'The latest: Not readable' })).toBeVisible()
  await expect(page.locator('[data-reject]')).toHaveCount(2)
  await expect(page.locator('[data-reject=not_json]')).toHaveCount(2)
  await page.reload()
  await expect(page.locator('[data-reject]')).toHaveCount(2)
})

test('the time shown and the open bridge stand in the URL, and the keyboard reaches both', async ({ page }) => {
  await open(page, '/network?span=week&bridge=roof')
  const sheet = page.getByRole('dialog', { name: 'roof' })
  await expect(sheet).toContainText('1,100')
  await page.keyboard.press('Escape')
  await expect(sheet).toBeHidden()
  await expect(page).toHaveURL(/network\?span=week$/)
  await page.getByRole('radio', { name: 'Hour' }).focus()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/span=hour/)
  await page.getByRole('button', { name: 'valley' }).focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: 'valley' })).toBeVisible()
  await page.goBack()
  await expect(page.getByRole('dialog')).toBeHidden()
})

test('a bridge that is killed is offline at once, and one that says nothing is silent when its word is no longer believed', async ({ page }) => {
  await page.clock.install()
  await open(page)
  await expect(page.locator('[data-bridge=valley]')).toHaveAttribute('data-state', 'no_radio')
  valley.connection.drop()
  const card = page.locator('[data-bridge=valley]')
  await until('the server knows', async () => (await house.read<BridgesAnswer>('/api/v1/network/bridges')).data.some((bridge) => bridge.state === 'offline'))
  await page.clock.runFor(20_000)
  await expect(card).toHaveAttribute('data-state', 'offline')
  await expect(card).toContainText('Its connection has ended.')
  await expect(page.locator('[data-silent-bridge=valley]')).toBeVisible()
  // The server is out of reach from here on, so that nothing renews what was said.
  await page.route('**/api/v1/network/**', (route) => route.abort())
  await page.clock.runFor(190_000)
  await expect(page.locator('[data-bridge=roof]')).toHaveAttribute('data-state', 'silent')
  await expect(page.locator('[data-bridge=roof]')).toContainText('It says nothing, and should every minute.')
})

test('it looks right in both themes, and axe finds nothing', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  // On a slow machine its first word is not believed any more.
  await roof.says(WELL)
  await until('the server knows', async () => (await house.read<BridgesAnswer>('/api/v1/network/bridges')).data.map((bridge) => bridge.state).join(' ') === 'unheard online offline')
  await open(page)
  await expect(page.locator('[data-rate=readings] [data-total]')).toHaveText('17')
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await expectAccessible(page)
    // What differs from run to run is covered: ages, rates, and where in the charts the minutes fall.
    const moving = ['time', 'svg[role=img]', '[data-service] .tabular', '[data-rate] .text-xs', '[data-rate] > [aria-hidden]']
    await expect(page).toHaveScreenshot(`network-${colorScheme}.png`, { mask: moving.map((selector) => page.locator(selector)) })
  }
})

test('what texts wait for in a bridge is said, and how much of its airtime is used', async ({ page }) => {
  await roof.says({ ...WELL, air: { waits_for: 'duty_cycle', waits_s: 40, used_pct: 9.75, allowed_pct: 10, channel_pct: 18.5 } })
  await until('the server knows', async () => (await house.read<{ data: readonly { airtime?: { waits_for?: string } }[] }>('/api/v1/network/bridges')).data.some(({ airtime }) => airtime?.waits_for === 'duty_cycle'))
  await open(page, '/network?bridge=roof')
  await expect(page.locator('[data-bridge=roof] [data-waits=duty_cycle]')).toContainText('the radio has used up the airtime that the law allows in an hour')
  await expect(page.getByRole('dialog', { name: 'roof' })).toContainText('9.8 % / 10 %')
})

test('brokers of nodes are told of as the API has them', async ({ page }) => {
  await open(page)
  const { brokers } = await house.read<{ readonly brokers: readonly { readonly source: string; readonly state: string }[] }>('/api/v1/network/uplinks')
  expect(brokers.map(({ source }) => source)).toEqual(['msh'])
  for (const { source, state } of brokers) await expect(page.locator(`[data-broker="${source}"]`)).toHaveAttribute('data-state', state)
  await expect(page.getByTestId('uplinks')).toContainText('No node publishes here by itself')
})

test('what is heard and not shown is told by how much it is, and only if there is any', async ({ page }) => {
  await open(page)
  const card = page.getByTestId('hidden')
  await expect(card).toHaveCount(0)
  const says = async (index: number, privacy: object) => {
    const packet = { from: nodeId(index), to: '!ffffffff', id: 900 + index, port: 67, hops_away: 0, transport: 'lora' }
    await roof.delivers('reading', { node_id: nodeId(index), kind: 'environment', metrics: { temperature_c: 4 } }, { packet, privacy })
  }
  // What a channel brings is counted once a bridge has told of it.
  await roof.says({ ...WELL, radio: { ...READY, channels: [{ index: 1, name: 'Family', hash: 9, primary: false, public: false, uplink: false, downlink: false }] } })
  await until('the channel is known', async () => (await house.command('channel', 'list')).includes('Family'))
  await says(30, { ok_to_mqtt: false })
  await says(31, {})
  await says(32, { ok_to_mqtt: true, private_channel: { name: 'Family', hash: 9 } })
  await until('all of it is counted', async () => {
    const { nodes, withheld } = await house.read<{ nodes: number; withheld: number }>('/api/v1/network/hidden')
    return nodes === 2 && withheld === 1
  })
  await open(page)
  await expect(card.locator('[data-hidden=nodes]')).toContainText('2 nodes do not agree to be shown')
  await expect(card.locator('[data-hidden=nodes]')).toContainText('lora.config_ok_to_mqtt')
  await expect(card.locator('[data-hidden=channels]')).toContainText('1 private channel is heard, of which nothing is kept')
  await expect(page.locator('main')).not.toContainText('Family')
  await expectAccessible(page)
})
