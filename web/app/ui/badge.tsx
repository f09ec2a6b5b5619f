import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { cx } from './cx'
import { SOFT, type Tone } from './tone'

interface BadgeProps {
  readonly tone?: Tone
  readonly icon?: LucideIcon
  readonly children: ReactNode
  readonly className?: string
}

/** A word or two about a state, with an icon so that the colour is not alone. */
export function Badge({ tone = 'neutral', icon: Icon, children, className }: BadgeProps) {
  return (
    <span className={cx('inline-flex items-center gap-1 rounded-md px-1.5 py-0.5 text-xs font-medium whitespace-nowrap', SOFT[tone], className)}>
      {Icon !== undefined && <Icon aria-hidden className="size-3.5 shrink-0" />}
      {children}
    </span>
  )
}
