import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { act, cleanup, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keys } from '@/api/queries'
import { setPreferences } from '@/shell/preferences'
import { LiveProvider, useLive, useLiveBatches, useLiveState } from './live'

const ANA = '11111111-1111-1111-1111-111111111111'
const BEN = '22222222-2222-2222-2222-222222222222'

/** The streams that were asked for, and who asked. */
const streams: { who: string | null; after: string | null; say: (text: string) => void; end: () => void }[] = []
const reads = { latest: 0, mine: 0 }
const batches: unknown[][] = []

function answer(_: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const headers = new Headers(init?.headers)
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      streams.push({
        who: headers.get('x-user-id'), after: headers.get('last-event-id'),
        say: (text) => { controller.enqueue(new TextEncoder().encode(text)) }, end: () => { controller.error(new TypeError('it broke')) },
      })
      init?.signal?.addEventListener('abort', () => { try { controller.error(new DOMException('', 'AbortError')) } catch { /* it had ended */ } })
    },
  })
  return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
}

function Page() {
  const latest = useQuery({ queryKey: [...keys.latest, 'x'], queryFn: () => { reads.latest += 1; return reads.latest } })
  const mine = useQuery({ queryKey: [...keys.mine, 'x'], queryFn: () => { reads.mine += 1; return reads.mine } })
  useLive('text', (data) => { heard.push(data) })
  useLiveBatches('node', 500, (batch) => { batches.push(batch) })
  return <p>{useLiveState()} {latest.data} {mine.data}</p>
}
const heard: unknown[] = []

const pass = (ms = 0) => act(() => vi.advanceTimersByTimeAsync(ms))
const say = async (text: string) => { streams.at(-1)?.say(text); await pass() }

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('fetch', vi.fn(answer))
  for (const list of [streams, batches, heard]) list.length = 0
  Object.assign(reads, { latest: 0, mine: 0 })
  setPreferences({ caller: ANA })
})
afterEach(() => { cleanup(); vi.useRealTimers(); vi.unstubAllGlobals() })

async function open() {
  render(<QueryClientProvider client={new QueryClient()}><LiveProvider><Page /></LiveProvider></QueryClientProvider>)
  await pass()
}

test('events reach whoever listens, and what is none does no harm', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  await open()
  expect(screen.getByText(/^open/)).toBeTruthy()
  await say('event: text\ndata: {"id":1}\n\nevent: text\ndata: {half\n\nevent: unheard\ndata: {}\n\n')
  expect(heard).toEqual([{ id: 1 }])
  expect(warn).toHaveBeenCalledOnce()
})

test('a hundred events are one batch', async () => {
  await open()
  await say(Array.from({ length: 100 }, (_, at) => `event: node\ndata: ${String(at)}\n\n`).join(''))
  expect(batches).toHaveLength(0)
  await pass(500)
  expect(batches.map((batch) => batch.length)).toEqual([100])
})

test('who was too slow reads again what is public, and what is theirs when the server has forgotten where they were', async () => {
  await open()
  expect(reads).toEqual({ latest: 1, mine: 1 })
  await say('event: behind\ndata: {}\n\n')
  expect(reads).toEqual({ latest: 2, mine: 1 })
  await say('event: reset\ndata: {}\n\n')
  expect(reads).toEqual({ latest: 2, mine: 2 })
})

test('what was missed while the stream was away is read again, once it is back', async () => {
  await open()
  await say('id: 9\nevent: text\ndata: {}\n\n')
  streams.at(-1)?.end()
  await pass()
  expect(screen.getByText(/^waiting/)).toBeTruthy()
  expect(reads.latest).toBe(1)
  await pass(1000)
  expect(streams.map(({ after }) => after)).toEqual([null, '9'])
  expect(reads, 'own events are resumed, public ones are read').toEqual({ latest: 2, mine: 1 })
})

test('another member has another stream, which begins anew', async () => {
  await open()
  await say('id: 9\nevent: text\ndata: {}\n\n')
  act(() => { setPreferences({ caller: BEN }) })
  await pass()
  expect(streams.map(({ who, after }) => [who, after])).toEqual([[ANA, null], [BEN, null]])
})
