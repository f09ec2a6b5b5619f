/** How many pages are read if nothing else is said: 5,000 nodes, 10,000 links. Anybody can invent nodes, and a browser must stay usable. */
const MOST_PAGES = 5

/** A list that may have been cut. */
export interface Listed<T> {
  readonly rows: readonly T[]
  readonly isCut: boolean
}

/** Reads the pages of a list, one after the other; `ask` gets what says where the next one begins; no more than `most`. */
export async function pages<T>(ask: (after: { cursor?: string }) => Promise<{ data: T[]; next: string | null }>, most = MOST_PAGES): Promise<Listed<T>> {
  const rows: T[] = []
  let after: { cursor?: string } = {}
  for (let page = 0; page < most; page += 1) {
    const { data, next } = await ask(after)
    rows.push(...data)
    if (next === null) return { rows, isCut: false }
    after = { cursor: next }
  }
  return { rows, isCut: true }
}
