import { describe, expect, it } from 'vitest'
import { Problem, Unreachable } from '@/api/problem'
import { Outbox, type Unsent, type World } from './outbox'

const ANA = 'ana'

/** A browser's storage, a lock that windows share, and a server that knows idempotency keys. */
function house() {
  const kept = new Map<string, string>()
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => { kept.set(key, value) },
    removeItem: (key: string) => { kept.delete(key) },
  }
  let line = Promise.resolve()
  const alone = (work: () => Promise<void>) => {
    const turn = line.then(work)
    line = turn.catch(() => undefined)
    return turn
  }
  const server = { taken: new Map<string, string>(), posts: 0, answer: (_text: Unsent): void => undefined }
  const clock = { now: 1_000_000 }
  let id = 0
  const world: World = {
    storage, alone,
    now: () => clock.now,
    wait: (ms) => { clock.now += ms; return Promise.resolve() },
    drawId: () => { id += 1; return `key-${String(id)}` },
    post: async (_user, text) => {
      server.posts += 1
      await Promise.resolve()
      server.answer(text)
      server.taken.set(text.id, text.text)
    },
  }
  return { world, server, clock, storage, window: () => new Outbox(ANA, world) }
}

const away = () => { throw new Unreachable('away') }
const refuse = (status: number, code: string, retryAfter: number | null = null) => () => { throw new Problem({ status, code, title: code }, retryAfter) }

describe('the outbox', () => {
  it('posts in order and forgets what was taken', async () => {
    const { window, server } = house()
    const box = window()
    box.add('!a', 'one', null)
    box.add('!a', 'two', 7)
    await box.flush()
    expect([...server.taken.values()]).toEqual(['one', 'two'])
    expect(box.texts()).toEqual([])
  })

  it('keeps what cannot be posted, over a reload, and sends it once when the server is back', async () => {
    const { window, server } = house()
    server.answer = away
    const box = window()
    box.add('!a', 'hello', null)
    await box.flush()
    expect(box.texts()).toHaveLength(1)

    server.answer = () => undefined
    const reloaded = window()
    expect(reloaded.texts()[0]?.text).toBe('hello')
    await reloaded.flush()
    await box.flush()
    expect([...server.taken]).toEqual([['key-1', 'hello']])
  })

  it('posts with the same key again if nobody knows whether the answer was lost', async () => {
    const { window, server } = house()
    const keys: string[] = []
    server.answer = (text) => { keys.push(text.id); server.taken.set(text.id, text.text); away() }
    const box = window()
    box.add('!a', 'hello', null)
    await box.flush()
    server.answer = (text) => { keys.push(text.id) }
    await box.flush()
    expect(keys).toEqual(['key-1', 'key-1'])
    expect(server.taken.size).toBe(1)
  })

  it('lets one of two windows post, never both', async () => {
    const { window, server } = house()
    const [one, two] = [window(), window()]
    one.add('!a', 'hello', null)
    two.add('!a', 'again', null)
    await Promise.all([one.flush(), two.flush(), one.flush()])
    expect(server.posts).toBe(2)
    expect(server.taken.size).toBe(2)
  })

  it('keeps what is refused for its writer to decide, and posts the others', async () => {
    const { window, server } = house()
    server.answer = (text) => { if (text.text === 'bad') refuse(403, 'node_not_listed')() }
    const box = window()
    box.add('!a', 'bad', null)
    box.add('!b', 'good', null)
    await box.flush()
    expect(box.texts().map((text) => [text.text, text.refused?.code])).toEqual([['bad', 'node_not_listed']])
    await box.flush()
    expect(server.posts).toBe(2)

    server.answer = () => undefined
    box.again('key-1')
    await box.flush()
    expect([...server.taken.values()]).toEqual(['good', 'bad'])
  })

  it('waits as long as a server asks that has too much to do', async () => {
    const { window, server, clock } = house()
    const began = clock.now
    let tries = 0
    server.answer = () => { tries += 1; if (tries < 3) refuse(429, 'rate_limited', 5)() }
    const box = window()
    box.add('!a', 'hello', null)
    await box.flush()
    expect([server.taken.size, clock.now - began]).toEqual([1, 10_000])
  })

  it('asks its writer once the server has forgotten the key', async () => {
    const { window, server, clock } = house()
    server.answer = away
    const box = window()
    box.add('!a', 'hello', null)
    await box.flush()
    clock.now += 24 * 3600_000
    server.answer = () => undefined
    await box.flush()
    expect(server.taken.size).toBe(0)
    expect(box.isStale(box.texts()[0] as Unsent)).toBe(true)
    box.again('key-1')
    await box.flush()
    expect(server.taken.size).toBe(1)
  })

  it('is not undone by what somebody else wrote into its storage', () => {
    const { window, storage } = house()
    for (const rubbish of ['{', '7', '[null,{"id":1}]', '{"a":[]}']) {
      storage.setItem('kosmo.outbox.ana', rubbish)
      expect(window().texts()).toEqual([])
    }
  })
})
