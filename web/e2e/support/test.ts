import AxeBuilder from '@axe-core/playwright'
import { test as base, expect, type Page } from '@playwright/test'
import { isRecording, replay } from './recorded'

export { expect, type Page }

/** The members of the demo. */
export const MEMBERS = {
  ana: '11111111-1111-1111-1111-111111111111',
  ben: '22222222-2222-2222-2222-222222222222',
  cleo: '33333333-3333-3333-3333-333333333333',
  dora: '44444444-4444-4444-4444-444444444444',
} as const
/** A node of every demo, who answers texts. */
export const LENA = '!a1b2c3d4'

/** Every route of the app, the stations' and nodes' by one of the demo's. */
export const ROUTES = ['/', '/nodes', `/nodes/${LENA}`, '/stations/!072a2786', '/messages', `/messages/${LENA}`, '/network', '/network/packets', '/network/topology'] as const

export interface Choices {
  readonly theme?: 'system' | 'light' | 'dark'
  readonly units?: 'metric' | 'imperial'
  readonly language?: 'en' | 'cs' | 'de'
  /** The member who asks. */
  readonly caller?: string
}

interface Watched {
  /** What the browser may complain of in this test: texts that its complaints contain. */
  readonly tolerate: string[]
}

/**
 * Tests in which nothing leaves the origin, no script fails, and the browser complains of nothing: each of these ends a test.
 * `watched.tolerate.push('404')` expects a complaint.
 */
export const test = base.extend<{ watched: Watched }>({
  watched: [
    async ({ page, baseURL }, use) => {
      const complaints: string[] = []
      const tolerate: string[] = []
      const origin = new URL(baseURL ?? 'http://127.0.0.1').origin
      page.context().on('request', (request) => {
        const url = new URL(request.url())
        if (url.protocol.startsWith('http') && url.origin !== origin) complaints.push(`a request left the origin: ${request.url()}`)
      })
      page.on('pageerror', (error) => complaints.push(`a script failed: ${error.stack ?? String(error)}`))
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(`the browser complains: ${message.text()}`)
      })
      await use({ tolerate })
      expect(complaints.filter((complaint) => !tolerate.some((text) => complaint.includes(text)))).toEqual([])
    },
    { auto: true },
  ],
})

/** Chooses theme, units, language or member before the page loads, as its settings would. */
export async function choose(page: Page, choices: Choices): Promise<void> {
  await page.addInitScript((value) => {
    // What a page is before and after it is one of ours has no storage.
    if (location.origin === 'null') return
    if (sessionStorage.getItem('kosmo.test') !== null) return
    sessionStorage.setItem('kosmo.test', 'chosen')
    localStorage.setItem('kosmo.preferences', value)
  }, JSON.stringify({ units: 'metric', language: 'en', ...choices }))
}

/** Waits until nothing is loading: fonts are there, and no placeholder shimmers any more. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('main')).toBeVisible()
  await expect(page.locator('.shimmer')).toHaveCount(0)
  await page.evaluate(() => document.fonts.ready.then(() => undefined))
  await expect.poll(() => page.evaluate(undrawnCharts), { message: 'every chart in sight is drawn' }).toBe(0)
}

/** Counts, in the browser, the charts in sight that are not drawn: each is made in its turn. */
function undrawnCharts(): number {
  const isInSight = ({ top, bottom }: DOMRect) => bottom > 0 && top < innerHeight
  return [...document.querySelectorAll('[data-panel]')].filter((panel) => isInSight(panel.getBoundingClientRect()) && panel.querySelector('.uplot svg > g') === null).length
}

/** Fails if axe finds anything wrong with the page as it is now. */
export async function expectAccessible(page: Page): Promise<void> {
  // A colour on its way from one theme to the other is neither.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().filter((animation) => animation instanceof CSSTransition).map((animation) => animation.finished)))
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze()
  expect(violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary ?? ''}`) }))).toEqual([])
}

/**
 * Compares the page with its reference pictures, light and dark. What is to look the same each time needs `replayed` answers;
 * `mask` covers what moves nevertheless.
 */
export async function expectLooks(page: Page, name: string, mask: string[] = []): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // What is painted in the colours of a theme is painted anew when the page has heard of it.
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => { requestAnimationFrame(done) }) }))
    await settled(page)
    await expect(page.locator('[data-testid=map]:not([data-idle=true])'), 'the map, if there is one, is drawn').toHaveCount(0)
    await expect(page).toHaveScreenshot(`${name}-${colorScheme}.png`, { mask: mask.map((selector) => page.locator(selector)) })
  }
}

/**
 * Answers the page's requests with what the demo once answered, at the time of day it was then: the same pixels each time.
 * `npm run e2e:record` records anew.
 */
export async function replayed(page: Page, name: string): Promise<void> {
  await replay(page, `${name}-${test.info().project.name}`)
  test.info().annotations.push({ type: isRecording ? 'recorded' : 'replayed', description: name })
}
