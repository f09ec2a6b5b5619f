/** A browser opens six connections to a server that speaks HTTP/1.1, for all its windows together. Streams take at most these. */
const MOST = 4

/** What windows say to each other: a `BroadcastChannel`, or a double of it. */
export interface Channel {
  postMessage: (message: unknown) => void
  onmessage: ((event: MessageEvent) => void) | null
  close: () => void
}

/** What a window does when it is told to give up its stream, or that there may be room for one. */
export interface Seated {
  readonly isHidden: () => boolean
  readonly onLost: () => void
  readonly onRoom: () => void
}

type Word = { readonly is: 'taken' | 'left'; readonly by: string } | { readonly is: 'held'; readonly by: string; readonly since: number; readonly to: string }

function readWord(data: unknown): Word | null {
  const word = data as Partial<Record<string, unknown>> | null
  if (typeof word !== 'object' || word === null || typeof word['by'] !== 'string') return null
  if (word['is'] === 'taken' || word['is'] === 'left') return { is: word['is'], by: word['by'] }
  if (word['is'] !== 'held' || typeof word['to'] !== 'string' || typeof word['since'] !== 'number') return null
  return { is: 'held', by: word['by'], since: word['since'], to: word['to'] }
}

/**
 * Shares out the few streams a browser can have among the windows of this app. Whoever takes one says so: a window that nobody sees
 * gives its own up at once, those that are seen answer since when they have one, and whoever hears of too many that came first goes
 * without, and reads again now and then instead. Without it the seventh window would wait for its very page.
 */
export class Seats {
  private readonly channel: Channel | null
  private readonly id: string
  private readonly seated: Seated
  private readonly holders = new Set<string>()
  private isSeated = false
  private since = 0

  constructor(channel: Channel | null, id: string, seated: Seated) {
    this.channel = channel
    this.id = id
    this.seated = seated
    if (channel !== null) channel.onmessage = ({ data }) => { this.hear(readWord(data)) }
  }

  /** Takes a seat. It may be lost again as soon as the others have answered. */
  take(): void {
    this.isSeated = true
    this.since = Date.now()
    this.holders.clear()
    this.channel?.postMessage({ is: 'taken', by: this.id } satisfies Word)
  }

  /** Leaves the seat to whoever waits for one. */
  leave(): void {
    if (!this.isSeated) return
    this.isSeated = false
    this.channel?.postMessage({ is: 'left', by: this.id } satisfies Word)
  }

  close(): void {
    this.leave()
    this.channel?.close()
  }

  private hear(word: Word | null): void {
    if (word === null || word.by === this.id) return
    if (word.is === 'left') {
      if (!this.isSeated) this.seated.onRoom()
      return
    }
    if (!this.isSeated) return
    if (word.is === 'taken' && !this.seated.isHidden()) {
      this.channel?.postMessage({ is: 'held', by: this.id, since: this.since, to: word.by } satisfies Word)
      return
    }
    if (word.is === 'held') {
      // Of windows that come at the same moment some are to stay.
      const cameFirst = word.since < this.since || (word.since === this.since && word.by < this.id)
      if (word.to !== this.id || !cameFirst) return
      this.holders.add(word.by)
      if (this.holders.size < MOST) return
    }
    // Without a word: the seat is another's already, and nobody is to come for it.
    this.isSeated = false
    this.seated.onLost()
  }
}
