// What holds on every route, whatever it shows. That nothing leaves the origin and that the browser complains of nothing is
// asserted in every test; no name but this machine's is resolved in any.
import { choose, expect, expectAccessible, MEMBERS, ROUTES, settled, test } from './support/test'

for (const route of ROUTES) {
  test(`${route} is accessible in both themes, and fits its window`, async ({ page }) => {
    await choose(page, { caller: MEMBERS.ana })
    await page.emulateMedia({ colorScheme: 'light' })
    const response = await page.goto(route)
    expect(response?.status()).toBe(200)
    await settled(page)
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1)
    expect(await page.title()).toMatch(/.+ · KosmoConnect$/)
    await expectAccessible(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    await expectAccessible(page)
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(wider, 'the page never scrolls sideways').toBeLessThanOrEqual(0)
  })
}

test('the policy lets nothing run but files of this origin', async ({ page, watched }) => {
  watched.tolerate.push('Content Security Policy', 'Refused to')
  const response = await page.goto('/network')
  const policy = response?.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("script-src 'self'")
  expect(policy).not.toContain('unsafe')
  const ran = await page.evaluate(() => {
    const script = document.createElement('script')
    script.textContent = 'window.wasRun = true'
    document.head.append(script)
    return 'wasRun' in window
  })
  expect(ran, 'an inline script is refused').toBe(false)
})

for (const language of ['cs', 'de'] as const) {
  test(`every page speaks ${language}`, async ({ page }) => {
    await choose(page, { caller: MEMBERS.ana, language })
    const words = language === 'cs' ? /[ěščřžýáíéůú]/ : /\b(und|der|die|das|ist|Knoten|Netz|Karte|Nachrichten)\b/
    for (const route of ['/', '/nodes', '/messages', '/network']) {
      await page.goto(route)
      await settled(page)
      await expect(page.locator('html')).toHaveAttribute('lang', language)
      expect(await page.locator('body').innerText()).toMatch(words)
    }
  })
}
