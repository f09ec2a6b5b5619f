// The pictures of the README, of a demo as anybody sees it, light and dark: `make screenshots`.
import { join } from 'node:path'
import { choose, expect, LENA, MEMBERS, type Page, settled, test } from './support/test'

const folder = process.env['PICTURES'] ?? 'pictures'
const WIDE = { width: 1200, height: 750 }

async function take(page: Page, name: string, isThere: () => Promise<void>): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.reload()
    await settled(page)
    await isThere()
    await page.screenshot({ path: join(folder, `${name}${colorScheme === 'dark' ? '-dark' : ''}.png`), scale: 'css' })
  }
}

test('map', async ({ page, isMobile }) => {
  if (!isMobile) await page.setViewportSize(WIDE)
  await choose(page, { theme: 'system' })
  await page.goto('/?layers=nodes.wind.bridges.links.names')
  await take(page, isMobile ? 'map-phone' : 'map', async () => { await expect(page.getByTestId('map')).toHaveAttribute('data-idle', 'true') })
})

test('station', async ({ page, isMobile }) => {
  test.skip(isMobile)
  await page.setViewportSize(WIDE)
  await choose(page, { theme: 'system' })
  await page.goto('/stations/!072a2786?span=week')
  await take(page, 'station', async () => {
    await page.locator('[data-panel=temperature]').evaluate((panel) => { panel.scrollIntoView({ block: 'start' }) })
    for (const name of ['temperature', 'humidity', 'pressure']) await expect(page.locator(`[data-panel=${name}] .uplot svg`)).toBeVisible()
  })
})

test('nodes', async ({ page, isMobile }) => {
  test.skip(isMobile)
  await page.setViewportSize(WIDE)
  await choose(page, { theme: 'system' })
  await page.goto('/nodes')
  await take(page, 'nodes', async () => { await expect(page.locator('[data-node]').first()).toBeVisible() })
})

test('messages', async ({ page, isMobile }) => {
  test.skip(!isMobile)
  await choose(page, { theme: 'system', caller: MEMBERS.cleo })
  await page.goto(`/messages/${LENA}`)
  await page.getByRole('textbox', { name: 'Your text' }).fill('Storm from the west at six. Is everybody in the valley?')
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await take(page, 'messages-phone', async () => { await expect(page.getByTestId('sent').last().getByTestId('tick')).toHaveText('Answered') })
})

test('network', async ({ page, isMobile }) => {
  test.skip(isMobile)
  await page.setViewportSize(WIDE)
  await choose(page, { theme: 'system' })
  await page.goto('/network')
  await take(page, 'network', async () => { await expect(page.getByTestId('bridges')).toBeVisible() })
})
