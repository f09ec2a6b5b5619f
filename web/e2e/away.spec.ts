// What the app does without its server, and in many windows.
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

test('what was written and not sent is told of while the server does not say who one is', async ({ page, context, watched }, { project }) => {
  const text = `kept, ${project.name}`
  watched.tolerate.push('ERR_CONNECTION_REFUSED', 'ERR_FAILED')
  await choose(page, { caller: MEMBERS.ben })
  await page.goto(`/messages/${LENA}`)
  await expect(page.getByRole('textbox', { name: 'Your text' })).toBeVisible()
  await context.route(/\/(api|status\.json|healthz)/, (route) => route.abort('connectionrefused'))
  await page.getByRole('textbox', { name: 'Your text' }).fill(text)
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(page.getByTestId('unsent')).toContainText('Not sent yet')
  await page.reload()
  await expect(page.getByText('1 text of yours waits in this browser')).toBeVisible()
  await context.unroute(/\/(api|status\.json|healthz)/)
  await expect(page.getByTestId('sent').filter({ hasText: text })).toHaveCount(1)
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
