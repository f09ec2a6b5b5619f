import { randomUUID } from 'node:crypto'
import type { BrowserContext, Page } from '@playwright/test'
import { isRecording } from './support/recorded'
import { startDemo } from './support/server'
import { choose, expect, expectAccessible, expectLooks, LENA, MEMBERS, replayed, test } from './support/test'

/** Messages, between members of the demo and the people of its mesh. Each test has a member or a node of its own. */

const PATIENT = { timeout: 45_000 }

const write = async (page: Page, text: string) => {
  await page.getByRole('textbox', { name: 'Your text' }).fill(text)
  await page.getByRole('button', { name: 'Send', exact: true }).click()
}
const open = async (page: Page, member: keyof typeof MEMBERS, node = LENA) => {
  await choose(page, { caller: MEMBERS[member] })
  await page.goto(`/messages/${node}`)
  await expect(page.getByRole('textbox', { name: 'Your text' })).toBeVisible()
}
/** A node of this test alone: nobody has ever heard of it. */
const nobody = () => `!${randomUUID().slice(0, 8)}`
/** What the server has of a conversation. */
const said = async (page: Page, member: keyof typeof MEMBERS, node: string) => {
  const answer = await page.request.get(`/api/v1/messages/conversations/${node}`, { headers: { 'X-User-ID': MEMBERS[member] } })
  return ((await answer.json()) as { data: { text: string }[] }).data.map(({ text }) => text)
}

test('a text is followed from sending by its ticks to the answer', async ({ page }) => {
  await open(page, 'cleo')
  const text = `Are you well? ${randomUUID().slice(0, 6)}`
  // What the eye sees, frame by frame: each word that ever stood beside the text, in order.
  await page.evaluate((text) => {
    const seen: string[] = []
    Object.assign(window, { seen })
    const look = () => {
      const item = [...document.querySelectorAll('[data-testid=sent], [data-testid=unsent]')].find((element) => element.textContent.includes(text))
      const tick = item?.querySelector('[data-testid=tick]')
      const word = item === undefined ? undefined : tick == null ? 'not sent yet' : tick.textContent === 'Answered' ? 'answered' : tick.getAttribute('data-status') ?? ''
      if (word !== undefined && seen.at(-1) !== word) seen.push(word)
      requestAnimationFrame(look)
    }
    look()
  }, text)
  await write(page, text)
  const sent = page.getByTestId('sent').filter({ hasText: text })
  await expect(sent).toBeVisible()
  const tick = sent.getByTestId('tick')
  await expect(tick).toHaveAttribute('data-status', 'delivered', PATIENT)
  await expect(page.getByTestId('received').last()).toBeVisible(PATIENT)
  await expect(tick).toHaveText('Answered', PATIENT)
  const words = () => page.evaluate(() => (window as unknown as { seen: string[] }).seen)
  await expect.poll(async () => (await words()).at(-1)).toBe('answered')
  const seen = await words()
  const order = ['not sent yet', 'pending', 'queued', 'transmitted', 'delivered', 'answered']
  expect(seen, 'no word is taken back').toEqual(order.filter((word) => seen.includes(word)))
  // A slow machine misses some of them.
  expect(seen.length, seen.join(', ')).toBeGreaterThanOrEqual(2)
  await tick.click()
  const story = page.getByRole('dialog')
  await expect(story).toContainText('As the mesh sees it')
  await expect(story).toContainText(`cleo: ${text}`)
  for (const words of ['Stored here', 'Offered to the bridges', 'Given to one bridge', 'Arrived', 'Answered']) await expect(story.getByRole('listitem').filter({ hasText: words }).first()).toBeVisible()
  await expectAccessible(page)
})

test('a draft survives a reload, for its member and its conversation alone', async ({ page }) => {
  const [here, there] = [nobody(), nobody()]
  await open(page, 'cleo', here)
  await page.getByRole('textbox').fill('not finished ye')
  await page.reload()
  await expect(page.getByRole('textbox', { name: 'Your text' })).toHaveValue('not finished ye')
  await page.goto(`/messages/${there}`)
  await expect(page.getByRole('textbox', { name: 'Your text' })).toHaveValue('')
})

test('bytes are counted with the handle, and what is too long cannot be sent', async ({ page }) => {
  await open(page, 'cleo', nobody())
  await expect(page.getByTestId('bytes')).toHaveText('194 bytes left')
  await page.getByRole('textbox').fill('ü'.repeat(97))
  await expect(page.getByTestId('bytes')).toHaveText('0 bytes left')
  await page.getByRole('textbox').fill(`${'ü'.repeat(97)}👋`)
  await expect(page.getByTestId('bytes')).toHaveText('4 bytes too long')
  await expect(page.getByRole('button', { name: 'Send', exact: true })).toBeDisabled()
})

/** Cuts a browser off from the server, as a tunnel does. */
async function cutOff(context: BrowserContext): Promise<void> {
  await context.route('**/api/**', (route) => route.abort('connectionrefused'))
}

