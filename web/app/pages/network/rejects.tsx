import { useLingui } from '@lingui/react'
import { Plural, Trans, useLingui as useTexts } from '@lingui/react/macro'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { ArrowDown, ArrowRight, ArrowUp, CircleCheck, X } from 'lucide-react'
import type { Reject, RejectCause } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { Button } from '@/ui/button'
import { Card } from '@/ui/card'
import { cx } from '@/ui/cx'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { safeName } from '@/format/names'
import { useServerNow } from './clock'
import { rejectsQuery, summaryQuery } from './queries'
import { rejectWords, TOPICS } from './reject-words'
import { Since } from './since'

interface RejectsProps {
  readonly code: string | undefined
  readonly onCode: (code: string | undefined) => void
  readonly refetchInterval: number
}

/** How many hours of the week make a bar. */
const HOURS_PER_BAR = 6

/** What was refused: how often for which reason, and the latest of it. */
export function Rejects({ code, onCode, refetchInterval }: RejectsProps) {
  const { t } = useTexts()
  const summary = useQuery({ ...summaryQuery, refetchInterval })
  const open = summary.data?.open ?? 0
  return (
    <Card
      title={<Trans>Refused</Trans>} flush
      aside={summary.data !== undefined && open > 0 ? <span className="tabular text-xs text-muted"><Plural value={open} one="# can be replayed" other="# can be replayed" /></span> : undefined}
    >
      {summary.data === undefined && summary.isError && <ErrorState error={summary.error} retry={() => { void summary.refetch() }} />}
      {summary.data === undefined && !summary.isError && <SkeletonRows rows={4} />}
      {summary.data?.data.length === 0 && (
        <EmptyState icon={CircleCheck} title={t`Nothing was refused this week`}><Trans>Everything that came in could be stored.</Trans></EmptyState>
      )}
      <ul data-testid="causes">
        {summary.data?.data.map((cause) => <Cause key={`${cause.code} ${cause.topic}`} cause={cause} isChosen={cause.code === code} onCode={onCode} />)}
      </ul>
      <Latest code={code} onCode={onCode} refetchInterval={refetchInterval} />
    </Card>
  )
}

function Cause({ cause, isChosen, onCode }: { readonly cause: RejectCause; readonly isChosen: boolean; readonly onCode: RejectsProps['onCode'] }) {
  const { i18n } = useLingui()
  const { number } = useFormat()
  const words = rejectWords(cause.code)
  const topic = TOPICS[cause.topic]
  return (
    <li className="border-t border-line first:border-t-0">
      <button
        type="button" aria-pressed={isChosen} data-cause={cause.code} data-topic={cause.topic} onClick={() => { onCode(isChosen ? undefined : cause.code) }}
        className={cx('grid w-full grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-2.5 text-left hover:bg-sunken focus-visible:-outline-offset-2', isChosen && 'bg-accent-soft hover:bg-accent-soft')}
      >
        <span className="min-w-0">
          <span className="text-sm font-medium">{words === undefined ? cause.code : i18n._(words.title)}</span>
          {topic !== undefined && <span className="ml-2 text-xs text-muted">{i18n._(topic)}</span>}
        </span>
        <span className="flex items-center justify-end gap-3">
          <Trend cause={cause} />
          <span data-count className="tabular min-w-8 text-right font-semibold">{number(cause.day)}</span>
        </span>
        {words !== undefined && <span className="col-span-full text-xs text-muted">{i18n._(words.about)}</span>}
        <Week hours={cause.hours} />
      </button>
    </li>
  )
}

/** Whether there is more or less than on the day before, as an arrow and in words. */
function Trend({ cause }: { readonly cause: RejectCause }) {
  const { t } = useTexts()
  const { number } = useFormat()
  const before = number(cause.day_before)
  const [Icon, words] = cause.day > cause.day_before ? [ArrowUp, t`more than the day before: ${before}`] : cause.day < cause.day_before ? [ArrowDown, t`less than the day before: ${before}`] : [ArrowRight, t`as many as the day before`]
  return <span title={words} className="text-muted"><Icon aria-hidden className="size-4" /><span className="sr-only">{words}</span></span>
}

