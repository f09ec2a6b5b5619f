import { nameOrder } from '@/format/intl'
import { nodeName, plain } from '@/format/names'
import { parseTime } from '@/format/time'
import type { ColumnName, Show } from './columns'
import type { NodesSearch } from './search'
import type { Node } from '@/api/schema'

/** A node with what searching and sorting ask of it again and again. */
export interface Row {
  readonly node: Node
  readonly name: string
  /** What is searched in. */
  readonly text: string
  readonly radioAt: number | null
  readonly mqttAt: number | null
  readonly heardAt: number
}

/** Sent every few hours by nodes that live: what was not heard for longer is old news. */
export const EXPECTED = 2 * 3_600_000
/** After this long without a sign a node counts as silent. */
const SILENT = 24 * 3_600_000

export function rowOf(node: Node): Row {
  const name = nodeName(node)
  const words = [name, node.long_name, node.short_name, node.node_id, node.hardware, node.role, ...node.bridges]
  return {
    node, name,
    text: plain(words.filter((word) => word != null).join('\n')),
    radioAt: parseTime(node.heard_by_radio?.at),
    mqttAt: parseTime(node.heard_over_mqtt?.at),
    heardAt: parseTime(node.last_heard) ?? 0,
  }
}

function isShown(row: Row, show: Show | undefined, now: number): boolean {
  switch (show) {
    case undefined:
    case 'all': return true
    case 'stations': return row.node.is_station
    case 'radio': return row.radioAt !== null
    case 'mqtt': return row.radioAt === null && row.mqttAt !== null
    case 'silent': return now - row.heardAt > SILENT
    case 'changed': return row.node.key_changed_at != null
  }
}

/** Returns the rows that were asked for, in the order that was asked for. */
export function select(rows: readonly Row[], search: NodesSearch, now: number): Row[] {
  const words = plain(search.q ?? '').split(/\s+/).filter((word) => word !== '')
  const chosen = rows.filter((row) =>
    isShown(row, search.show, now)
    && (search.role === undefined || row.node.role === search.role)
    && (search.bridge === undefined || row.node.bridges.includes(search.bridge))
    && words.every((word) => row.text.includes(word)))
  return sorted(chosen, search.sort ?? 'radio', search.desc === true)
}

type Sortable = number | string | null

const collator = nameOrder()

/** What a column is sorted by. Times count backwards: the latest comes first, as the age that is shown is the least. */
function valueOf(row: Row, column: ColumnName): Sortable {
  const { node } = row
  const ago = (at: number | null) => (at === null ? null : -at)
  switch (column) {
    case 'name': return row.name
    case 'id': return node.node_id
    case 'hardware': return node.hardware ?? null
    case 'role': return node.role ?? null
    case 'radio': return ago(row.radioAt)
    case 'mqtt': return ago(row.mqttAt)
    case 'battery': return node.power?.external_power === true && node.power.battery_pct == null ? 101 : node.power?.battery_pct ?? null
    case 'snr': return node.heard_by_radio?.snr_db ?? null
    case 'hops': return node.heard_by_radio?.hops_away ?? null
    case 'position': return node.position?.latitude ?? null
    case 'bridges': return node.bridges[0] ?? null
    case 'first': return ago(parseTime(node.first_heard))
  }
}

/** Sorts by a column; what has no value comes last, whichever way. Equals stand by name, then id. */
function sorted(rows: readonly Row[], column: ColumnName, isDescending: boolean): Row[] {
  const keyed = rows.map((row) => ({ row, value: valueOf(row, column) }))
  const way = isDescending ? -1 : 1
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null) || tie(a.row, b.row)
    const order = typeof a.value === 'string' ? collator.compare(a.value, String(b.value)) : a.value - Number(b.value)
    return order * way || tie(a.row, b.row)
  })
  return keyed.map(({ row }) => row)
}

function tie(a: Row, b: Row): number {
  return collator.compare(a.name, b.name) || (a.node.node_id < b.node.node_id ? -1 : 1)
}

/** Returns the values that a filter offers: those that there are, in the order of the alphabet. */
export function choices(rows: readonly Row[], of: (node: Node) => readonly (string | null | undefined)[]): string[] {
  const all = new Set(rows.flatMap((row) => of(row.node)).filter((value) => value != null))
  return [...all].sort(collator.compare)
}

/** Puts what was heard since into the whole list. */
export function merged(all: readonly Node[], news: readonly Node[]): readonly Node[] {
  if (news.length === 0) return all
  const byId = new Map(all.map((node) => [node.node_id, node]))
  for (const node of news) byId.set(node.node_id, node)
  return [...byId.values()]
}

/** What the firmware calls a thing, as a person reads it: `HELTEC_V3` is `Heltec V3`. */
export function readable(constant: string): string {
  return constant.replace(/_+/g, ' ').trim().replace(/\p{L}[\p{L}\p{N}]*/gu, (word) => (word.length <= 2 || /\d/.test(word) ? word : word.slice(0, 1) + word.slice(1).toLowerCase()))
}
