import { useSyncExternalStore } from 'react'

const wide = window.matchMedia('(min-width: 64rem)')

function subscribe(listener: () => void): () => void {
  wide.addEventListener('change', listener)
  return () => { wide.removeEventListener('change', listener) }
}

/** Whether there is room for a table of many columns. */
export function useIsWide(): boolean {
  return useSyncExternalStore(subscribe, () => wide.matches)
}
