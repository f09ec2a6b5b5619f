import { type RefObject, useEffect, useState } from 'react'

/** How far from the window something is drawn, in pixels: before somebody who scrolls gets there. */
const AHEAD = 300

/** Whether an element is or ever was near what is seen. What is not need not be drawn: a station has a dozen charts, a window shows two. */
export function useNear(element: RefObject<HTMLElement | null>): boolean {
  const [isNear, setNear] = useState(() => !('IntersectionObserver' in window))
  useEffect(() => {
    const { current } = element
    if (isNear || current === null) return undefined
    // The page scrolls inside <main>, whose own edges are those that matter.
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) setNear(true)
    }, { root: current.closest('main'), rootMargin: `${String(AHEAD)}px 0px` })
    observer.observe(current)
    return () => { observer.disconnect() }
  }, [element, isNear])
  return isNear
}
