import { useCallback, useEffect, useState } from 'react'

interface Row {
  readonly node: { readonly node_id: string }
}

/** Rows that keep their places. */
export interface Settled<One> {
  readonly rows: readonly One[]
  /** Whether they would stand otherwise by now. */
  readonly isPast: boolean
  /** Has them take the places that are right now. */
  readonly settle: () => void
}

/** Returns the rows in the places that they had; new ones come last, and those that are gone leave no gap. */
export function inOrder<One extends Row>(rows: readonly One[], places: ReadonlyMap<string, number>): readonly One[] {
  const placeOf = (row: One) => places.get(row.node.node_id) ?? places.size
  return places.size === 0 ? rows : rows.toSorted((a, b) => placeOf(a) - placeOf(b))
}

/**
 * Keeps rows from jumping away under the finger: who is heard changes each second, and a table by last heard with it. They take
 * the places that are right now when `key` changes (how they are sorted and filtered), when somebody asks for it, and when somebody
 * comes back to the page.
 */
export function useSettled<One extends Row>(rows: readonly One[], key: string): Settled<One> {
  const [settled, setSettled] = useState<{ key: string; places: ReadonlyMap<string, number> }>({ key, places: new Map() })
  const isNew = settled.key !== key || (settled.places.size === 0 && rows.length > 0)
  if (isNew) setSettled({ key, places: new Map(rows.map((row, place) => [row.node.node_id, place])) })
  const settle = useCallback(() => { setSettled((before) => ({ ...before, places: new Map() })) }, [])
  useEffect(() => {
    const onSight = () => { if (!document.hidden) settle() }
    document.addEventListener('visibilitychange', onSight)
    return () => { document.removeEventListener('visibilitychange', onSight) }
  }, [settle])
  const kept = isNew ? rows : inOrder(rows, settled.places)
  return { rows: kept, isPast: kept.some((row, place) => row !== rows[place]), settle }
}
