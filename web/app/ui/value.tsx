import { useFormat } from '@/format/hooks'
import type { Quantity } from '@/format/quantities'
import { cx } from './cx'

interface ValueProps {
  readonly quantity: Quantity
  readonly value: number | null | undefined
  readonly className?: string
  /** Classes of the unit, which is smaller and quieter than the figure. */
  readonly unitClassName?: string
}

/** A measured value with its unit, in the chosen system; an em dash where there is none, for absent is not zero. */
export function Value({ quantity, value, className, unitClassName }: ValueProps) {
  const { quantity: format } = useFormat()
  const formatted = format(quantity, value)
  if (formatted === null) return <span className={cx('tabular text-muted', className)}>—</span>
  const tight = formatted.unit === '°'
  return (
    <span className={cx('tabular whitespace-nowrap', className)}>
      {formatted.text}
      {formatted.unit !== '' && <span className={cx('text-[max(0.75rem,0.7em)] font-normal text-muted', unitClassName)}>{tight ? '' : '\u00a0'}{formatted.unit}</span>}
    </span>
  )
}
