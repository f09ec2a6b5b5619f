import { Trans, useLingui } from '@lingui/react/macro'
import { Cloud, RadioTower, Undo2 } from 'lucide-react'
import { Problem } from '@/api/problem'
import type { Happening, Message, MessageDetail } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { cx } from '@/ui/cx'
import { Sheet } from '@/ui/sheet'
import { ErrorState, SkeletonRows } from '@/ui/states'
import { INK } from '@/ui/tone'
import { useCancel, useMessage } from './data'
import { EVENT, PROOF, REASON, tickOf, wordsOf } from './words'

function useWords() {
  const { i18n } = useLingui()
  return ({ event, evidence, reason, attempt }: Happening): string => {
    const words = i18n._(wordsOf(EVENT, event))
    if (evidence != null) return `${words}: ${i18n._(wordsOf(PROOF, evidence))}`
    if (reason != null && (event === 'refused' || event === 'not_sent')) return event === 'refused' ? `${words}: ${i18n._(wordsOf(REASON, reason))}` : i18n._(wordsOf(REASON, reason))
    return attempt != null && attempt > 0 ? `${words} (${String(attempt + 1)}.)` : words
  }
}

function Line({ happening }: { readonly happening: Happening }) {
  const { second } = useFormat()
  const words = useWords()
  const at = parseTime(happening.at) ?? 0
  const Icon = happening.bridge_id == null ? Cloud : RadioTower
  return (
    <li className="relative flex gap-3 pb-5 last:pb-0 [&:not(:last-child)]:before:absolute [&:not(:last-child)]:before:top-7 [&:not(:last-child)]:before:bottom-0 [&:not(:last-child)]:before:left-3.5 [&:not(:last-child)]:before:w-px [&:not(:last-child)]:before:bg-line-strong">
      <span className="grid size-7 shrink-0 place-items-center rounded-full bg-sunken text-muted"><Icon aria-hidden className="size-4" /></span>
      <div className="min-w-0">
        <p className="text-sm font-medium">{words(happening)}</p>
        <p className="text-xs text-muted">
          <time dateTime={happening.at} className="tabular">{second(at)}</time>
          {' · '}
          {happening.bridge_id == null ? <Trans>this server says so</Trans> : <Trans>bridge {happening.bridge_id} says so</Trans>}
          {happening.packet_id != null && <> · <Trans>packet <code>{happening.packet_id.toString(16).padStart(8, '0')}</code></Trans></>}
        </p>
      </div>
    </li>
  )
}

function Charge({ charge }: { readonly charge: MessageDetail['charge'] }) {
  if (charge === 'reserved') return <Badge><Trans>One text of your quota is held</Trans></Badge>
  if (charge === 'committed') return <Badge><Trans>It cost one text of your quota</Trans></Badge>
  return <Badge tone="good"><Trans>Your quota has it back</Trans></Badge>
}

function All({ id }: { readonly id: string }) {
  const { i18n, t } = useLingui()
  const { dateTime } = useFormat()
  const { data, error, refetch } = useMessage(id)
  if (data === undefined) return error === null ? <SkeletonRows rows={5} /> : <ErrorState error={error} retry={() => { void refetch() }} />
  const { icon: Icon, tone, says } = tickOf(data)
  const expires = parseTime(data.expires_at)
  const isOpen = data.status === 'pending' || data.status === 'queued'
  return (
    <div className="flex flex-col gap-5">
      <p className={cx('flex gap-2.5 text-sm font-medium', INK[tone])} role="status"><Icon aria-hidden className="mt-0.5 size-4 shrink-0" /><span className={tone === 'neutral' ? 'text-ink' : undefined}>{i18n._(says)}</span></p>
      <div>
        <p className="mb-1 text-xs text-muted"><Trans>As the mesh sees it</Trans></p>
        <p dir="auto" className="foreign rounded-lg bg-sunken px-3 py-2 text-sm break-words whitespace-pre-wrap">{data.sent_as}</p>
      </div>
      <ol aria-label={t`What became known, in order`}>{data.timeline.map((happening, index) => <Line key={index} happening={happening} />)}</ol>
      <div className="flex flex-wrap items-center gap-2 border-t border-line pt-4 text-xs text-muted">
        <Charge charge={data.charge} />
        {isOpen && data.waits_for?.reason !== 'airtime' && <TakeBack id={id} isAsked={data.waits_for?.reason === 'cancelling'} />}
        {isOpen && expires !== null && <span><Trans>It may be given to a radio until {dateTime(expires)}.</Trans></span>}
      </div>
    </div>
  )
}

/** Takes a text back while that is possible; what came of it the timeline says. */
function TakeBack({ id, isAsked }: { readonly id: string; readonly isAsked: boolean }) {
  const { mutate, isPending, error } = useCancel(id)
  if (isAsked) return null
  if (error instanceof Problem && error.code === 'too_late') return <p role="status" className="text-sm text-warn"><Trans>It was given to a radio meanwhile: nobody can take it back.</Trans></p>
  return (
    <>
      <Button onClick={() => { mutate() }} disabled={isPending} data-testid="take-back"><Undo2 aria-hidden className="size-4" /><Trans>Take it back</Trans></Button>
      {error !== null && <p role="status" className="text-sm text-bad"><Trans>That did not work. Try again.</Trans></p>}
    </>
  )
}

/** All that became known of a text, by whom, and when it was so. */
export function Timeline({ text, onClose }: { readonly text: Message | null; readonly onClose: () => void }) {
  const { t } = useLingui()
  return <Sheet open={text !== null} onClose={onClose} title={t`What became of it`}>{text !== null && <All id={text.id} />}</Sheet>
}
