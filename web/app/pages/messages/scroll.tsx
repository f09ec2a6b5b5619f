import { type ReactNode, type RefObject, useLayoutEffect, useRef } from 'react'

/** How near to the end somebody is who follows what comes, in pixels. */
const NEAR = 80

interface Following {
  readonly box: RefObject<HTMLDivElement | null>
  readonly onScroll: () => void
  /** Stays where it is, though more is added above. */
  readonly leave: () => void
}

/**
 * Keeps a list of texts where it is read: what is added above moves nothing, what is added below is followed by whoever is there.
 * `oldest` tells the first text that there is.
 */
export function useScroll(items: readonly unknown[], oldest: string | undefined): Following {
  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const height = useRef(0)
  const shown = useRef(oldest)
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    if (shown.current !== oldest && shown.current !== undefined && !isAtEnd.current) element.scrollTop += element.scrollHeight - height.current
    else if (isAtEnd.current) element.scrollTop = element.scrollHeight
    shown.current = oldest
    height.current = element.scrollHeight
  }, [items, oldest])
  const onScroll = () => {
    const element = box.current
    if (element !== null) isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR
  }
  return { box, onScroll, leave: () => { isAtEnd.current = false } }
}

export function Scroll({ scroll, label, children }: { readonly scroll: Following; readonly label: string; readonly children: ReactNode }) {
  const { box, onScroll } = scroll
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by the keys that scroll it
    <div ref={box} onScroll={onScroll} className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-3 py-4 sm:px-5" tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  )
}
