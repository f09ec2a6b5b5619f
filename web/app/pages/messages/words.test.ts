import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { EVENT, EVIDENCE, GAP, PROOF, REASON, STATUS, tickOf, WAIT } from './words'

interface Document { readonly components: { readonly schemas: Record<string, { readonly enum?: readonly string[] }> } }

const document = JSON.parse(readFileSync('../docs/api/openapi.json', 'utf8')) as Document
const codes = (name: string) => document.components.schemas[name]?.enum ?? []

/** The texts of a catalogue that are translated, by their source. */
function translated(locale: string): Set<string> {
  const entries = readFileSync(`app/pages/messages/locales/${locale}.po`, 'utf8').split('\n\n')
  const of = (entry: string, key: string) => {
    const lines = entry.slice(entry.indexOf(`${key} "`) + key.length + 1).split('\n')
    const end = lines.findIndex((line, at) => at > 0 && !line.startsWith('"'))
    return (end < 0 ? lines : lines.slice(0, end)).map((line) => JSON.parse(line) as string).join('')
  }
  return new Set(entries.filter((entry) => entry.includes('msgid "')).filter((entry) => of(entry, 'msgstr') !== '').map((entry) => of(entry, 'msgid')))
}

const TABLES = { MessageStatus: STATUS, MessageWait: WAIT, MessageEvidence: EVIDENCE, MessageReason: REASON, HappeningEvent: EVENT, GapReason: GAP }

describe('every code of the API', () => {
  it.each(Object.entries(TABLES))('%s has words, and no words are for codes that there are not', (name, words) => {
    expect(Object.keys(words).sort()).toEqual([...codes(name)].sort())
  })

  it.each(['en', 'cs', 'de'])('has its words in %s', (locale) => {
    const known = translated(locale)
    const sources = [...Object.values(TABLES), PROOF].flatMap((table) => Object.values(table)).map(({ message, id }) => message ?? id)
    expect(sources.filter((source) => !known.has(source))).toEqual([])
  })
})

describe('a tick', () => {
  it('never says that a text arrived unless something proves it', () => {
    for (const status of ['pending', 'queued', 'transmitted', 'failed', 'expired'] as const) {
      const { says, tone } = tickOf({ status, reason: 'MAX_RETRANSMIT', relayed_at: '2026-06-01T12:00:00Z' })
      expect(says.message).not.toMatch(/^It arrived/)
      expect(tone).not.toBe('good')
    }
    expect(tickOf({ status: 'delivered', evidence: 'ack' }).says.message).toMatch(/nobody knows whether they read it/)
    expect(tickOf({ status: 'delivered', evidence: 'reply', answered_at: '2026-06-01T12:00:00Z' }).says.message).toBe('It arrived: they answered it.')
  })

  it('tells what was surely not sent from what may have been', () => {
    expect(tickOf({ status: 'expired', outcome: 'not_sent', reason: 'never_granted' }).says.message).toBe('Not sent: no bridge could take it in time.')
    expect(tickOf({ status: 'expired', outcome: 'unknown' }).says.message).toMatch(/may have been sent/)
  })
})
