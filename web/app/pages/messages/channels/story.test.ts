import { expect, it } from 'vitest'
import type { ChannelText } from '@/api/schema'
import { tellChannel } from './story'

const said = (packet: number, at: string, text: string, more: object = {}): ChannelText => ({
  id: `text-${String(packet)}`, from_node_id: '!a1b2c3d4', packet_id: packet, text, reaction: false, heard_at: at, received_at: at, ...more,
})
const kinds = (lines: readonly { kind: string }[]) => lines.map(({ kind }) => kind)

it('puts reactions under what they are about, and quotes what is answered', () => {
  const lines = tellChannel([
    said(1, '2026-06-01T12:00:00Z', 'anybody there?'),
    said(2, '2026-06-01T12:00:10Z', '👍', { reaction: true, reply_to: 1, from_node_id: '!b1b2c3d4' }),
    said(3, '2026-06-01T12:00:20Z', 'yes', { reply_to: 1, from_node_id: '!b1b2c3d4' }),
  ], [])
  expect(kinds(lines)).toEqual(['day', 'said', 'said'])
  expect(lines[1]).toMatchObject({ reactions: ['👍'], quoted: null })
  expect(lines[2]).toMatchObject({ reactions: [], quoted: 'anybody there?' })
})

it('shows a reaction to what nobody knows by itself', () => {
  expect(kinds(tellChannel([said(2, '2026-06-01T12:00:10Z', '👍', { reaction: true, reply_to: 1 })], []))).toEqual(['day', 'said'])
})

it('takes for one contribution what one person says within a breath', () => {
  const lines = tellChannel([said(1, '2026-06-01T12:00:00Z', 'one'), said(2, '2026-06-01T12:01:00Z', 'two'), said(3, '2026-06-01T12:30:00Z', 'three')], [])
  expect(lines.map((line) => ('goesOn' in line ? line.goesOn : null))).toEqual([null, false, true, false])
})

it('says when nobody listened', () => {
  const gap = { from: Date.parse('2026-06-01T12:10:00Z'), until: Date.parse('2026-06-01T12:20:00Z'), bridge: null, reason: null }
  expect(kinds(tellChannel([said(1, '2026-06-01T12:00:00Z', 'one'), said(3, '2026-06-01T12:30:00Z', 'three')], [gap]))).toEqual(['day', 'said', 'gap', 'said'])
})
