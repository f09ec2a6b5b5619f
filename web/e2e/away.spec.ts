// What the app does without the world, and without its server.
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from '@playwright/test'
import { PROGRAM } from './support/server'
import { choose, expect, LENA, MEMBERS, ROUTES, settled, test } from './support/test'

for (const route of ROUTES) {
  test(`${route} says what is wrong when it is opened while the server does not answer, and comes when it does`, async ({ page, context, watched }) => {
    watched.tolerate.push('ERR_CONNECTION_REFUSED', 'ERR_FAILED')
    await choose(page, { caller: MEMBERS.ana })
    await context.route(/\/(api|status\.json|healthz)/, (route) => route.abort('connectionrefused'))
    await page.goto(route)
    await expect(page.locator('main').getByText('The server cannot be reached').first()).toBeVisible()
    await expect(page.locator('.shimmer'), 'nothing is waited for that does not come').toHaveCount(0)
    await context.unroute(/\/(api|status\.json|healthz)/)
    await expect(page.getByText('The server cannot be reached')).toHaveCount(0)
    await settled(page)
  })
}

test('what was written and not sent is told of while the server does not say who one is', async ({ page, context, watched }) => {
  watched.tolerate.push('ERR_CONNECTION_REFUSED', 'ERR_FAILED')
  await choose(page, { caller: MEMBERS.ben })
  await page.goto(`/messages/${LENA}`)
  await expect(page.getByRole('textbox', { name: 'Your text' })).toBeVisible()
  await context.route(/\/(api|status\.json|healthz)/, (route) => route.abort('connectionrefused'))
  await page.getByRole('textbox', { name: 'Your text' }).fill('kept')
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(page.getByTestId('unsent')).toContainText('Not sent yet')
  await page.reload()
  await expect(page.getByText('1 text of yours waits in this browser')).toBeVisible()
  await context.unroute(/\/(api|status\.json|healthz)/)
  await expect(page.getByTestId('sent').filter({ hasText: 'kept' })).toHaveCount(1)
})

test('ten windows of one browser all show their page, and some of them live', async ({ context, isMobile }) => {
  test.skip(isMobile, 'a phone has one')
  const pages = await Promise.all(Array.from({ length: 10 }, () => context.newPage()))
  for (const page of pages) await page.goto('/network')
  for (const page of pages) await expect(page.getByTestId('bridges')).toBeVisible()
  const notLive = await Promise.all(pages.map(async (page) => page.getByText('Not live at the moment').waitFor({ timeout: 15_000 }).then(() => 1, () => 0)))
  expect(notLive.reduce<number>((sum, one) => sum + one, 0)).toBe(6)
  await pages[0]?.close()
  await expect.poll(async () => (await Promise.all(pages.slice(1).map((page) => page.getByText('Not live at the moment').count()))).reduce((sum, one) => sum + one, 0)).toBe(5)
})

test('every page works on a machine without a network', async ({ isMobile }) => {
  test.skip(isMobile, 'one machine is enough')
  test.setTimeout(420_000)
  test.skip(spawnSync('unshare', ['-rn', 'true']).status !== 0, 'this machine lets nobody be without a network')
  const folder = await mkdtemp(join(tmpdir(), 'kosmo-alone-'))
  const [browser, inside, ready] = [join(folder, 'browser'), join(folder, 'inside'), join(folder, 'ready.json')]
  // Program and browser together in a network of their own, which has nothing but itself.
  const demo = `"${PROGRAM}" demo --port-base 0 --mqtt-port 0 --radio-port 0 --data "${folder}/data" --ready-file "${ready}" --log error`
  await writeFile(inside, `ip link set lo up\n${demo} >/dev/null 2>&1 3<&- 4>&- &\ntrap "kill $!" EXIT\n"${process.env['CHROMIUM'] ?? '/usr/bin/chromium'}" "$@"\n`)
  await writeFile(browser, `#!/bin/sh\nexec unshare -rn sh "${inside}" "$@"\n`)
  await chmod(browser, 0o755)
  const alone = await chromium.launch({ executablePath: browser, args: ['--no-sandbox', '--disable-quic', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'] })
  try {
    let base = ''
    await expect.poll(async () => { base = (JSON.parse(await readFile(ready, 'utf8').catch(() => '{}')) as { web?: string }).web ?? ''; return base }, { timeout: 180_000 }).not.toBe('')
    const page = await alone.newPage()
    const complaints: string[] = []
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()) })
    page.on('requestfailed', (request) => { if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${request.failure()?.errorText ?? ''}`) })
    await choose(page, { caller: MEMBERS.ana })
    await page.goto(base)
    expect(await page.evaluate(() => fetch('http://192.0.2.1/').then(() => true, () => false))).toBe(false)
    complaints.length = 0
    for (const route of ROUTES) {
      await page.goto(base + route)
      await settled(page)
      await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1)
    }
    await page.goto(base)
    await expect(page.getByTestId('map')).toHaveAttribute('data-idle', 'true')
    expect(complaints).toEqual([])
  } finally {
    await alone.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
})
