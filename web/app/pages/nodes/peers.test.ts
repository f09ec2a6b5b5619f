import { expect, it } from 'vitest'
import { fingerprint, peersOf, stepsOf } from './peers'

const at = '2026-06-01T12:00:00Z'
const later = '2026-06-01T13:00:00Z'

it('puts both directions of a link on one line', () => {
  const peers = peersOf({
    receptions: [{ bridge_id: 'roof', at, snr_db: 5, rssi_dbm: -90, hops_away: 1, via_mqtt: false }, { bridge_id: 'roof', at, snr_db: 9, via_mqtt: true }],
    neighbors: [{ node_id: '!b', snr_db: -3, at }],
    heard_by: [{ node_id: '!b', snr_db: 2, at }, { node_id: '!c', snr_db: 1, at: later }],
  })
  expect(peers.map((peer) => [peer.bridge ?? peer.node, peer.hearsIt?.snr ?? null, peer.heardByIt?.snr ?? null])).toEqual([['roof', 5, null], ['roof', null, null], ['!c', 1, null], ['!b', 2, -3]])
  expect(peers[1]?.hearsIt?.viaMqtt).toBe(true)
})

it('draws a way from end to end, with what is not known left open', () => {
  expect(stepsOf('!a', ['!r', '!s'], '!b', [4, null])).toEqual([{ node: '!a', snr: null }, { node: '!r', snr: 4 }, { node: '!s', snr: null }, { node: '!b', snr: null }])
})

it('shows of a key what a person can compare', () => {
  expect(fingerprint(btoa('\x00\x01\x02\x03\x04\x05\x06\xff and more'))).toBe('0001 0203 0405 06ff')
  expect(fingerprint('no base64!')).toBe('—')
})
