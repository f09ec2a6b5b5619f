// The pictures of the README, of a demo as anybody sees it: `make screenshots`.
import { join } from 'node:path'
import { choose, expect, LENA, MEMBERS, type Page, settled, test } from './support/test'

const folder = process.env['PICTURES'] ?? 'pictures'

async function take(page: Page, name: string): Promise<void> {
  await settled(page)
  await page.screenshot({ path: join(folder, `${name}.png`), scale: 'css' })
}

test('map', async ({ page, isMobile }) => {
  await page.setViewportSize(isMobile ? { width: 390, height: 844 } : { width: 1200, height: 750 })
  await choose(page, { theme: isMobile ? 'dark' : 'light' })
  await page.goto('/')
  await expect(page.getByTestId('map')).toHaveAttribute('data-idle', 'true')
  await take(page, isMobile ? 'map-phone' : 'map')
})

test('station', async ({ page, isMobile }) => {
  test.skip(isMobile)
  await page.setViewportSize({ width: 1200, height: 1200 })
  await choose(page, { theme: 'dark' })
  await page.goto('/stations/!072a2786?span=week')
  await expect(page.locator('.uplot').first()).toBeVisible()
  await take(page, 'station')
})

test('nodes', async ({ page, isMobile }) => {
  await page.setViewportSize(isMobile ? { width: 390, height: 844 } : { width: 1200, height: 750 })
  await choose(page, { theme: 'light' })
  await page.goto('/nodes')
  await take(page, isMobile ? 'nodes-phone' : 'nodes')
})

test('messages', async ({ page, isMobile }) => {
  test.skip(!isMobile)
  await choose(page, { theme: 'light', caller: MEMBERS.cleo })
  await page.goto(`/messages/${LENA}`)
  await page.getByRole('textbox', { name: 'Your text' }).fill('Storm from the west at six. Is everybody in the valley?')
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(page.getByTestId('sent').last().getByTestId('tick')).toHaveText('Answered')
  await take(page, 'messages-phone')
})

test('network', async ({ page, isMobile }) => {
  test.skip(isMobile)
  await page.setViewportSize({ width: 1200, height: 750 })
  await choose(page, { theme: 'dark' })
  await page.goto('/network')
  await take(page, 'network')
})
