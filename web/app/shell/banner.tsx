import { Trans } from '@lingui/react/macro'
import { CloudOff, RefreshCw } from 'lucide-react'
import { useEffect, useState } from 'react'
import { reachability, useReachability } from '@/api/reachability'
import { useFormat, useNow } from '@/format/hooks'
import { useLiveState } from '@/live/live'

/** How long a lost stream is no news: most are back before somebody has read that they were gone. */
const PATIENCE = 8000

/** Returns whether something has been true for so long. */
function useLasting(condition: boolean, ms: number): boolean {
  const [lasts, setLasts] = useState(false)
  useEffect(() => {
    const timer = window.setTimeout(() => { setLasts(condition); }, condition ? ms : 0)
    return () => { window.clearTimeout(timer); }
  }, [condition, ms])
  return lasts && condition
}

function Since({ at }: { readonly at: number }) {
  const { age } = useFormat()
  return <>{age(useNow() - at, 'long')}</>
}

/** While the server is away it is asked now and then, so that the page comes back by itself. */
function useProbe(isAway: boolean): void {
  useEffect(() => {
    if (!isAway) return undefined
    const probe = () => {
      if (document.hidden) return
      fetch('/healthz', { cache: 'no-store' }).then((answer) => { if (answer.ok) reachability.heard() }, () => undefined)
    }
    const timer = window.setInterval(probe, 4000)
    window.addEventListener('online', probe)
    return () => { window.clearInterval(timer); window.removeEventListener('online', probe) }
  }, [isAway])
}

/** Says in the header that values do not come by themselves at the moment. It moves nothing, for most of the time it is soon over. */
export function NotLive() {
  const { state } = useReachability()
  const stream = useLiveState()
  const isNotLive = useLasting(stream !== 'open', PATIENCE) && state === 'reachable'
  return (
    <div role="status" aria-live="polite" className="min-w-0">
      {isNotLive && (
        <p className="flex min-h-8 min-w-0 items-center gap-1.5 rounded-lg bg-warn-soft px-2.5 text-sm font-medium text-warn">
          <RefreshCw aria-hidden className="size-4 shrink-0" />
          <span className="max-md:hidden"><Trans>Not live at the moment: values are read again now and then.</Trans></span>
          <span className="md:hidden"><Trans>Not live</Trans></span>
        </p>
      )}
    </div>
  )
}

/** Says that the server is away, and as of when what is shown is. Nothing while it answers. */
export function Banner() {
  const { state, since } = useReachability()
  const isAway = state === 'unreachable'
  useProbe(isAway)
  return (
    <div role="status" aria-live="polite">
      {isAway && (
        <p className="flex min-h-10 items-center justify-center gap-2 bg-bad-soft px-4 py-1.5 text-sm font-medium text-bad">
          <CloudOff aria-hidden className="size-4 shrink-0" />
          <span><Trans>The server cannot be reached. What you see is as of <Since at={since} />.</Trans></span>
        </p>
      )}
    </div>
  )
}
