import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { readAgain } from '@/api/again'
import { callerHeaders } from '@/api/client'
import { keys } from '@/api/queries'
import { reachability } from '@/api/reachability'
import { usePreferences } from '@/shell/preferences'
import { LiveStream, type StreamState } from './stream'

/** What public events tell of. They are no rows: what was missed is read again. */
const PUBLIC = [keys.latest, keys.nodes, keys.network, keys.channels]

type Listener = (data: unknown, event: string) => void

interface Live {
  readonly state: () => StreamState
  readonly subscribe: (listener: () => void) => () => void
  readonly on: (event: string, listener: Listener) => () => void
}

const Context = createContext<Live | null>(null)

/** Makes what hands the events of one stream on to whoever listens. */
function makeBus() {
  let state: StreamState = 'connecting'
  const watchers = new Set<() => void>()
  const listeners = new Map<string, Set<Listener>>()
  return {
    state: () => state,
    set(next: StreamState) {
      if (next === state) return
      state = next
      watchers.forEach((watcher) => { watcher(); })
    },
    subscribe(watcher: () => void) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    on(event: string, listener: Listener) {
      const heard = listeners.get(event) ?? new Set()
      listeners.set(event, heard.add(listener))
      return () => heard.delete(listener)
    },
    emit(event: string, text: string) {
      let data: unknown
      try {
        data = JSON.parse(text)
      } catch {
        console.warn('a live event that is no JSON', event)
        return
      }
      listeners.get(event)?.forEach((listener) => { listener(data, event); })
    },
  }
}

/** Holds the one stream of live events of this page, for the member who asks; another member gets another stream. */
export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const [bus] = useState(makeBus)
  const queries = useQueryClient()
  const { caller } = usePreferences()
  useEffect(() => {
    let wasOpen = false
    const stream = new LiveStream({
      url: '/api/v1/stream',
      headers: callerHeaders,
      channel: 'BroadcastChannel' in window ? new BroadcastChannel('kosmo.stream') : null,
      onState: (state) => {
        bus.set(state)
        if (state === 'open') {
          reachability.heard()
          if (wasOpen) for (const queryKey of PUBLIC) readAgain(queries, queryKey)
          wasOpen = true
        }
      },
      onEvent: ({ event, data }) => {
        if (event === 'behind') for (const queryKey of PUBLIC) readAgain(queries, queryKey)
        if (event === 'reset') readAgain(queries, keys.mine)
        bus.emit(event, data)
      },
    })
    stream.start()
    return () => { stream.stop() }
  }, [bus, queries, caller])
  return <Context value={bus}>{children}</Context>
}

function useLiveContext(): Live {
  const live = useContext(Context)
  if (live === null) throw new Error('useLive needs a LiveProvider around it')
  return live
}

/** How the stream is: `open`, or not (yet, any more). */
export function useLiveState(): StreamState {
  const live = useLiveContext()
  return useSyncExternalStore(live.subscribe, live.state)
}

/**
 * Calls `listener` for each live event of this name, like `latest`; docs/api/stream.md lists them. What comes is from
 * outside: check it before it goes into the query cache.
 */
export function useLive(event: string, listener: (data: unknown) => void): void {
  const live = useLiveContext()
  const newest = useRef(listener)
  useEffect(() => { newest.current = listener })
  useEffect(() => live.on(event, (data) => { newest.current(data); }), [live, event])
}

/** Gathers what comes in quick succession, and gives it away at most once a frame of `ms`: a hundred events are one render. */
export function useLiveBatches(event: string, ms: number, give: (batch: unknown[]) => void): void {
  const batch = useRef<{ items: unknown[]; timer: number }>({ items: [], timer: 0 })
  const newest = useRef(give)
  useEffect(() => { newest.current = give })
  useEffect(() => {
    const { current } = batch
    return () => { window.clearTimeout(current.timer); current.timer = 0 }
  }, [])
  useLive(event, (data) => {
    const { current } = batch
    current.items.push(data)
    if (current.timer !== 0) return
    current.timer = window.setTimeout(() => {
      current.timer = 0
      newest.current(current.items.splice(0))
    }, ms)
  })
}
