import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'
export type Units = 'metric' | 'imperial'
export type Language = 'en' | 'cs' | 'de'

/** What a person chose on this device. Nothing here is known to the server. */
export interface Preferences {
  readonly theme: Theme
  readonly units: Units
  readonly language: Language
  /** The id of the member who asks, where the server takes a header's word for it. */
  readonly caller: string | null
}

export const LANGUAGES: readonly Language[] = ['en', 'cs', 'de']

/** The key under which `boot.js` finds it too. */
const KEY = 'kosmo.preferences'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function oneOf<Value>(values: readonly Value[], value: unknown, otherwise: Value): Value {
  return values.includes(value as Value) ? (value as Value) : otherwise
}

/** The first language of the browser that there is. */
function languageOfBrowser(): Language {
  const spoken = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())
  return spoken.map((tag) => LANGUAGES.find((known) => known === tag)).find((known) => known !== undefined) ?? 'en'
}

/** Fahrenheit and miles are at home in few places, and the browser tells which. */
function unitsOfBrowser(): Units {
  return /^en-(us|lr)$/i.test(navigator.languages[0] ?? '') ? 'imperial' : 'metric'
}

/** Reads what was stored, of which nothing is believed unchecked: another version, or a hand, may have written it. */
export function parsePreferences(text: string | null): Preferences {
  let stored: Record<string, unknown> = {}
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    if (typeof value === 'object' && value !== null) stored = value as Record<string, unknown>
  } catch {
    // It is none of ours.
  }
  const caller = stored['caller']
  return {
    theme: oneOf<Theme>(['system', 'light', 'dark'], stored['theme'], 'system'),
    units: oneOf<Units>(['metric', 'imperial'], stored['units'], unitsOfBrowser()),
    language: oneOf<Language>(LANGUAGES, stored['language'], languageOfBrowser()),
    caller: typeof caller === 'string' && UUID.test(caller) ? caller : null,
  }
}

function load(): Preferences {
  try {
    return parsePreferences(localStorage.getItem(KEY))
  } catch {
    return parsePreferences(null)
  }
}

let current = load()
const listeners = new Set<() => void>()

export function preferences(): Preferences {
  return current
}

export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change }
  try {
    localStorage.setItem(KEY, JSON.stringify(current))
  } catch {
    // Storage is closed or full: the choice holds as long as the page does.
  }
  listeners.forEach((listener) => { listener(); })
}

export function onPreferences(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

window.addEventListener('storage', (event) => {
  if (event.key !== KEY) return
  current = parsePreferences(event.newValue)
  listeners.forEach((listener) => { listener(); })
})

/** What a person chose, and each change of it, in this window or another. */
export function usePreferences(): Preferences {
  return useSyncExternalStore(onPreferences, preferences)
}
