import { type RefObject, useEffect, useRef, useState } from 'react'

/** How wide an element is, in whole pixels, as that changes. */
export function useWidth(): readonly [RefObject<HTMLDivElement | null>, number] {
  const element = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  useEffect(() => {
    if (element.current === null) return
    const observer = new ResizeObserver(([entry]) => { setWidth(Math.floor(entry?.contentRect.width ?? 0) + 24) })
    observer.observe(element.current)
    return () => { observer.disconnect() }
  }, [])
  return [element, width]
}
