import { Trans, useLingui } from '@lingui/react/macro'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { Meter } from '@/ui/meter'
import type { Tone } from '@/ui/tone'
import { useQuota } from './data'

/** How many texts are left of the period, and when it ends. */
export function QuotaMeter({ className }: { readonly className?: string }) {
  const { t } = useLingui()
  const { number, day } = useFormat()
  const { data } = useQuota()
  if (data === undefined) return null
  const { limit, used, left, reserved, plan } = data
  const resets = parseTime(data.resets_at)
  const date = resets === null ? '' : day(resets)
  if (limit === 0) return <p className={className}><span className="text-sm text-muted"><Trans>Your plan ({plan}) receives texts, and sends none.</Trans></span></p>
  if (limit === null || left === null) {
    return <p className={className}><span className="text-sm text-muted"><Trans>Sent in this period: {number(used)}. Your plan ({plan}) has no limit.</Trans></span></p>
  }
  const tone: Tone = left === 0 ? 'bad' : left <= limit / 10 ? 'warn' : 'accent'
  return (
    <div className={className} data-testid="quota">
      <Meter label={t`Texts left`} value={left} max={limit} words={t`${number(left)} of ${number(limit)}`} tone={tone} />
      <p className="mt-1 text-xs text-muted">
        {reserved > 0 ? <Trans>Held until more is known: {number(reserved)}. All {number(limit)} again on {date}.</Trans> : <Trans>All {number(limit)} again on {date}.</Trans>}
      </p>
    </div>
  )
}