test('a text written without a connection is kept over reloads and two windows, and sent once', async ({ page, context, watched }) => {
  watched.tolerate.push('ERR_CONNECTION_REFUSED', 'ERR_FAILED')
  const node = nobody()
  const text = `The bridge is out ${randomUUID().slice(0, 6)}`
  await open(page, 'cleo', node)
  await cutOff(context)
  await write(page, text)
  await expect(page.getByTestId('unsent')).toContainText('Not sent yet: no connection')
  await expect(page.getByTestId('sent')).toHaveCount(0)
  const other = await context.newPage()
  await choose(other, { caller: MEMBERS.cleo })
  // Who the caller is is asked of the server, so the windows come back with it.
  const posts: string[] = []
  context.on('request', (request) => { if (request.method() === 'POST' && request.url().endsWith('/api/v1/messages')) posts.push(request.headers()['idempotency-key'] ?? '') })
  await context.unroute('**/api/**')
  await Promise.all([page.reload(), other.goto(`/messages/${node}`)])
  for (const window of [page, other]) {
    await expect(window.getByTestId('sent').filter({ hasText: text })).toHaveCount(1, PATIENT)
    await expect(window.getByTestId('unsent')).toHaveCount(0)
  }
  expect(await said(page, 'cleo', node)).toEqual([text])
  expect(new Set(posts).size).toBe(1)
})

test('an answer that was lost makes no second text', async ({ page, context, watched }) => {
  watched.tolerate.push('ERR_FAILED', 'ERR_CONNECTION')
  const node = nobody()
  const text = `Twice or once ${randomUUID().slice(0, 6)}`
  await open(page, 'cleo', node)
  // The server takes it, and the answer never comes.
  await context.route('**/api/v1/messages', async (route) => { await route.fetch(); await route.abort('failed') })
  await write(page, text)
  await expect.poll(() => said(page, 'cleo', node)).toEqual([text])
  await context.unroute('**/api/v1/messages')
  await page.reload()
  await expect(page.getByTestId('sent').filter({ hasText: text })).toHaveCount(1, PATIENT)
  await expect(page.getByTestId('unsent')).toHaveCount(0, PATIENT)
  expect(await said(page, 'cleo', node)).toEqual([text])
})

test('the quota is shown, and who sends nothing is told so', async ({ page }) => {
  await choose(page, { caller: MEMBERS.ana })
  await page.goto('/messages')
  await expect(page.getByTestId('quota').first()).toContainText(/\d+ of 50/)
  await expect(page.getByTestId('quota').first()).toContainText('again on')
  await page.evaluate((id) => { localStorage.setItem('kosmo.preferences', JSON.stringify({ caller: id, language: 'en' })) }, MEMBERS.dora)
  await page.goto(`/messages/${LENA}`)
  await expect(page.getByText('Your plan receives texts, and sends none.')).toBeVisible()
})

test('a guardian chooses among the nodes on the list', async ({ page }) => {
  await choose(page, { caller: MEMBERS.ben })
  await page.goto('/messages')
  await page.getByRole('button', { name: 'Write to somebody' }).first().click()
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByRole('listitem')).toHaveCount(1)
  await expect(dialog).toContainText('Lena')
  await expectAccessible(page)
  await dialog.getByRole('listitem').getByRole('button').click()
  await expect(page).toHaveURL(new RegExp(LENA))
})

test('texts are only ever texts', async ({ page }) => {
  const node = nobody()
  const hostile = ['<img src=x onerror="document.title=1">', 'https://example.org/x', '\u202egnp.exe', '[a](javascript:1)', 'a\u0301\u0301\u0301\u0301\u0301', '# Title']
  await open(page, 'cleo', node)
  for (const text of hostile) {
    await write(page, text)
    await expect(page.getByTestId('sent').filter({ hasText: text })).toHaveCount(1)
  }
  await expect(page.getByTestId('sent').locator('img, a, h1')).toHaveCount(0)
  await expect(page).not.toHaveTitle('1')
})