function Week({ hours }: { readonly hours: readonly number[] }) {
  const { t } = useTexts()
  const { number } = useFormat()
  const gathered: number[] = []
  for (let hour = 0; hour < hours.length; hour += HOURS_PER_BAR) gathered.push(hours.slice(hour, hour + HOURS_PER_BAR).reduce((sum, count) => sum + count, 0))
  const most = Math.max(1, ...gathered)
  const all = number(gathered.reduce((sum, count) => sum + count, 0))
  return (
    <svg role="img" aria-label={t`${all} in a week`} viewBox={`0 0 ${String(gathered.length)} 10`} preserveAspectRatio="none" className="col-span-full mt-0.5 h-5 w-full">
      <line x1="0" x2={gathered.length} y1="9.75" y2="9.75" className="stroke-line" vectorEffect="non-scaling-stroke" />
      {gathered.map((count, place) => (
        // Bars have no other identity than their place.
        <rect key={place} x={place + 0.1} width={0.8} y={10 - (count / most) * 10} height={(count / most) * 10} className="fill-bad" />
      ))}
    </svg>
  )
}

function Latest({ code, onCode, refetchInterval }: RejectsProps) {
  const { i18n } = useLingui()
  const rejects = useInfiniteQuery({ ...rejectsQuery(code), refetchInterval })
  const now = useServerNow(rejects.data?.pages[0], rejects.dataUpdatedAt)
  const rows = rejects.data?.pages.flatMap((page) => page.data) ?? []
  const words = code === undefined ? undefined : rejectWords(code)
  if (rows.length === 0 && code === undefined) return null
  return (
    <div className="border-t border-line">
      <div className="flex min-h-12 items-center justify-between gap-3 px-4">
        <h3 className="text-sm font-semibold">
          {code === undefined ? <Trans>The latest</Trans> : <Trans>The latest: {words === undefined ? code : i18n._(words.title)}</Trans>}
        </h3>
        {code !== undefined && <Button look="quiet" onClick={() => { onCode(undefined) }}><X aria-hidden className="size-4" /><Trans>Show all</Trans></Button>}
      </div>
      {rejects.isError && rows.length === 0 && <ErrorState error={rejects.error} retry={() => { void rejects.refetch() }} />}
      {rejects.isSuccess && rows.length === 0 && <p className="px-4 pb-4 text-sm text-muted"><Trans>None that is kept.</Trans></p>}
      <ul data-testid="rejects">{rows.map((row) => <Row key={row.id} row={row} now={now} />)}</ul>
      {rejects.hasNextPage && (
        <div className="border-t border-line p-2 text-center">
          <Button look="quiet" disabled={rejects.isFetchingNextPage} onClick={() => { void rejects.fetchNextPage() }}><Trans>Show more</Trans></Button>
        </div>
      )}
    </div>
  )
}

function Row({ row, now }: { readonly row: Reject; readonly now: number }) {
  const { i18n } = useLingui()
  const words = rejectWords(row.code)
  const topic = TOPICS[row.topic]
  return (
    <li data-reject={row.code} className="flex items-start justify-between gap-3 border-t border-line px-4 py-2 text-sm">
      <span className="min-w-0">
        <span className="block">{words === undefined ? row.code : i18n._(words.title)}{topic !== undefined && <span className="text-muted">{` · ${i18n._(topic)}`}</span>}</span>
        <span className="block text-xs text-muted">
          {row.bridge_id != null && <span>{row.bridge_id}</span>}
          {row.bridge_id != null && row.field != null && ' · '}
          {row.field != null && <bdi className="foreign font-mono break-all">{safeName(row.field, '—')}</bdi>}
          {row.replayed === 'accepted' && <span>{' · '}<Trans>replayed, and accepted</Trans></span>}
        </span>
      </span>
      <Since at={row.at} now={now} className="text-xs text-muted" />
    </li>
  )
}
