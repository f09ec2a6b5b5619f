// Takes pictures of pages to look at: `node e2e/support/look.mjs http://127.0.0.1:5171 /tmp/pictures / /nodes`.
// Phone and desktop, light and dark; what the browser complains of is printed.
import { mkdir } from 'node:fs/promises'
import { chromium } from '@playwright/test'

const [base, folder, ...paths] = process.argv.slice(2)
if (base === undefined || folder === undefined) throw new Error('usage: look.mjs BASE FOLDER PATH…')
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } }

await mkdir(folder, { recursive: true })
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-quic', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
})
// `ONLY=phone-dark` takes some of them.
const wanted = (name) => name.includes(process.env['ONLY'] ?? '')
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'].filter((scheme) => wanted(`${size}-${scheme}`))) {
    const context = await browser.newContext({ viewport, colorScheme, locale: process.env['LOCALE'] ?? 'en-GB', hasTouch: size === 'phone', isMobile: size === 'phone' })
    if (process.env['CALLER'] !== undefined) {
      await context.addInitScript((caller) => { localStorage.setItem('kosmo.preferences', JSON.stringify({ caller })) }, process.env['CALLER'])
    }
    const page = await context.newPage()
    page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) console.log(size, colorScheme, page.url(), message.text()) })
    page.on('pageerror', (error) => { console.log(size, colorScheme, page.url(), String(error)) })
    for (const path of paths) {
      await page.goto(base + path, { waitUntil: 'load' })
      await page.waitForTimeout(Number(process.env['WAIT_MS'] ?? 1500))
      const name = path === '/' ? 'map' : path.replace(/^\//, '').replace(/[^a-z0-9]+/gi, '-')
      await page.screenshot({ path: `${folder}/${name}-${size}-${colorScheme}.png` })
    }
    await context.close()
  }
}
await browser.close()
