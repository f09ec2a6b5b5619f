import { randomBytes } from 'node:crypto'
import { type Page, test } from '@playwright/test'
import { type Bridge, House } from './support/house'
import { choose, expect, expectAccessible } from './support/test'

/** What a member does that takes somebody else's part, too: on a `kosmo up` of its own, with a bridge that the test plays. */
test.describe.configure({ mode: 'default' })

const READY = { link: 'ready', node_id: '!4daa1001', firmware: '2.7.26', region: 'EU_868', modem_preset: 'LONG_FAST' }
/** The primary channel of every radio, as its packets tell it: the bytes of name and key, one xor the other. */
const LONG_FAST = { name: 'LongFast', hash: 8 }
const MARIE = '!5a5a0001'
const NILS = '!5a5a0002'

let house: House
let roof: Bridge
let member = ''

test.beforeAll(async () => {
  house = await House.open()
  roof = await house.bridge('roof')
  member = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(await house.command('user', 'add', 'ana', '--plan', 'wanderer'))?.[0] ?? ''
  await roof.says({ version: '0.2.0', uptime_s: 7200, radio: READY })
})

test.afterAll(async () => {
  roof.connection.leave()
  await house.close()
})

const user = (long_name: string, key: string) => ({ kind: 'user', long_name, short_name: long_name.slice(0, 4), public_key: key, licensed: false, unmessagable: false })
const newKey = () => randomBytes(32).toString('base64')
/** Has the bridge hear who a node says it is. */
const introduces = async (id: string, name: string, key: string) => {
  await roof.delivers('node', { node_id: id, report: user(name, key) }, { packet: { from: id, to: '!ffffffff', id: randomBytes(3).readUIntBE(0, 3), port: 4, snr_db: 5, rssi_dbm: -80, hops_away: 0, transport: 'lora' } })
}

async function open(page: Page, path: string): Promise<void> {
  await choose(page, { caller: member })
  await page.goto(house.url + path)
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Your text' }).fill(text)
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(page.getByTestId('sent').filter({ hasText: text })).toHaveCount(1)
}

/** How many texts the member may still send. */
const left = (page: Page) => page.request.get(`${house.url}/api/v1/messages/quota`, { headers: { 'X-User-ID': member } }).then(async (answer) => ((await answer.json()) as { left: number }).left)

test('a text is taken back while no radio can have it, and its quota comes back', async ({ page }) => {
  await open(page, `/messages/${NILS}`)
  const before = await left(page)
  await write(page, 'not sent after all')
  await expect.poll(() => left(page)).toBe(before - 1)
  const sent = page.getByTestId('sent').filter({ hasText: 'not sent after all' })
  await sent.getByTestId('tick').click()
  const story = page.getByRole('dialog')
  await expect(story).toContainText('One text of your quota is held')
  await story.getByTestId('take-back').click()
  await expect(story).toContainText('you took it back in time')
  await expect(story).toContainText('Your quota has it back')
  await expect(story.getByTestId('take-back')).toHaveCount(0)
  await expectAccessible(page)
  await page.keyboard.press('Escape')
  await expect(sent.getByTestId('tick')).toHaveText('Not sent')
  expect(await left(page)).toBe(before)
})

test('a changed key holds texts back until their writer confirms it', async ({ page }, info) => {
  const node = info.project.name === 'phone' ? MARIE : '!5a5a0003'
  const [known, other] = [newKey(), newKey()]
  await introduces(node, 'Marie', known)
  await expect.poll(async () => (await house.read<{ long_name?: string }>(`/api/v1/nodes/${node}`).catch(() => ({ long_name: '' }))).long_name).toBe('Marie')
  await open(page, `/messages/${node}`)
  await write(page, 'hello Marie')
  await expect(page.getByTestId('key-notice')).toHaveCount(0)
  await introduces(node, 'Marie', other)
  await expect.poll(async () => (await house.read<{ identities: unknown[] }>(`/api/v1/nodes/${node}`)).identities.length).toBeGreaterThan(1)
  await write(page, 'is it still you?')
  const notice = page.getByTestId('key-notice')
  await expect(notice).toContainText('this node shows another key than when you wrote to it before')
  await expect(notice.getByTestId('key')).toHaveText(other)
  await expect(notice).toContainText(known)
  const held = page.getByTestId('sent').filter({ hasText: 'is it still you?' })
  await expect(held).toContainText('Confirm it if you know why')
  await expectAccessible(page)
  await notice.getByRole('button', { name: 'It is theirs: send what waits' }).click()
  await expect(notice).toHaveCount(0)
  await expect(held).not.toContainText('Confirm it if you know why')
})

test('what is said on a public channel is there for everybody, and comes by itself', async ({ page }) => {
  await house.command('channel', 'add', 'LongFast', '--key', 'AQ==', '--public').catch(() => '')
  await introduces(MARIE, 'Marie', newKey())
  const says = (text: string, id: number, more: object = {}) =>
    roof.delivers('inbound', { text, reaction: false, channel: LONG_FAST, ...more }, { packet: { from: MARIE, to: '!ffffffff', id, port: 1, snr_db: 5, rssi_dbm: -90, hops_away: 0, transport: 'lora' } })
  const id = randomBytes(3).readUIntBE(0, 3)
  await says(`Is the bridge at Zell open? ${String(id)}`, id)
  // Nobody has to be anybody to read it.
  await choose(page, {})
  await page.goto(`${house.url}/messages`)
  await page.getByTestId('channels').getByRole('link', { name: 'LongFast' }).click()
  await expect(page).toHaveURL(/\/messages\/channels\/[0-9a-f-]{36}$/)
  await expect(page.getByRole('heading', { level: 1, name: 'LongFast' })).toBeVisible()
  const said = page.getByTestId('said').filter({ hasText: String(id) })
  await expect(said).toContainText('Is the bridge at Zell open?')
  await says('👍', id + 1, { reaction: true, reply_to: id })
  await expect(said.getByTestId('reactions')).toHaveText('👍')
  await says(`<img src=x onerror=document.title=1> ${String(id + 2)}`, id + 2, { reply_to: id })
  const hostile = page.getByTestId('said').filter({ hasText: String(id + 2) })
  await expect(hostile).toContainText('<img src=x')
  await expect(hostile).toContainText('Is the bridge at Zell open?')
  await expect(page.getByRole('textbox')).toHaveCount(0)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await expectAccessible(page)
  }
})
