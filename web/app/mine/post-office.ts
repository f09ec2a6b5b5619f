import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react'
import { readAgain } from '@/api/again'
import { toProblem, Unreachable } from '@/api/problem'
import { keys } from '@/api/queries'
import { reachability } from '@/api/reachability'
import { useCaller } from '@/shell/caller'
import { usePreferences } from '@/shell/preferences'
import { Outbox, type Unsent, type World } from './outbox'

/** How often what could not be posted is tried again while nothing says that it may work. */
const AGAIN = 15_000
/** How long the server may take. */
const PATIENCE = 20_000

/** Draws an id. `crypto.randomUUID` is there over HTTPS alone, and a server on an island speaks HTTP. */
export function drawId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Runs alone among the windows of this browser, where it can tell; where not, the idempotency key makes up for it. */
async function alone(work: () => Promise<void>): Promise<void> {
  if (!('locks' in navigator)) return work()
  await navigator.locks.request('kosmo.outbox', work)
}

/** Posts as the member who wrote it, whoever is chosen by now. */
async function post(user: string, { id, node, text, replyTo }: Unsent): Promise<void> {
  let answer: Response
  try {
    answer = await fetch('/api/v1/messages', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': id, 'X-User-ID': user },
      body: JSON.stringify({ target_node_id: node, text, ...(replyTo === null ? {} : { reply_to: replyTo }) }),
      signal: AbortSignal.timeout(PATIENCE),
    })
  } catch (cause) {
    reachability.failed()
    throw new Unreachable('the server cannot be reached', { cause })
  }
  reachability.heard()
  if (!answer.ok) throw toProblem(answer, await answer.json().catch(() => null))
}

const world: World = {
  storage: window.localStorage,
  alone,
  now: () => Date.now(),
  post,
  wait: (ms) => new Promise((done) => { window.setTimeout(done, ms) }),
  drawId,
}

const boxes = new Map<string, Outbox>()

function outboxOf(user: string): Outbox {
  const box = boxes.get(user) ?? new Outbox(user, world)
  boxes.set(user, box)
  return box
}

const nothing: readonly Unsent[] = []
const none = () => nothing
const never = () => () => undefined

/** What waits of the member who asks. */
export function useUnsent(): readonly Unsent[] {
  const { id } = useCaller()
  const box = id === null ? null : outboxOf(id)
  return useSyncExternalStore(box?.subscribe ?? never, box?.texts ?? none)
}

/** How many texts of whoever was chosen here wait, also while the server does not say who that is. */
export function useWaiting(): number {
  const { caller } = usePreferences()
  const box = caller === null ? null : outboxOf(caller)
  return useSyncExternalStore(box?.subscribe ?? never, box?.texts ?? none).length
}

/** What may be done with texts that wait. */
export function useOutbox() {
  const { id } = useCaller()
  const queries = useQueryClient()
  const flush = useCallback(async () => {
    if (id === null) return
    const box = outboxOf(id)
    const before = box.texts()
    await box.flush()
    if (box.texts() === before) return
    for (const queryKey of [keys.conversations, keys.quota]) readAgain(queries, queryKey)
  }, [id, queries])
  return useMemo(() => ({
    add: (node: string, text: string, replyTo: number | null) => {
      const kept = id !== null && outboxOf(id).add(node, text, replyTo)
      if (kept) void flush()
      return kept
    },
    discard: (text: string) => { if (id !== null) outboxOf(id).discard(text) },
    again: (text: string) => { if (id !== null) { outboxOf(id).again(text); void flush() } },
    isStale: (text: Unsent) => id !== null && outboxOf(id).isStale(text),
    flush,
  }), [id, flush])
}

/** Keeps posting what waits, on whatever page: at once, when the server is back, and now and then. */
export function usePostOffice(): void {
  const { flush } = useOutbox()
  useEffect(() => {
    const go = () => { flush().catch(() => undefined) }
    const onReach = () => { if (reachability.current().state === 'reachable') go() }
    const onStorage = (event: StorageEvent) => {
      if (event.key?.startsWith('kosmo.outbox.') === true) boxes.get(event.key.slice('kosmo.outbox.'.length))?.changed()
    }
    go()
    const timer = window.setInterval(go, AGAIN)
    const forget = reachability.subscribe(onReach)
    window.addEventListener('online', go)
    window.addEventListener('storage', onStorage)
    return () => {
      window.clearInterval(timer)
      forget()
      window.removeEventListener('online', go)
      window.removeEventListener('storage', onStorage)
    }
  }, [flush])
}
