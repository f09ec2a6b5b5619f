// Every page with the machine's network off: the server and the browser run in a network namespace of their own, which has no
// interface but the loopback. What asks for anything elsewhere fails there, and the page with it.
import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from '@playwright/test'
import { type Running, startDemo } from './support/server'
import { choose, expect, LENA, MEMBERS, ROUTES, settled, test } from './support/test'

/** A new namespace's loopback is down until somebody brings it up. */
const WITHIN = ['unshare', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']

/** What keeps this machine from having such a namespace, if anything does. */
function whyNot(): string | undefined {
  const [command = '', ...words] = WITHIN
  try {
    execFileSync(command, [...words, 'true'], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `NOT TESTED: this machine lets nobody have a network namespace (${String(error).split('\n').slice(0, 2).join(' ')})`
  }
}

test.describe.configure({ mode: 'serial' })

let demo: Running | undefined
let browser: Browser
let folder = ''

// What a phone asks for is the same.
test.skip(({ isMobile }) => isMobile)

test.beforeAll(async () => {
  const reason = whyNot()
  if (reason !== undefined) console.error(reason)
  test.skip(reason !== undefined, reason)
  demo = await startDemo({ within: WITHIN })
  folder = await mkdtemp(join(tmpdir(), 'kosmo-offline-'))
  const inside = join(folder, 'chromium')
  const { executablePath = '', args = [] } = test.info().project.use.launchOptions ?? {}
  await writeFile(inside, `#!/bin/sh\nexec nsenter --target ${String(demo.pid)} --user --net --preserve-credentials ${executablePath} "$@"\n`)
  await chmod(inside, 0o755)
  browser = await chromium.launch({ executablePath: inside, args: [...args] })
})

test.afterAll(async () => {
  if (demo === undefined) return
  await browser.close()
  await demo.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the namespace has no way out, and nobody outside reaches the server in it', async () => {
  const interfaces = (await readFile(`/proc/${String(demo?.pid)}/net/dev`, 'utf8')).split('\n').slice(2).map((line) => line.split(':')[0]?.trim()).filter((name) => name !== '')
  expect(interfaces).toEqual(['lo'])
  await expect(fetch(demo?.url ?? '')).rejects.toThrow()
})

/** A window in there, and what went wrong in it: requests that failed or were refused, scripts that did. */
async function window(viewport: { width: number; height: number } | null): Promise<{ page: Page; wrong: string[] }> {
  const context = await browser.newContext({ baseURL: demo?.url ?? '', locale: 'en-GB', viewport })
  const page = await context.newPage()
  const wrong: string[] = []
  page.on('requestfailed', (request) => { wrong.push(`${request.url()} failed: ${request.failure()?.errorText ?? ''}`) })
  page.on('response', (response) => { if (response.status() >= 400) wrong.push(`${response.url()} is answered by ${String(response.status())}`) })
  page.on('pageerror', (error) => { wrong.push(String(error)) })
  page.on('console', (message) => { if (message.type() === 'error') wrong.push(message.text()) })
  await choose(page, { caller: MEMBERS.ana })
  return { page, wrong }
}

/** What each page has when all of it is there. */
const WHOLE: Partial<Record<(typeof ROUTES)[number], string>> = {
  '/': '[data-testid=map][data-ready=true]',
  '/nodes': '[data-node]',
  '/stations/!072a2786': '.uplot svg',
  [`/messages/${LENA}`]: 'textarea',
  '/network': '[data-testid=bridges]',
  '/network/packets': '[data-packet]',
  '/network/topology': '[data-place]',
}

for (const route of ROUTES) {
  test(`${route} is all there with the network off`, async ({ viewport }) => {
    const { page, wrong } = await window(viewport)
    await page.goto(route)
    await settled(page)
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1)
    await expect(page.locator(WHOLE[route] ?? 'main').first()).toBeVisible()
    await expect(page.getByText('The server cannot be reached')).toHaveCount(0)
    expect(await page.evaluate(() => document.fonts.check('16px "Inter Variable"')), 'the font is from here').toBe(true)
    expect(wrong).toEqual([])
    await page.context().close()
  })
}

// It ended in an error of the page once, and nobody has looked at which.
test('a text is written, sent and answered with the network off', async ({ viewport }) => {
  const { page, wrong } = await window(viewport)
  await page.goto(`/messages/${LENA}`)
  await page.getByRole('textbox', { name: 'Your text' }).fill('Only the mesh is left')
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(page.getByTestId('sent').last().getByTestId('tick')).toHaveText('Answered')
  expect(wrong).toEqual([])
  await page.context().close()
})
