import { useEffect, useState } from 'react'

/** How long rows keep their places while their values go on changing. */
const PERIOD = 30_000

/** Returns the rows in the places that they had; new ones come last, and those that are gone leave no gap. */
export function inOrder<Row extends { readonly node: { readonly node_id: string } }>(rows: readonly Row[], places: ReadonlyMap<string, number>): readonly Row[] {
  const placeOf = (row: Row) => places.get(row.node.node_id) ?? places.size
  return places.size === 0 ? rows : rows.toSorted((a, b) => placeOf(a) - placeOf(b))
}

/**
 * Keeps rows from jumping away under the finger: who is heard changes each second, and a table by last heard with it. They take
 * the places that are right now whenever `key` changes (how they are sorted and filtered), and every half minute.
 */
export function useSettled<Row extends { readonly node: { readonly node_id: string } }>(rows: readonly Row[], key: string): readonly Row[] {
  const [settled, setSettled] = useState<{ key: string; places: ReadonlyMap<string, number> }>({ key, places: new Map() })
  const isNew = settled.key !== key || (settled.places.size === 0 && rows.length > 0)
  if (isNew) setSettled({ key, places: new Map(rows.map((row, place) => [row.node.node_id, place])) })
  useEffect(() => {
    const timer = window.setInterval(() => { setSettled((before) => ({ ...before, places: new Map() })) }, PERIOD)
    return () => { window.clearInterval(timer) }
  }, [])
  return isNew ? rows : inOrder(rows, settled.places)
}
