import { panned, type Range, zoomed } from './range'

interface Gestures {
  readonly range: () => Range
  /** Shows a range while the hand moves; asks nothing of the server. */
  readonly preview: (range: Range) => void
  /** Keeps the range that was shown last. */
  readonly settle: (range: Range) => void
}

/** After this long without a turn of the wheel, its turning is over. */
const WHEEL_REST = 220

/**
 * Lets fingers and wheel move a chart: one finger moves it sideways, two fingers bring it closer, a wheel with Ctrl (as a pinch
 * on a touchpad is told) too, and a wheel sideways or with Shift moves it. A wheel alone scrolls the page. Returns what ends it.
 */
export function followGestures(element: HTMLElement, { range, preview, settle }: Gestures): () => void {
  const fingers = new Map<number, PointerEvent>()
  let start: { range: Range; middle: number; apart: number } | null = null
  let shown: Range | null = null
  let rest = 0

  const share = (x: number) => {
    const box = element.getBoundingClientRect()
    return Math.min(1, Math.max(0, (x - box.left) / Math.max(1, box.width)))
  }
  const show = (next: Range) => { shown = next; preview(next) }
  const hold = () => {
    const xs = [...fingers.values()].map((finger) => finger.clientX)
    start = xs.length === 0 ? null : { range: shown ?? range(), middle: mean(xs), apart: apartOf(xs) }
  }
  const onDown = (event: PointerEvent) => {
    if (event.pointerType !== 'touch') return
    fingers.set(event.pointerId, event)
    hold()
  }
  const onMove = (event: PointerEvent) => {
    if (!fingers.has(event.pointerId) || start === null) return
    fingers.set(event.pointerId, event)
    const xs = [...fingers.values()].map((finger) => finger.clientX)
    const wide = Math.max(1, element.getBoundingClientRect().width)
    const now = Date.now()
    const moved = panned(start.range, (start.middle - mean(xs)) / wide, now)
    if (xs.length < 2) { show(moved); return }
    const at = moved.from + (moved.to - moved.from) * share(mean(xs))
    show(zoomed(moved, start.apart / Math.max(20, apartOf(xs)), at, now))
  }
  const onUp = (event: PointerEvent) => {
    if (!fingers.delete(event.pointerId)) return
    hold()
    if (fingers.size === 0 && shown !== null) { settle(shown); shown = null }
  }
  const onWheel = (event: WheelEvent) => {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX
    if (!event.ctrlKey && Math.abs(sideways) <= Math.abs(event.shiftKey ? 0 : event.deltaY)) return
    event.preventDefault()
    const current = shown ?? range()
    const now = Date.now()
    if (event.ctrlKey) show(zoomed(current, Math.exp(event.deltaY * 0.01), current.from + (current.to - current.from) * share(event.clientX), now))
    else show(panned(current, sideways / Math.max(1, element.clientWidth), now))
    window.clearTimeout(rest)
    rest = window.setTimeout(() => { if (shown !== null) { settle(shown); shown = null } }, WHEEL_REST)
  }

  const pointers = [['pointerdown', onDown], ['pointermove', onMove], ['pointerup', onUp], ['pointercancel', onUp]] as const
  for (const [name, listener] of pointers) element.addEventListener(name, listener)
  element.addEventListener('wheel', onWheel, { passive: false })
  // Up and down the page still scrolls.
  element.style.touchAction = 'pan-y'
  return () => {
    for (const [name, listener] of pointers) element.removeEventListener(name, listener)
    element.removeEventListener('wheel', onWheel)
    window.clearTimeout(rest)
  }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
const apartOf = (xs: readonly number[]) => Math.max(20, Math.max(...xs) - Math.min(...xs))
