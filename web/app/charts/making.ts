/** The turn of whoever asked last. */
let last: Promise<unknown> = Promise.resolve()

/**
 * Waits for something, and for its turn: of the charts that a page has at once, each is made in a task of its own, so that what is
 * pressed meanwhile is heard.
 */
export function inTurn<Wanted>(wanted: Promise<Wanted>): Promise<Wanted> {
  const before = last
  const turn = (async () => {
    await before
    const there = await wanted
    await new Promise((resolve) => { window.setTimeout(resolve) })
    return there
  })()
  // A chart whose library does not come holds nobody up.
  last = turn.catch(() => undefined)
  return turn
}
