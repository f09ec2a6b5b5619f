// What the app does when the server does not hand out a part of it: while it is busy or starts anew, and when it has another version.
import { choose, expect, type Page, settled, test } from './support/test'

const PART = /\/assets\/[\w-]+\.(js|css)/
const SAYS = 'This page did not come from the server'

/** Opens a page, from which others are parts that are not there yet. */
async function open(page: Page): Promise<void> {
  await choose(page, {})
  await page.goto('/nodes')
  await settled(page)
}

const toNetwork = (page: Page) => page.getByRole('link', { name: 'Network' }).first().click()

test.beforeEach(({ watched }) => { watched.tolerate.push('503', '404', 'Failed to fetch dynamically imported module', 'preload') })

test('a part that the server is too busy to hand out is asked for again, and comes', async ({ page }) => {
  const asked = new Map<string, number>()
  await open(page)
  await page.route(/\/assets\/page-[\w-]+\.js/, async (route) => {
    const { pathname } = new URL(route.request().url())
    const before = asked.get(pathname) ?? 0
    asked.set(pathname, before + 1)
    await (before < 2 ? route.fulfill({ status: 503 }) : route.continue())
  })
  await toNetwork(page)
  await expect(page.getByTestId('bridges')).toBeVisible()
  await expect(page.getByText(SAYS)).toHaveCount(0)
  expect(Math.max(...asked.values())).toBeGreaterThanOrEqual(3)
})

test('where a part does not come the page says so, and fetches it when somebody asks', async ({ page }) => {
  await open(page)
  await page.route(PART, (route) => route.fulfill({ status: 503 }))
  await toNetwork(page)
  await expect(page.getByText(SAYS)).toBeVisible()
  await expect(page.getByRole('navigation').first(), 'the rest of the app is there').toBeVisible()
  await page.unroute(PART)
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(page.getByTestId('bridges')).toBeVisible()
  await expect(page).toHaveURL(/\/network$/)
})

test('a server that does not answer at all is waited for, and the page comes with it', async ({ page, watched }) => {
  watched.tolerate.push('ERR_CONNECTION_REFUSED', 'ERR_FAILED')
  await open(page)
  await page.route('**/*', (route) => route.abort('connectionrefused'))
  await toNetwork(page)
  await expect(page.getByText(SAYS)).toBeVisible()
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(page.locator('main').getByText('The server cannot be reached')).toBeVisible()
  await page.unroute('**/*')
  await expect(page.getByTestId('bridges')).toBeVisible()
})

test('a page whose server has another version by now is loaded anew, once', async ({ page }) => {
  let documents = 0
  page.on('request', (request) => { if (request.resourceType() === 'document') documents += 1 })
  await open(page)
  await page.route(PART, (route) => (documents === 1 ? route.fulfill({ status: 404 }) : route.continue()))
  await page.route('/', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, body: (await response.text()).replace(/index-[\w-]+\.js/, 'index-another.js') })
  })
  await toNetwork(page)
  await expect(page.getByTestId('bridges')).toBeVisible()
  expect(documents).toBe(2)
})
