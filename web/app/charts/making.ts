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

/**
 * Makes something whose canvases the processor draws. Charts are small and drawn seldom: a graphics process that has to be started
 * first, or to keep a dozen of them, costs more than it saves. A canvas learns this only with its context, which uPlot asks for itself.
 */
export function drawnByProcessor<Made>(make: () => Made): Made {
  const own = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, 'getContext')
  if (own === undefined) return make()
  const getContext = own.value as (this: HTMLCanvasElement, kind: string, settings?: object) => unknown
  const gentle = function (this: HTMLCanvasElement, kind: string, settings?: object) {
    return getContext.call(this, kind, kind === '2d' ? { willReadFrequently: true, ...settings } : settings)
  }
  Object.defineProperty(HTMLCanvasElement.prototype, 'getContext', { ...own, value: gentle })
  try {
    return make()
  } finally {
    Object.defineProperty(HTMLCanvasElement.prototype, 'getContext', own)
  }
}
