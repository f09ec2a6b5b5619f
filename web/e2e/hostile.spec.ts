import { expect, type Page, test } from '@playwright/test'
import { type Bridge, House, until } from './support/house'
import { MARK, nodeId, NODES, RADIO, STATIONS, tell, TEXTS } from './support/hostile'

/** Every page, with a mesh of which nothing can be relied on: 1,000 nodes, 20 of which measure, and people who write like that. */
test.describe.configure({ mode: 'default' })

let house: House
let bridge: Bridge
let member = ''

test.beforeAll(async () => {
  test.setTimeout(180_000)
  house = await House.open('[gateway]\nhandle_in_text = true\nburst = 100\n')
  bridge = await house.bridge('hostile')
  await tell(bridge)
  member = (await house.command('user', 'add', 'ana', '--plan', 'sanctuary')).match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/)?.[0] ?? ''
  for (let index = 0; index < TEXTS.length; index += 1) {
    const text = Array.from(TEXTS[index] ?? '').slice(0, 40).join('')
    const response = await fetch(`${house.url}/api/v1/messages`, {
      method: 'POST', headers: { 'content-type': 'application/json', 'x-user-id': member }, body: JSON.stringify({ node_id: nodeId(index), text }),
    })
    // What a member may not write is refused in words, and shown nowhere.
    expect([202, 400]).toContain(response.status)
    if (response.status === 400) await house.read('/healthz').catch(() => null)
    const packet = { from: nodeId(index), to: RADIO, id: 70_000 + index, port: 1, snr_db: 5, rssi_dbm: -90, hops_away: 0, transport: 'lora' }
    await bridge.delivers('inbound', { text: TEXTS[index], reaction: false }, { packet })
    await bridge.delivers('inbound', { text: '❤️'.repeat(3), reaction: true, reply_to: 5 }, { packet: { ...packet, id: 80_000 + index } })
  }
  await until('the whole mesh is known', async () => {
    let [count, cursor] = [0, '']
    do {
      const page: { data: unknown[]; next: string | null } = await house.read(`/api/v1/nodes?limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`)
      count += page.data.length
      cursor = page.next ?? ''
    } while (cursor !== '')
    return count >= NODES
  })
})

test.afterAll(async () => {
  bridge.connection.leave()
  await house.close()
})

/** The pages, by what they show. */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  'map and lists': ['/', '/nodes', '/network', '/network?span=week&bridge=hostile', '/network?bridge=nobody', '/network/packets', '/network/topology'],
  nodes: [0, 1, 10, 12, 14, 16, 18, 19, 999].map((index) => `/nodes/${nodeId(index)}`),
  stations: [0, 2, 3, 4, 5, 7].map((index) => `/stations/${nodeId(index)}`),
  messages: ['/messages', ...TEXTS.map((_, index) => `/messages/${nodeId(index)}`)],
  'links that somebody else made': [
    `/nodes?q=${encodeURIComponent(`<img src=x onerror=${MARK}=1>`)}`,
    `/network?span=${encodeURIComponent('"><script>')}&code=${encodeURIComponent('<b>')}&bridge=..%2F..`,
    `/nodes/${encodeURIComponent('<script>')}`, `/stations/${encodeURIComponent('!zzzzzzzz')}`, '/nowhere/%E2%80%AE', `/?q=${encodeURIComponent('\u202e')}&at=1e999,NaN,9`,
  ],
}