test('times in which nobody listened are shown in the conversation', async ({ browser }, info) => {
  test.skip(info.project.name !== 'desktop', 'one power cut is enough')
  const [node, headers] = [nobody(), { 'X-User-ID': MEMBERS.cleo, 'content-type': 'application/json' }]
  const before = await startDemo()
  const sent = await fetch(`${before.url}/api/v1/messages`, { method: 'POST', headers, body: JSON.stringify({ target_node_id: node, text: 'before the storm' }) })
  expect(sent.status).toBe(202)
  const states = async () => ((await (await fetch(`${before.url}/api/v1/network/bridges`)).json()) as { data: { state: string }[] }).data.map(({ state }) => state)
  await expect.poll(states, { message: 'both bridges listen' }).toEqual(['online', 'online'])
  // The machine loses its power, its bridges with it, for longer than it takes to plug a radio in again.
  process.kill(before.pid, 'SIGKILL')
  const lost = Date.now()
  await expect.poll(() => Date.now() - lost, { timeout: 60_000 }).toBeGreaterThan(35_000)
  const after = await startDemo({ folder: before.folder })
  const context = await browser.newContext({ baseURL: after.url })
  try {
    const page = await context.newPage()
    await open(page, 'cleo', node)
    await expect(page.getByTestId('sent').filter({ hasText: 'before the storm' })).toBeVisible()
    await expect(page.getByTestId('gap').first()).toContainText(/Texts may be missing from \d\d:\d\d to \d\d:\d\d: no bridge was listening/)
    const { silent } = (await (await fetch(`${after.url}/api/v1/gaps`)).json()) as { silent: { from: string; until: string }[] }
    expect(silent.length).toBeGreaterThan(0)
    await write(page, 'after the storm')
    const lines = page.locator('[data-testid=sent], [data-testid=gap], [data-testid=unsent]')
    await expect(lines.last(), 'it stands where it belongs in time').toContainText('after the storm')
    await expect(lines.first()).toContainText('before the storm')
  } finally {
    await context.close()
    await after.stop()
  }
})

test('the page is easy to reach in both themes, with and without a conversation', async ({ page }) => {
  for (const theme of ['light', 'dark'] as const) {
    await page.addInitScript((value) => { localStorage.setItem('kosmo.preferences', value) }, JSON.stringify({ theme, language: 'en', caller: MEMBERS.cleo }))
    for (const path of ['/messages', `/messages/${LENA}`]) {
      await page.goto(path)
      await expect(page.locator('.shimmer')).toHaveCount(0)
      await expectAccessible(page)
    }
  }
})

/** What the pictures show: texts that were answered, one on its way, and one to somebody whose radio is off. */
async function converse(page: Page, member: string): Promise<void> {
  const headers = { 'X-User-ID': member }
  const send = (target_node_id: string, text: string) => page.request.post('/api/v1/messages', { headers, data: { target_node_id, text } })
  const all = async () => ((await (await page.request.get(`/api/v1/messages/conversations/${LENA}`, { headers })).json()) as { data: { answered_at?: string | null; direction: string }[] }).data
  const marie = ((await (await page.request.get('/api/v1/messages/recipients?q=Marie', { headers })).json()) as { data: { node_id: string }[] }).data[0]
  await send(marie?.node_id ?? '', 'Is the road to Wittlich open again?')
  for (const [index, text] of ['The bridge at Zell is under water. Are you well up there?', 'We have room for six. Bring blankets.'].entries()) {
    await send(LENA, text)
    await expect.poll(async () => (await all()).filter(({ direction, answered_at }) => direction === 'out' && answered_at != null).length, PATIENT).toBeGreaterThan(index)
  }
  await send(LENA, 'Tell me when you are on your way.')
}

test('it looks as it should', async ({ page, isMobile }) => {
  // Of a member of its own, for both pictures may be recorded at once.
  const member = isMobile ? MEMBERS.ana : MEMBERS.cleo
  await choose(page, { caller: member })
  if (isRecording) await converse(page, member)
  await replayed(page, 'messages')
  // Without a focus nothing is noted as read: what is asked for is the same each time.
  await page.addInitScript(() => { Object.defineProperty(document, 'hasFocus', { value: () => false }) })
  await page.goto('/messages')
  await expectLooks(page, 'messages')
  await page.goto(`/messages/${LENA}`)
  await expect(page.getByTestId('received').first()).toBeVisible()
  await expectLooks(page, 'conversation')
})

test('the server goes away and comes back, and what was written meanwhile is sent once', async ({ browser }, info) => {
  test.skip(info.project.name !== 'desktop', 'one kill is enough')
  test.setTimeout(240_000)
  const demo = await startDemo()
  const context = await browser.newContext({ baseURL: demo.url })
  try {
    const page = await context.newPage()
    await page.addInitScript((value) => { localStorage.setItem('kosmo.preferences', value) }, JSON.stringify({ language: 'en', caller: MEMBERS.cleo }))
    const node = nobody()
    await page.goto(`/messages/${node}`)
    await expect(page.getByRole('textbox', { name: 'Your text' })).toBeVisible()
    process.kill(demo.pid, 'SIGSTOP')
    await page.context().setOffline(true)
    await write(page, 'while it is away')
    await expect(page.getByTestId('unsent')).toContainText('Not sent yet')
    process.kill(demo.pid, 'SIGCONT')
    await page.context().setOffline(false)
    await expect(page.getByTestId('sent').filter({ hasText: 'while it is away' })).toHaveCount(1, PATIENT)
    const texts = await (await fetch(`${demo.url}/api/v1/messages/conversations/${node}`, { headers: { 'X-User-ID': MEMBERS.cleo } })).json() as { data: unknown[] }
    expect(texts.data).toHaveLength(1)
  } finally {
    await context.close()
    await demo.stop()
  }
})
