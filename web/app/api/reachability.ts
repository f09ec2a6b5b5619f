import { useSyncExternalStore } from 'react'

/** Whether the server answers. `since` is when it last did. */
export interface Reachability {
  readonly state: 'reachable' | 'unreachable'
  readonly since: number
}

let current: Reachability = { state: 'reachable', since: Date.now() }
const listeners = new Set<() => void>()

function set(next: Reachability): void {
  const changed = next.state !== current.state
  current = next
  if (changed) listeners.forEach((listener) => { listener(); })
}

/** What requests and the stream say of the server. */
export const reachability = {
  /** An answer came, whatever it was. */
  heard(): void {
    // The time alone is no news: what shows it asks when the state changes.
    set({ state: 'reachable', since: Date.now() })
  },
  /** No answer came. */
  failed(): void {
    if (current.state === 'reachable') set({ state: 'unreachable', since: current.since })
  },
  current: (): Reachability => current,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}

window.addEventListener('offline', () => { reachability.failed(); })

/** Whether the server answers, and each change of it. */
export function useReachability(): Reachability {
  return useSyncExternalStore(reachability.subscribe, reachability.current)
}
