import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { cx } from '@/ui/cx'

/** How long ago something was by the server's clock; the time itself is its tooltip. */
export function Since({ at, now, className }: { readonly at: string; readonly now: number; readonly className?: string }) {
  const { age, dateTime } = useFormat()
  const time = parseTime(at)
  if (time === null) return null
  return <time dateTime={at} title={dateTime(time)} className={cx('tabular whitespace-nowrap', className)}>{age(now - time)}</time>
}
