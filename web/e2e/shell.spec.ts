import { choose, expect, expectAccessible, replayed, settled, test } from './support/test'

test('the theme follows the system until one is chosen, and is there before the first paint', async ({ page }) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  await page.emulateMedia({ colorScheme: 'light' })
  await page.goto('/network')
  await settled(page)
  const light = await ground()
  await page.emulateMedia({ colorScheme: 'dark' })
  expect(await ground()).not.toBe(light)

  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('radio', { name: 'Light' }).click()
  expect(await ground()).toBe(light)
  await page.reload({ waitUntil: 'commit' })
  await page.waitForFunction(() => document.querySelector('body') !== null)
  expect(await page.evaluate(() => document.documentElement.dataset['theme']), 'boot.js has set it before the app runs').toBe('light')
})

test('units and language change what is shown at once, and stay', async ({ page }) => {
  await choose(page, {})
  await page.goto('/nodes')
  await settled(page)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByLabel('Language').selectOption('de')
  await expect(page.getByRole('heading', { name: 'Einstellungen' })).toBeVisible()
  await expect(page.locator('html')).toHaveAttribute('lang', 'de')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('link', { name: 'Nachrichten' })).toBeVisible()
  await page.reload()
  await expect(page.getByRole('link', { name: 'Nachrichten' })).toBeVisible()
})

test('a page that is none says so, in words and by its status', async ({ page, watched }) => {
  watched.tolerate.push('404')
  const response = await page.goto('/nowhere')
  expect(response?.status()).toBe(404)
  await expect(page.getByText('There is no page here')).toBeVisible()
  await expectAccessible(page)
  await page.getByRole('link', { name: 'To the map' }).click()
  await expect(page).toHaveURL(/\/(\?.*)?$/)
})

test('the keyboard skips to the content, reaches every page, and leaves the settings where it opened them', async ({ page, isMobile }) => {
  test.skip(isMobile, 'a phone has no keyboard')
  await page.goto('/network')
  await settled(page)
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.locator('main')).toBeFocused()
  const settings = page.getByRole('button', { name: 'Settings' })
  await settings.focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toBeHidden()
  await expect(settings).toBeFocused()
})

test('a server that goes away is noticed, and its return too', async ({ page, context, watched }) => {
  watched.tolerate.push('ERR_INTERNET_DISCONNECTED', 'ERR_NETWORK', 'Failed to load resource')
  await page.goto('/nodes')
  await settled(page)
  await context.setOffline(true)
  await expect(page.getByText('The server cannot be reached')).toBeVisible()
  await expect(page.getByRole('heading', { level: 1, name: 'Nodes' }), 'what was shown stays').toBeVisible()
  await context.setOffline(false)
  await expect(page.getByText('The server cannot be reached')).toBeHidden()
})

test('the settings look as they should', async ({ page, isMobile }) => {
  await choose(page, { caller: '11111111-1111-1111-1111-111111111111' })
  await replayed(page, 'shell')
  await page.goto('/network')
  await settled(page)
  await page.getByRole('button', { name: 'Settings' }).click()
  await expect(page.getByLabel('Write as')).toBeVisible()
  await expectAccessible(page)
  // On a phone they are the same sheet, from below.
  if (isMobile) return
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await expect(page.getByRole('dialog')).toHaveScreenshot(`settings-${colorScheme}.png`)
  }
})
