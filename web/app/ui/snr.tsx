import { useFormat } from '@/format/hooks'
import { toneOfSnr } from '@/format/signal'
import { cx } from './cx'
import { INK } from './tone'

/** Signal to noise in decibels, with as many bars of four as it is worth; a dash where nobody told. */
export function Snr({ value }: { readonly value: number | null | undefined }) {
  const { number } = useFormat()
  if (value == null) return <span aria-hidden className="text-muted">—</span>
  const { tone, bars } = toneOfSnr(value)
  return (
    <span className="tabular inline-flex items-center gap-1.5 align-middle whitespace-nowrap">
      <svg aria-hidden viewBox="0 0 15 12" className={cx('h-3 w-[0.9375rem] shrink-0', INK[tone])}>
        {[1, 2, 3, 4].map((bar) => <rect key={bar} x={(bar - 1) * 4} y={12 - bar * 3} width="3" height={bar * 3} rx="0.75" fill="currentColor" opacity={bar <= bars ? 1 : 0.22} />)}
      </svg>
      {number(value, 1)}&#x202f;dB
    </span>
  )
}
