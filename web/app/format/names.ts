/** Characters that draw nothing or turn the direction of what follows: a name of nothing else is no name. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Zs}\u2800\u3164\u115f\u1160\uffa0]/gu
/** Characters that would make a line of a name look like something else than it is. Joiners stay: scripts and emoji need them. */
const DECEPTIVE = /[\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu
/** More marks on one letter than any language has; they would paint over the lines around. */
const MARKS = /(\p{M}{4})\p{M}+/gu

/** Returns a name as it may be shown in a line: without control characters, one line, never empty. */
export function safeName(name: string | null | undefined, otherwise: string): string {
  if (name == null || name.replace(INVISIBLE, '') === '') return otherwise
  return name.replace(/[\r\n\t\u2028\u2029]+/gu, ' ').replace(DECEPTIVE, '').replace(MARKS, '$1').trim()
}

/** What is known of a node's names. */
export interface Named {
  readonly node_id: string
  readonly long_name?: string | null | undefined
  readonly short_name?: string | null | undefined
}

/** Returns the name that a node goes by: its long one, else its short one, else its id. */
export function nodeName(node: Named): string {
  return safeName(node.long_name, safeName(node.short_name, node.node_id))
}

/** Returns a text as it is looked for: without case and without marks, so that `Mause` finds `Mäuseberg`. */
export function plain(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
}
