import { Trans } from '@lingui/react/macro'
import { CircleAlert, CircleCheck, CircleDashed, CircleDot } from 'lucide-react'
import { useFormat, useNow } from '@/format/hooks'
import { type Freshness, freshness, parseTime } from '@/format/time'
import { cx } from './cx'
import { INK, type Tone } from './tone'

const LOOK: Record<Freshness, { tone: Tone; icon: typeof CircleDot }> = {
  fresh: { tone: 'good', icon: CircleCheck },
  aging: { tone: 'warn', icon: CircleDot },
  stale: { tone: 'bad', icon: CircleAlert },
  never: { tone: 'neutral', icon: CircleDashed },
}

interface AgeProps {
  /** A time of the API. */
  readonly at: string | null | undefined
  /** How often news is expected, in milliseconds; the age is judged by it. Without it there is no colour and no icon. */
  readonly expected?: number
  readonly className?: string
}

/** How long ago something was, which goes on counting; the time itself is its tooltip. */
export function Age({ at, expected, className }: AgeProps) {
  const now = useNow()
  const { age, dateTime } = useFormat()
  const time = parseTime(at)
  const judged = freshness(time === null ? null : now - time, expected)
  const { tone, icon: Icon } = LOOK[judged]
  const words = time === null ? <Trans>never</Trans> : age(now - time)
  return (
    <span className={cx('tabular inline-flex items-center gap-1 whitespace-nowrap', expected === undefined ? 'text-muted' : INK[tone], className)}>
      {expected !== undefined && <Icon aria-hidden className="size-3.5 shrink-0" />}
      {time === null ? words : <time dateTime={new Date(time).toISOString()} title={dateTime(time)}>{words}</time>}
    </span>
  )
}
