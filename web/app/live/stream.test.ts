import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Channel } from './seats'
import type { StreamEvent } from './sse'
import { LiveStream, type StreamState } from './stream'

/** A server as a stream sees it: it answers as it is told, and what it is asked is kept. */
function server() {
  const asked: Headers[] = []
  let writer: ReadableStreamDefaultController<Uint8Array> | null = null
  let answer: (() => Response) | null = null
  const greet = () => new Response(
    new ReadableStream<Uint8Array>({ start(controller) { writer = controller } }),
    { headers: { 'content-type': 'text/event-stream' } },
  )
  return {
    asked,
    answers(next: (() => Response) | null) { answer = next },
    says(text: string) { writer?.enqueue(new TextEncoder().encode(text)) },
    breaks() { writer?.error(new TypeError('the connection broke')) },
    fetch: (async (_: RequestInfo | URL, init?: RequestInit) => {
      asked.push(new Headers(init?.headers))
      init?.signal?.addEventListener('abort', () => { try { writer?.error(new DOMException('aborted', 'AbortError')) } catch { /* it had ended */ } })
      await Promise.resolve()
      return (answer ?? greet)()
    }) satisfies typeof fetch,
  }
}

/** A stream to that server, and what it told. */
function streamTo(from: ReturnType<typeof server>, channel: Channel | null = null) {
  const states: StreamState[] = []
  const events: StreamEvent[] = []
  const stream = new LiveStream({
    url: '/stream', headers: () => ({ 'X-User-ID': 'ana' }), fetch: from.fetch, channel,
    onState: (state) => states.push(state), onEvent: (event) => events.push(event),
  })
  stream.start()
  return { stream, states, events }
}

/** Lets everything happen that is due by then. */
const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

function look(isHidden: boolean): void {
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(isHidden)
  document.dispatchEvent(new Event('visibilitychange'))
}

const begun: LiveStream[] = []
const open = (from: ReturnType<typeof server>, channel: Channel | null = null) => {
  const made = streamTo(from, channel)
  begun.push(made.stream)
  return made
}

beforeEach(() => { vi.useFakeTimers(); vi.spyOn(Math, 'random').mockReturnValue(1) })
afterEach(() => { for (const stream of begun.splice(0)) stream.stop(); vi.useRealTimers() })

describe('a stream', () => {
  it('says who asks, hands on what comes, and goes on after the last event it had', async () => {
    const there = server()
    const { states, events } = open(there)
    await pass()
    expect(there.asked[0]?.get('x-user-id')).toBe('ana')
    expect(there.asked[0]?.has('last-event-id')).toBe(false)
    there.says('id: 41\nevent: text\ndata: {"a":1}\n\nid: 42\nevent: te')
    await pass()
    expect(events).toEqual([{ event: 'text', data: '{"a":1}', lastId: '41' }])
    there.breaks()
    await pass(1000)
    expect(there.asked[1]?.get('last-event-id'), 'half an event is none').toBe('41')
    there.says('id: 42\nevent: text\ndata: {}\n\n')
    await pass()
    expect(events.map(({ lastId }) => lastId)).toEqual(['41', '42'])
    expect(states).toEqual(['connecting', 'open', 'waiting', 'waiting', 'open'])
  })

  it('comes back later each time while it fails, and at once when something says that it may work', async () => {
    const there = server()
    there.answers(() => { throw new TypeError('nobody is there') })
    open(there)
    await pass()
    for (const [seconds, tries] of [[1, 2], [2, 3], [4, 4], [8, 5], [16, 6], [30, 7], [30, 8]] as const) {
      await pass(seconds * 1000 - 1)
      expect(there.asked.length, `before ${String(seconds)} s`).toBe(tries - 1)
      await pass(1)
      expect(there.asked.length, `after ${String(seconds)} s`).toBe(tries)
    }
    there.answers(null)
    window.dispatchEvent(new Event('online'))
    await pass()
    expect(there.asked).toHaveLength(9)
  })

  it('leaves a server alone for as long as it asks to be', async () => {
    const there = server()
    there.answers(() => new Response('{}', { status: 503, headers: { 'retry-after': '120' } }))
    open(there)
    await pass(119_000)
    expect(there.asked).toHaveLength(1)
    await pass(1000)
    expect(there.asked).toHaveLength(2)
  })

  it('takes no page for a stream, as a proxy may answer with one', async () => {
    const there = server()
    there.answers(() => new Response('<h1>Welcome</h1>', { headers: { 'content-type': 'text/html' } }))
    const { states } = open(there)
    await pass()
    expect(states).toEqual(['connecting', 'waiting'])
  })

  it('takes a connection on which nothing comes for dead', async () => {
    const there = server()
    open(there)
    await pass()
    for (let turn = 0; turn < 4; turn += 1) {
      await pass(30_000)
      there.says(': alive\n')
      await pass()
    }
    expect(there.asked).toHaveLength(1)
    await pass(41_000)
    expect(there.asked).toHaveLength(2)
  })

  it('is given up by a page that nobody sees for a minute, and back with the next look', async () => {
    const there = server()
    const { states } = open(there)
    await pass()
    look(true)
    await pass(20_000)
    look(false)
    await pass(15_000)
    expect(there.asked, 'a short look elsewhere costs nothing').toHaveLength(1)
    there.says(': alive\n')
    look(true)
    await pass(35_000)
    there.says(': alive\n')
    await pass(25_000)
    expect(there.asked).toHaveLength(1)
    expect(states.at(-1)).toBe('waiting')
    look(false)
    await pass()
    expect(there.asked).toHaveLength(2)
    expect(states.at(-1)).toBe('open')
  })

  it('that is stopped stays so', async () => {
    const there = server()
    const { stream, states } = open(there)
    await pass()
    stream.stop()
    window.dispatchEvent(new Event('online'))
    await pass(120_000)
    expect(there.asked).toHaveLength(1)
    expect(states.at(-1)).toBe('closed')
  })
})

