import { useSyncExternalStore } from 'react'
import { onPreferences, preferences } from './preferences'

const system = window.matchMedia('(prefers-color-scheme: dark)')

/** Whether the page is dark at the moment: chosen, or the system's. */
export function isDark(): boolean {
  const { theme } = preferences()
  return theme === 'dark' || (theme === 'system' && system.matches)
}

function apply(): void {
  const { theme } = preferences()
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  const ground = isDark() ? '#0e1318' : '#f4f6f8'
  document.querySelectorAll('meta[name="theme-color"]').forEach((meta) => { meta.setAttribute('content', ground); })
}

/** Applies the chosen theme, now and whenever it changes. */
export function followTheme(): void {
  apply()
  onPreferences(apply)
  system.addEventListener('change', apply)
}

function subscribe(listener: () => void): () => void {
  const stop = onPreferences(listener)
  system.addEventListener('change', listener)
  return () => { stop(); system.removeEventListener('change', listener) }
}

/** Whether the page is dark; for what is drawn (maps, charts) and cannot take its colours from CSS. */
export function useIsDark(): boolean {
  return useSyncExternalStore(subscribe, isDark)
}

/** Returns the colour behind a token of `styles/tokens.css`, like `--accent`, as it is in the present theme. */
export function token(name: `--${string}`): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}
