import { describe, expect, it } from 'vitest'
import type { ConversationText, Gaps } from '@/api/schema'
import { bytesLeft } from './composer'
import { missing, tell } from './story'

const out = (seq: number, at: string, text: string, more: object = {}): ConversationText => ({
  direction: 'out', id: `out-${String(seq)}`, seq, target_node_id: '!a1b2c3d4', text, sent_as: `ana: ${text}`, status: 'pending', says: '', charge: 'reserved', created_at: at, expires_at: at, ...more,
})
const received = (seq: number, at: string, text: string, more: object = {}): ConversationText => ({
  direction: 'in', id: `in-${String(seq)}`, seq, from_node_id: '!a1b2c3d4', text, reaction: false, heard_at: at, received_at: at, packet_id: 70 + seq, ...more,
})

describe('the bytes of a text', () => {
  const ana = { prefix: 'ana: ', max_bytes: 200 }
  it('are those of UTF-8, beside the handle', () => {
    expect(bytesLeft('', ana)).toBe(195)
    expect(bytesLeft('ü', ana)).toBe(193)
    expect(bytesLeft('👋', ana)).toBe(191)
    expect(bytesLeft('a'.repeat(195), ana)).toBe(0)
    expect(bytesLeft('ü'.repeat(98), ana)).toBe(-1)
    expect(bytesLeft('a', undefined)).toBe(199)
  })
})

describe('a conversation', () => {
  it('has a line for each day, and quotes what is answered', () => {
    const texts = [out(1, '2026-06-01T12:00:00Z', 'are you there'), received(2, '2026-06-03T12:00:00Z', 'yes', { answers: 'out-1' }), out(3, '2026-06-03T12:01:00Z', 'good', { reply_to: 72 })]
    const items = tell(texts, [], [])
    expect(items.map(({ kind }) => kind)).toEqual(['day', 'sent', 'day', 'received', 'sent'])
    expect(items.map((item) => ('quoted' in item ? item.quoted : undefined))).toEqual([undefined, null, undefined, 'are you there', 'yes'])
  })

  it('puts a reaction under the text it is about, and shows it by itself if that is not there', () => {
    const reaction = received(2, '2026-06-01T12:01:00Z', '👍', { answers: 'out-1', reaction: true })
    const [, sent, ...rest] = tell([out(1, '2026-06-01T12:00:00Z', 'hi'), reaction], [], [])
    expect(sent).toMatchObject({ kind: 'sent', reactions: ['👍'] })
    expect(rest).toEqual([])
    expect(tell([reaction], [], []).map(({ kind }) => kind)).toEqual(['day', 'received'])
  })

  it('shows what is not sent at the end, and not twice once the server has it', () => {
    const unsent = { id: 'k', node: '!a1b2c3d4', text: 'hi', replyTo: null, writtenAt: Date.parse('2026-06-01T12:00:00Z'), triedAt: 1, refused: null }
    expect(tell([], [unsent], []).map(({ kind }) => kind)).toEqual(['day', 'unsent'])
    expect(tell([out(1, '2026-06-01T12:00:01Z', 'hi')], [unsent], []).map(({ kind }) => kind)).toEqual(['day', 'sent'])
    expect(tell([out(1, '2026-06-01T11:00:01Z', 'hi')], [unsent], []).map(({ kind }) => kind)).toEqual(['day', 'sent', 'unsent'])
  })

  it('says where texts may be missing, and not of a bridge alone what is true of all', () => {
    const gaps: Gaps = {
      from: '2026-06-01T00:00:00Z', to: '2026-06-02T00:00:00Z', next: null,
      silent: [{ from: '2026-06-01T03:10:00Z', until: '2026-06-01T03:25:00Z' }],
      data: [
        { bridge_id: 'roof', from: '2026-06-01T03:10:00Z', until: '2026-06-01T03:25:00Z', reason: 'radio' },
        { bridge_id: 'cellar', from: '2026-06-01T05:00:00Z', until: null, reason: 'silent' },
        { bridge_id: 'roof', from: '2026-06-01T06:00:00Z', until: '2026-06-01T06:00:10Z', reason: 'radio' },
      ],
    }
    const told = missing(gaps, Date.parse('2026-06-01T12:00:00Z'))
    expect(told.map(({ bridge }) => bridge)).toEqual([null, 'cellar'])
    const texts = [out(1, '2026-06-01T03:00:00Z', 'a'), out(2, '2026-06-01T04:00:00Z', 'b')]
    expect(tell(texts, [], told).map(({ kind }) => kind)).toEqual(['day', 'sent', 'gap', 'sent', 'gap'])
    expect(tell([out(2, '2026-06-01T04:00:00Z', 'b')], [], told).map(({ kind }) => kind)).toEqual(['day', 'sent', 'gap'])
  })
})

it('tells of one power cut once, though each bridge has its own moment', () => {
  const now = Date.parse('2026-06-01T04:00:00Z')
  const gap = (bridge_id: string, from: string, until: string) => ({ bridge_id, from, until, reason: 'stopped' as const })
  const cut: Gaps = {
    from: '2026-06-01T00:00:00Z', to: '2026-06-01T04:00:00Z', next: null,
    silent: [{ from: '2026-06-01T03:10:01Z', until: '2026-06-01T03:12:00Z' }],
    data: [gap('roof', '2026-06-01T03:10:00Z', '2026-06-01T03:12:00Z'), gap('cellar', '2026-06-01T03:10:01Z', '2026-06-01T03:30:00Z')],
  }
  expect(missing(cut, now).map(({ bridge }) => bridge)).toEqual([null, 'cellar'])
})
