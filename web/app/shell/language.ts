import type { Messages } from '@lingui/core'
import { i18n } from '@lingui/core'
import { fetched } from './fetched'
import { LANGUAGES, type Language, onPreferences, preferences } from './preferences'

export { LANGUAGES, type Language }

export type PageName = 'map' | 'nodes' | 'station' | 'messages' | 'network'

type Catalogue = () => Promise<{ messages: Messages }>
const ofShell = import.meta.glob<{ messages: Messages }>('../locales/*.po')
const ofPages = import.meta.glob<{ messages: Messages }>('../pages/*/locales/*.po')

/** The pages that were opened: their texts are loaded anew when the language changes. */
const opened = new Set<PageName>()
const loaded = new Set<string>()

async function load(path: string, catalogue: Catalogue | undefined, language: Language): Promise<void> {
  if (loaded.has(path) || catalogue === undefined) return
  const { messages } = await fetched(catalogue)
  i18n.load(language, messages)
  loaded.add(path)
}

function loadPage(page: PageName, language: Language): Promise<void> {
  const path = `../pages/${page}/locales/${language}.po`
  return load(path, ofPages[path], language)
}

async function activate(language: Language): Promise<void> {
  const path = `../locales/${language}.po`
  await Promise.all([load(path, ofShell[path], language), ...[...opened].map((page) => loadPage(page, language))])
  // A second change may have come while this one was loading.
  if (preferences().language !== language) return
  i18n.activate(language)
  document.documentElement.lang = language
}

/** Loads a page's texts in the present language; a route does so before its page is shown. */
export async function openTexts(page: PageName): Promise<void> {
  opened.add(page)
  await loadPage(page, preferences().language)
  // What was active is active again with the texts that have come.
  if (i18n.locale === preferences().language) i18n.activate(i18n.locale)
}

/** Speaks the chosen language, now and whenever it changes. A language that cannot be fetched leaves the present one. */
export async function followLanguage(): Promise<void> {
  onPreferences(() => {
    const { language } = preferences()
    if (language !== i18n.locale) activate(language).catch((error: unknown) => { console.error('texts could not be loaded', error); })
  })
  await activate(preferences().language)
}
