/** One event of a `text/event-stream`. */
export interface StreamEvent {
  readonly event: string
  readonly data: string
  /** The id of this event or of the last one that had one; empty if none had. */
  readonly lastId: string
}

/** The most characters that one event may have: a stream that never ends a line must not fill the memory. */
const MAX_EVENT = 1_000_000

/**
 * Reads `text/event-stream` as the HTML standard has it, piece by piece, wherever the pieces are cut.
 * `push` takes text and returns the events that ended in it; comments and `retry` are told to the callbacks.
 */
export class EventStreamParser {
  private rest = ''
  private started = false
  private event = ''
  private data: string[] = []
  private size = 0
  private lastId: string
  private readonly onRetry: (ms: number) => void

  constructor(lastId = '', onRetry: (ms: number) => void = () => undefined) {
    this.lastId = lastId
    this.onRetry = onRetry
  }

  push(chunk: string): StreamEvent[] {
    const events: StreamEvent[] = []
    this.rest += this.started ? chunk : chunk.replace(/^\uFEFF/, '')
    this.started ||= chunk !== ''
    // A carriage return at the very end may be half of a line's end.
    const lineEnd = /\r\n|\n|\r(?!$)/g
    let from = 0
    for (let match = lineEnd.exec(this.rest); match !== null; match = lineEnd.exec(this.rest)) {
      const done = this.line(this.rest.slice(from, match.index))
      if (done !== null) events.push(done)
      from = lineEnd.lastIndex
    }
    this.rest = this.rest.slice(from)
    if (this.rest.length + this.size > MAX_EVENT) throw new RangeError('an event is longer than any can be')
    return events
  }

  private line(line: string): StreamEvent | null {
    if (line === '') return this.dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return null
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line.charAt(colon + 1) === ' ' ? colon + 2 : colon + 1)
    switch (field) {
      case 'event': this.event = value; break
      case 'data': this.data.push(value); this.size += value.length; break
      case 'id': if (!value.includes('\0')) this.lastId = value; break
      case 'retry': if (/^\d+$/.test(value)) this.onRetry(Number(value)); break
      default: break
    }
    return null
  }

  private dispatch(): StreamEvent | null {
    const { event, data, lastId } = this
    this.event = ''
    this.data = []
    this.size = 0
    return data.length === 0 ? null : { event: event === '' ? 'message' : event, data: data.join('\n'), lastId }
  }
}