/** What the browser complained of, apart from refusals that a made-up link asks for. */
function complaints(page: Page): string[] {
  const found: string[] = []
  page.on('pageerror', (error) => { found.push(`${page.url()}: ${String(error)}`) })
  page.on('dialog', (dialog) => { found.push(`${page.url()}: a dialog`); void dialog.dismiss() })
  page.on('console', (message) => {
    const isRefusal = /status of 4\d\d/.test(message.text())
    if (message.type() === 'error' && !isRefusal) found.push(`${page.url()}: ${message.text()}`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (['http:', 'https:'].includes(url.protocol) && url.origin !== house.url) found.push(`${page.url()}: leaves for ${request.url()}`)
    if (url.pathname.endsWith('/x')) found.push(`${page.url()}: loads what a name says`)
  })
  return found
}

/** Looks the page over in the browser, and returns what is wrong with it. */
function wrongWith(mark: string): string[] {
  const wrong: string[] = []
  const tag = (element: Element) => element.getAttributeNames().reduce((text, name) => `${text} ${name}="${element.getAttribute(name) ?? ''}"`, `<${element.localName}`).slice(0, 160)
  if (mark in window) wrong.push('a script came in by a name')
  for (const element of document.querySelectorAll('body *')) {
    if (element.getAttributeNames().some((name) => name.startsWith('on'))) wrong.push(`${tag(element)} has a handler of its own`)
    if (element.matches('a[href^="javascript:" i], img[src="x"], iframe, object, embed, style, body script:not([src])')) wrong.push(`${tag(element)} came in by a text`)
  }
  const page = document.documentElement
  if (page.scrollWidth > page.clientWidth + 1) wrong.push(`the page is ${String(page.scrollWidth)} wide in a window of ${String(page.clientWidth)}`)
  const main = document.querySelector('main')
  if (main !== null && main.scrollWidth > main.clientWidth + 1) wrong.push(`what is in <main> is ${String(main.scrollWidth)} wide in ${String(main.clientWidth)}`)
  // Foreign text that runs from right to left has its own direction, so that it turns nothing around it.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
    const said = text.nodeValue ?? ''
    const parent = text.parentElement
    if (parent === null || !/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/.test(said)) continue
    let isolated = false
    for (let around: Element | null = parent; around !== null && around !== document.body; around = around.parentElement) {
      const { unicodeBidi, display } = getComputedStyle(around)
      if (['isolate', 'isolate-override', 'plaintext'].includes(unicodeBidi)) { isolated = true; break }
      if (around.matches('option, textarea, input, title')) { isolated = true; break }
      // A block of its own holds nothing that could be turned, if nothing else stands in it.
      if (display !== 'inline') { isolated = around.textContent === said; break }
    }
    if (!isolated) wrong.push(`“${said.slice(0, 40)}” in ${tag(parent)} can turn what stands beside it`)
    if (/[\u202a-\u202e\u2066-\u2069]/.test(said)) wrong.push(`“${said.slice(0, 40)}” still turns the direction`)
  }
  // Whatever can be pressed and is in sight can be pressed: nothing lies over it.
  for (const control of document.querySelectorAll<HTMLElement>('header a, header button, nav a, main h1, main button, main input, main select')) {
    const box = control.getBoundingClientRect()
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
    if (box.width === 0 || box.height === 0 || x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue
    if (getComputedStyle(control).visibility === 'hidden' || control.closest('[inert], dialog:not([open])') !== null || document.querySelector('dialog[open]') !== null) continue
    const top = document.elementFromPoint(x, y)
    // What has been scrolled under a bar is out of sight.
    const isUnderBar = top?.closest('header, nav, [class*="sticky"], thead, canvas') !== null && control.closest('main') !== null
    if (top !== null && !control.contains(top) && !top.contains(control) && !isUnderBar) {
      wrong.push(`${tag(top)} lies over ${tag(control)}`)
    }
  }
  return wrong
}

for (const [what, paths] of Object.entries(PATHS)) {
  test(`nothing is anything but itself with hostile data: ${what}`, async ({ page }, info) => {
    test.setTimeout(240_000)
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.addInitScript((caller) => { localStorage.setItem('kosmo.preferences', JSON.stringify({ caller })) }, member)
    const found = complaints(page)
    for (const path of paths) {
      await test.step(path, async () => {
        await page.goto(house.url + path, { waitUntil: 'load' })
        await expect(page.locator('main')).toBeVisible()
        await expect(page.locator('main .shimmer')).toHaveCount(0, { timeout: 15_000 }).catch(() => found.push(`${path}: something still loads`))
        found.push(...(await page.evaluate(wrongWith, MARK)).map((wrong) => `${path}: ${wrong}`))
        await page.screenshot({ path: info.outputPath(`page${path.replaceAll(/[^a-z0-9]+/gi, '-')}.png`) })
      })
    }
    expect(found.join('\n')).toBe('')
  })
}

test('all of the mesh that can be known is shown, and the rest is refused in words', async ({ page }) => {
  await page.goto(`${house.url}/network`)
  for (const code of ['not_json', 'out_of_range', 'clock_not_set', 'unprintable', 'no_fix']) await expect(page.locator(`[data-cause=${code}]`).first()).toBeVisible()
  const latest = await house.read<{ data: readonly { node_id: string; temperature_c?: number }[] }>('/api/v1/weather/latest?limit=500')
  expect(latest.data.length).toBeLessThanOrEqual(STATIONS)
  for (const { temperature_c } of latest.data) if (temperature_c !== undefined) expect(Math.abs(temperature_c)).toBeLessThanOrEqual(85)
})
