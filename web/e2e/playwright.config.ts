import { defineConfig } from '@playwright/test'

/** Debian's Chromium, drawing in software. No name but this machine's is ever resolved, so nothing can come from elsewhere. */
const chromium = {
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-quic', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--font-render-hinting=none', '--disable-lcd-text', '--force-color-profile=srgb',
  ],
}

export default defineConfig({
  testDir: '.',
  // `make screenshots` takes pictures, everything else tests.
  testMatch: process.env['PICTURES'] === undefined ? '**/*.spec.ts' : '**/*.pictures.ts',
  outputDir: process.env['E2E_RESULTS'] ?? 'results',
  snapshotPathTemplate: '{testDir}/references/{testFileName}/{arg}-{projectName}{ext}',
  globalSetup: './support/server.ts',
  fullyParallel: true,
  workers: 2,
  forbidOnly: process.env['CI'] !== undefined,
  // A loaded machine is slow, and a test that needs a second try is a defect.
  retries: 0,
  timeout: 240_000,
  expect: {
    // Only a failure takes this long: whatever is waited for is gone on from when it is there.
    timeout: 60_000,
    // Drawing differs a little between versions of fonts and of Chromium; a misplaced button does not fit in here.
    toHaveScreenshot: { maxDiffPixelRatio: 0.002, threshold: 0.25, animations: 'disabled', caret: 'hide', scale: 'css' },
  },
  reporter: [['list']],
  use: {
    ...(process.env['KOSMO_URL'] === undefined ? {} : { baseURL: process.env['KOSMO_URL'] }),
    launchOptions: chromium,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    // Traces cost as much as the tests: `TRACE=1 npm run e2e -- network` keeps those of failures.
    trace: process.env['TRACE'] === undefined ? 'off' : 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
  projects: [
    { name: 'desktop', use: { viewport: { width: 1440, height: 900 } } },
    { name: 'phone', use: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } },
  ],
})
