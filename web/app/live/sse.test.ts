import { describe, expect, it } from 'vitest'
import { EventStreamParser } from './sse'

/** Parses a stream in pieces of `size`, and returns its events as `name: data #id`. */
function parse(text: string, size = text.length): string[] {
  const parser = new EventStreamParser()
  const events = []
  for (let from = 0; from < text.length; from += size) events.push(...parser.push(text.slice(from, from + size)))
  return events.map(({ event, data, lastId }) => `${event}: ${data} #${lastId}`)
}

describe('a stream of events', () => {
  it.each([
    ['of a name and an id', 'event: latest\nid: 7\ndata: {}\n\n', ['latest: {} #7']],
    ['of lines that end as Windows ends them', 'id: 1\r\ndata: a\r\ndata: b\r\n\r\n', ['message: a\nb #1']],
    ['of lines that end as old Macs ended them', 'data: a\r\rdata: b\r\r\n', ['message: a #', 'message: b #']],
    ['whose id stays until another comes', 'id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n', ['message: a #1', 'message: b #1', 'message: c #']],
    ['with comments, and names of fields that nobody knows', ': alive\n\nnonsense: 1\ndata:x\n\n', ['message: x #']],
    ['whose last event has not ended', 'data: a\n\ndata: b\n', ['message: a #']],
    ['with a mark of byte order', '\uFEFFdata: a\n\n', ['message: a #']],
    ['whose id may not hold what no header may', 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n', ['message: a #1', 'message: b #1']],
  ])('%s', (_, text, events) => {
    for (const size of [text.length, 1, 2, 3]) expect(parse(text, size)).toEqual(events)
  })

  it('tells how long to wait before the next try', () => {
    const waits: number[] = []
    new EventStreamParser('', (ms) => waits.push(ms)).push('retry: 2500\nretry: soon\n')
    expect(waits).toEqual([2500])
  })

  it('that never ends a line does not fill the memory', () => {
    const parser = new EventStreamParser()
    expect(() => { for (let piece = 0; piece < 20; piece += 1) parser.push('x'.repeat(100_000)) }).toThrow(RangeError)
    const lines = new EventStreamParser()
    expect(() => { for (let piece = 0; piece < 20; piece += 1) lines.push(`data: ${'x'.repeat(100_000)}\n`) }).toThrow(RangeError)
  })
})
