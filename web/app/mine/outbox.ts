import { Problem } from '@/api/problem'

/** A text that the server has not confirmed yet. */
export interface Unsent {
  /** Its idempotency key: however often it is posted, it is sent once. */
  readonly id: string
  readonly node: string
  readonly text: string
  readonly replyTo: number | null
  readonly writtenAt: number
  /** When it was first posted; from then on it may have been taken. */
  readonly triedAt: number | null
  /** Why the server will not have it; it stays until its writer decides. */
  readonly refused: Refused | null
}

/** What the server said of a text that it refused. */
export interface Refused {
  readonly code: string
  readonly detail: string | null
  readonly resetsAt: string | null
}

/** What the outbox needs of the world. */
export interface World {
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  /** Runs alone among all windows of this browser. */
  readonly alone: (work: () => Promise<void>) => Promise<void>
  readonly now: () => number
  /** Posts a text. Rejects with a `Problem` if the server refuses it, with anything else if nobody knows. */
  readonly post: (user: string, text: Unsent) => Promise<void>
  readonly wait: (ms: number) => Promise<void>
  readonly drawId: () => string
}

/** The most texts that wait: more than any plan sends in a day. */
const MOST = 200
/** The server knows a key for a day; beyond this nobody knows whether the text was taken before. */
const KEY_LASTS = 23 * 3600_000
/** How often a text is posted that the server asks to hold back, before it waits for the next occasion. */
const PATIENCE = 3

const name = (user: string) => `kosmo.outbox.${user}`

function isUnsent(value: unknown): value is Unsent {
  const text = value as Partial<Unsent> | null
  return typeof text === 'object' && text !== null && typeof text.id === 'string' && typeof text.node === 'string'
    && typeof text.text === 'string' && typeof text.writtenAt === 'number'
}

/** Whether the server has understood and will refuse the same again. */
function isFinal(error: unknown): error is Problem {
  return error instanceof Problem && error.status >= 400 && error.status < 500 && error.code !== 'rate_limited' && error.status !== 408
}

/** The texts of one member that wait to be posted, kept over reloads, and posted by one window at a time. */
export class Outbox {
  private readonly world: World
  private readonly user: string
  private readonly listeners = new Set<() => void>()
  private shown: { raw: string | null; texts: readonly Unsent[] } = { raw: null, texts: [] }
  private flushing: Promise<void> | null = null

  constructor(user: string, world: World) {
    this.user = user
    this.world = world
  }

  /** What waits, the oldest first. The same list as long as nothing changes. */
  readonly texts = (): readonly Unsent[] => {
    const raw = this.world.storage.getItem(name(this.user))
    if (raw !== this.shown.raw) {
      let parsed: unknown = []
      try { parsed = JSON.parse(raw ?? '[]') } catch { /* whoever wrote that, it is no outbox */ }
      this.shown = { raw, texts: Array.isArray(parsed) ? parsed.filter(isUnsent) : [] }
    }
    return this.shown.texts
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Says that another window may have changed it. */
  changed(): void {
    this.listeners.forEach((listener) => { listener() })
  }

  /** Keeps a text until it is posted; false if there is no room for it. */
  add(node: string, text: string, replyTo: number | null): boolean {
    const texts = this.texts()
    if (texts.length >= MOST) return false
    const unsent: Unsent = { id: this.world.drawId(), node, text, replyTo, writtenAt: this.world.now(), triedAt: null, refused: null }
    return this.keep([...texts, unsent])
  }

  /** Forgets a text. */
  discard(id: string): void {
    this.keep(this.texts().filter((text) => text.id !== id))
  }

  /** Has a text posted that waits for its writer's decision, as a new one. */
  again(id: string): void {
    const change = (text: Unsent) => text.id === id ? { ...text, id: this.world.drawId(), triedAt: null, refused: null } : text
    this.keep(this.texts().map(change))
  }

  /** Whether nobody knows if a text was taken, because its key is no longer known to the server. */
  isStale(text: Unsent): boolean {
    return text.triedAt !== null && this.world.now() - text.triedAt > KEY_LASTS
  }

  /** Posts what waits, in order. Ends at the first text that cannot be posted now; the next flush goes on. */
  flush(): Promise<void> {
    this.flushing ??= this.world.alone(() => this.postAll()).finally(() => { this.flushing = null })
    return this.flushing
  }

  private async postAll(): Promise<void> {
    const seen = new Set<string>()
    for (;;) {
      // Read anew each time: another window may have added some, or posted them.
      const next = this.texts().find((text) => text.refused === null && !this.isStale(text) && !seen.has(text.id))
      if (next === undefined) return
      seen.add(next.id)
      if (!await this.postOne(next)) return
    }
  }

  private async postOne(text: Unsent): Promise<boolean> {
    this.change(text.id, { triedAt: text.triedAt ?? this.world.now() })
    for (let tries = 0; tries < PATIENCE; tries += 1) {
      try {
        await this.world.post(this.user, text)
        this.discard(text.id)
        return true
      } catch (error) {
        if (isFinal(error)) {
          const resets = (error.body as { resets_at?: unknown }).resets_at
          this.change(text.id, {
            // What was refused was surely not taken.
            triedAt: null,
            refused: { code: error.code, detail: error.body.detail ?? null, resetsAt: typeof resets === 'string' ? resets : null },
          })
          return true
        }
        if (!(error instanceof Problem) || error.code !== 'rate_limited') return false
        await this.world.wait(Math.min(error.retryAfter ?? 5, 60) * 1000)
      }
    }
    return false
  }

  private change(id: string, change: Partial<Unsent>): void {
    this.keep(this.texts().map((text) => (text.id === id ? { ...text, ...change } : text)))
  }

  private keep(texts: readonly Unsent[]): boolean {
    try {
      if (texts.length === 0) this.world.storage.removeItem(name(this.user))
      else this.world.storage.setItem(name(this.user), JSON.stringify(texts))
    } catch {
      return false
    } finally {
      this.changed()
    }
    return true
  }
}
