import type { ReactNode } from 'react'
import { cx } from './cx'
import { FILL, type Tone } from './tone'

interface MeterProps {
  readonly label: ReactNode
  readonly value: number
  readonly max: number
  /** The same in words, like `3 of 50`. */
  readonly words: string
  readonly tone?: Tone
  readonly className?: string
}

/** How much of a whole is there, in words and as a bar. */
export function Meter({ label, value, max, words, tone = 'accent', className }: MeterProps) {
  const share = max <= 0 ? 0 : Math.min(1, Math.max(0, value / max))
  return (
    <div className={className}>
      <div className="flex items-baseline justify-between gap-3 text-sm">
        <span className="text-muted">{label}</span>
        <span className="tabular font-medium">{words}</span>
      </div>
      <div aria-hidden className="mt-1.5 h-1.5 overflow-hidden rounded-full bg-sunken">
        <div className={cx('h-full rounded-full transition-[width]', FILL[tone])} style={{ width: `${String(share * 100)}%` }} />
      </div>
    </div>
  )
}
