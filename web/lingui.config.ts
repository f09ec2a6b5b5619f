import { defineConfig } from '@lingui/conf'
import { formatter } from '@lingui/format-po'

const pages = ['map', 'nodes', 'station', 'messages', 'network']

/** `LINGUI_ONLY=nodes npm run i18n` leaves the other catalogues alone. */
const only = process.env['LINGUI_ONLY']

const shell = {
  path: '<rootDir>/app/locales/{locale}',
  include: ['<rootDir>/app'],
  exclude: ['<rootDir>/app/pages/**', '**/*.test.*'],
}
const ofPage = (page: string) => ({
  path: `<rootDir>/app/pages/${page}/locales/{locale}`,
  include: [`<rootDir>/app/pages/${page}`],
  exclude: ['**/*.test.*'],
})

export default defineConfig({
  sourceLocale: 'en',
  locales: ['en', 'cs', 'de'],
  // One catalogue for the shell and one for each page, loaded with it.
  catalogs: [...(only === undefined || only === 'shell' ? [shell] : []), ...pages.filter((page) => only === undefined || only === page).map(ofPage)],
  format: formatter({ lineNumbers: false }),
  orderBy: 'message',
})
