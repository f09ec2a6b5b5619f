import { type Channel, Seats } from './seats'
import { EventStreamParser, type StreamEvent } from './sse'

/** How the stream is. `connecting` is the first try; `waiting` comes after one that ended. */
export type StreamState = 'connecting' | 'open' | 'waiting' | 'closed'

export interface StreamOptions {
  readonly url: string
  readonly headers: () => Record<string, string>
  readonly onEvent: (event: StreamEvent) => void
  readonly onState: (state: StreamState) => void
  /** Replaces the network, in tests. */
  readonly fetch?: typeof fetch
  /** What the windows of this browser agree by who has a stream; without it this one has one. */
  readonly channel?: Channel | null
}

/** The server writes at least a comment every 15 seconds: after this long without anything the connection is dead. */
const SILENCE = 40_000
const LONGEST_WAIT = 30_000
/** A page that nobody sees keeps its stream this long, if no other wants it. */
const HIDDEN = 60_000
/** How long a window that found no room for its stream waits until it looks again; one that closes may leave without a word. */
const NO_ROOM = 60_000

/**
 * A stream of server-sent events read with `fetch`, which unlike `EventSource` can say who asks. It comes back after every end,
 * later each time while it fails, and goes on after the last event it had.
 */
export class LiveStream {
  private readonly options: StreamOptions
  private lastId = ''
  private failures = 0
  private retry = 1000
  private abort: AbortController | null = null
  private timer = 0
  private watchdog = 0
  private hiding = 0
  private isStopped = false
  private hasNoRoom = false
  private readonly seats: Seats

  constructor(options: StreamOptions) {
    this.options = options
    this.seats = new Seats(options.channel ?? null, String(Math.random()), {
      isHidden: () => document.hidden,
      onLost: () => { this.giveUp(NO_ROOM); this.hasNoRoom = true },
      // Several windows may wait for the same room; they are not all to come at the same moment.
      onRoom: () => { if (this.hasNoRoom && !document.hidden) this.connectIn(Math.random() * 3000) },
    })
  }

  start(): void {
    document.addEventListener('visibilitychange', this.onVisibility)
    window.addEventListener('online', this.hurry)
    window.addEventListener('pagehide', this.onLeave)
    window.addEventListener('pageshow', this.onVisibility)
    if (!document.hidden) this.connect('connecting')
  }

  stop(): void {
    this.isStopped = true
    document.removeEventListener('visibilitychange', this.onVisibility)
    window.removeEventListener('online', this.hurry)
    window.removeEventListener('pagehide', this.onLeave)
    window.removeEventListener('pageshow', this.onVisibility)
    this.disconnect()
    this.seats.close()
    this.options.onState('closed')
  }

  private readonly onVisibility = (): void => {
    window.clearTimeout(this.hiding)
    if (document.hidden) this.hiding = window.setTimeout(() => { this.giveUp(null) }, HIDDEN)
    else this.hurry()
  }

  private readonly onLeave = (): void => { this.disconnect() }

  /** Ends the stream, and looks for another after some time if it is told to. */
  private giveUp(after: number | null): void {
    this.disconnect()
    this.options.onState('waiting')
    if (after !== null && !document.hidden) this.connectIn(after)
  }

  private connectIn(ms: number): void {
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => { this.connect('waiting') }, ms)
  }

  /** Something says that it may work again: the page is looked at, or the network is back. */
  private readonly hurry = (): void => {
    if (this.isStopped || this.abort !== null) return
    this.failures = 0
    this.connect('waiting')
  }

  private disconnect(): void {
    window.clearTimeout(this.timer)
    window.clearTimeout(this.watchdog)
    window.clearTimeout(this.hiding)
    this.abort?.abort()
    this.abort = null
    this.seats.leave()
  }

  private connect(state: StreamState): void {
    window.clearTimeout(this.timer)
    const abort = new AbortController()
    this.abort = abort
    this.hasNoRoom = false
    this.options.onState(state)
    this.seats.take()
    this.read(abort)
      .then((after) => { this.again(abort, after) }, () => { this.again(abort, null) })
  }

  /** Reads until the stream ends, and returns how many seconds the server asked to be left alone for. */
  private async read(abort: AbortController): Promise<number | null> {
    const { url, headers, onEvent, onState } = this.options
    const ask = this.options.fetch ?? window.fetch.bind(window)
    const resume: Record<string, string> = this.lastId === '' ? {} : { 'Last-Event-ID': this.lastId }
    const isGivenUp = () => abort.signal.aborted
    this.watch(abort)
    const response = await ask(url, { headers: { Accept: 'text/event-stream', ...headers(), ...resume }, signal: abort.signal, cache: 'no-store' })
    // It may have been given up just as the answer came.
    if (isGivenUp()) {
      await response.body?.cancel()
      return null
    }
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
    if (!response.ok || !isStream || response.body === null) {
      await response.body?.cancel()
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
      return Number.isFinite(seconds) ? seconds : null
    }
    onState('open')
    const parser = new EventStreamParser(this.lastId, (ms) => { this.retry = Math.min(Math.max(ms, 250), LONGEST_WAIT) })
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || isGivenUp()) return null
      this.watch(abort)
      for (const event of parser.push(value)) {
        this.lastId = event.lastId
        this.failures = 0
        onEvent(event)
      }
    }
  }

  private watch(abort: AbortController): void {
    window.clearTimeout(this.watchdog)
    this.watchdog = window.setTimeout(() => { abort.abort() }, SILENCE)
  }

  private again(abort: AbortController, after: number | null): void {
    if (this.abort !== abort) return
    this.disconnect()
    if (this.isStopped) return
    this.options.onState('waiting')
    const longest = Math.min(this.retry * 2 ** this.failures, LONGEST_WAIT)
    this.failures += 1
    // Many pages lose a server at the same moment; they are not all to come back at the same moment.
    const wait = after === null ? longest * (0.5 + Math.random() / 2) : Math.min(after, 300) * 1000
    this.connectIn(wait)
  }
}