/** Makes what each window's channel is made of: what one says, all others hear. */
function makeWindows() {
  const all = new Set<Channel>()
  return (): Channel => {
    const channel: Channel = {
      onmessage: null,
      postMessage: (message) => { for (const other of all) if (other !== channel) queueMicrotask(() => other.onmessage?.({ data: structuredClone(message) } as MessageEvent)) },
      close: () => { all.delete(channel) },
    }
    all.add(channel)
    return channel
  }
}

describe('many windows of one browser', () => {
  beforeEach(() => { let drawn = 0; vi.spyOn(Math, 'random').mockImplementation(() => { drawn += 1; return (drawn % 97) / 97 }) })

  it('have four streams, so that connections are left for what pages ask; one that closes makes room', async () => {
    const window = makeWindows()
    const all = Array.from({ length: 7 }, () => open(server(), window()))
    await pass()
    const live = () => all.filter(({ states }) => states.at(-1) === 'open')
    await vi.waitFor(() => { expect(live()).toHaveLength(4) })
    const later = open(server(), window())
    await pass(200)
    expect(later.states.at(-1), 'whoever comes later takes nobody’s').toBe('waiting')
    expect(live()).toHaveLength(4)
    live()[0]?.stream.stop()
    await pass(4000)
    expect([...live(), later].filter(({ states }) => states.at(-1) === 'open')).toHaveLength(4)
    const asked = all.map(({ states }) => states.length)
    await pass(10_000)
    expect(all.map(({ states }) => states.length), 'nobody pushes').toEqual(asked)
  })

  it('that nobody sees give theirs up as soon as another wants one', async () => {
    const window = makeWindows()
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(false)
    const first = open(server(), window())
    await pass()
    const second = new LiveStream({ url: '/stream', headers: () => ({}), fetch: server().fetch, channel: window(), onState: () => undefined, onEvent: () => undefined })
    begun.push(second)
    // Both share one document here, and the second is the one that is looked at.
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(false)
    second.start()
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    await pass()
    expect(first.states.at(-1)).toBe('waiting')
  })

  it('hear nothing that is no word of theirs', async () => {
    const channel = makeWindows()()
    const there = server()
    const { states } = open(there, channel)
    await pass()
    for (const data of [null, 7, 'taken', { is: 'held' }, { is: 'held', by: 'x', to: 'y' }, { is: 'taken' }, { is: 'left', by: 3 }]) channel.onmessage?.({ data } as MessageEvent)
    await pass()
    expect(states.at(-1)).toBe('open')
  })
})
