import { Trans, useLingui } from '@lingui/react/macro'
import { Clock, CloudOff, CornerUpLeft, RotateCcw, Trash2, TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import type { Message, ReceivedText } from '@/api/schema'
import { useReachability } from '@/api/reachability'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { useOutbox } from '@/mine/post-office'
import type { Unsent } from '@/mine/outbox'
import { Button, IconButton } from '@/ui/button'
import { cx } from '@/ui/cx'
import { Tick } from './tick'
import { REFUSED, tickOf } from './words'

/** Less than this between two clocks tells nothing. */
const CLOCKS_DIFFER = 2 * 60_000

export function Words({ text, className }: { readonly text: string; readonly className?: string }) {
  // Texts are only ever texts: no markup, no links that somebody could have chosen for us.
  return <p dir="auto" className={cx('foreign text-[0.9375rem] leading-snug break-words whitespace-pre-wrap [overflow-wrap:anywhere]', className)}>{text}</p>
}

export function Quoted({ text }: { readonly text: string }) {
  return <bdi dir="auto" className="foreign mb-1 line-clamp-2 block border-l-2 border-current pl-2 text-xs [overflow-wrap:anywhere] opacity-75">{text}</bdi>
}

/** A text of the member's. Why it waits stands under it; everything else behind its tick. */
export function Sent({ text, quoted, reactions, onOpen }: { readonly text: Message; readonly quoted: string | null; readonly reactions: readonly string[]; readonly onOpen: () => void }) {
  const { i18n } = useLingui()
  const { time } = useFormat()
  const { says } = tickOf(text)
  const isNews = text.status !== 'delivered' && text.status !== 'transmitted'
  return (
    <li className="flex flex-col items-end" data-testid="sent">
      <div className="relative max-w-[85%] rounded-2xl rounded-br-md bg-accent-soft px-3.5 py-2 sm:max-w-[70%]">
        {quoted !== null && <Quoted text={quoted} />}
        <Words text={text.text} />
        {reactions.length > 0 && <p className="mt-1 text-sm" data-testid="reactions">{reactions.join(' ')}</p>}
      </div>
      <div className="mt-0.5 flex items-center gap-1.5 pr-1 text-xs text-muted">
        <time dateTime={text.created_at} className="tabular">{time(parseTime(text.created_at) ?? 0)}</time>
        <Tick text={text} onOpen={onOpen} />
      </div>
      {isNews && <p className="max-w-[85%] pr-1 text-right text-xs text-muted sm:max-w-[70%]">{i18n._(says)}</p>}
    </li>
  )
}

/** A text that came, with what the two clocks say if they differ. */
export function Received({ text, quoted, onAnswer }: { readonly text: ReceivedText; readonly quoted: string | null; readonly onAnswer: (() => void) | null }) {
  const { t } = useLingui()
  const { time, dateTime, duration } = useFormat()
  const heard = parseTime(text.heard_at) ?? 0
  const received = parseTime(text.received_at) ?? 0
  const late = received - heard
  const clocks = t`Heard by a bridge: ${dateTime(heard)}. Arrived here: ${dateTime(received)}.`
  return (
    <li className="flex flex-col items-start" data-testid="received">
      <div className="flex max-w-[92%] items-center gap-1 sm:max-w-[75%]">
        <div className="rounded-2xl rounded-bl-md border border-line bg-surface px-3.5 py-2">
          {quoted !== null && <Quoted text={quoted} />}
          <Words text={text.text} className={text.reaction ? 'text-2xl' : ''} />
        </div>
        {onAnswer !== null && <IconButton label={t`Answer this text`} onClick={onAnswer} className="text-muted"><CornerUpLeft aria-hidden className="size-4" /></IconButton>}
      </div>
      <p className="mt-0.5 pl-1 text-xs text-muted" title={clocks}>
        <time dateTime={text.heard_at} className="tabular">{time(heard)}</time>
        {late > CLOCKS_DIFFER && <> · <Trans>reached this server {duration(late)} later</Trans></>}
        {late < -CLOCKS_DIFFER && <> · <Trans>the clock of the bridge is {duration(-late)} ahead</Trans></>}
      </p>
    </li>
  )
}

/** A text that the server has not confirmed: it is not sent as far as anybody knows, and says so. */
export function NotSent({ text }: { readonly text: Unsent }) {
  const { i18n, t } = useLingui()
  const { time } = useFormat()
  const { state } = useReachability()
  const { discard, again, isStale } = useOutbox()
  const [isSure, ask] = useState(false)
  const { refused } = text
  const isOld = isStale(text)
  const known = refused === null ? undefined : REFUSED[refused.code]
  return (
    <li className="flex flex-col items-end" data-testid="unsent">
      <div className={cx('max-w-[85%] rounded-2xl rounded-br-md border border-dashed px-3.5 py-2 sm:max-w-[70%]', refused === null ? 'border-line-strong bg-surface' : 'border-bad bg-bad-soft')}>
        <Words text={text.text} />
      </div>
      <div className="mt-1 flex flex-wrap items-center justify-end gap-x-1.5 pr-1 text-xs text-muted">
        <time className="tabular">{time(text.writtenAt)}</time>
        {refused === null && !isOld && (state === 'unreachable'
          ? <span className="inline-flex items-center gap-1 font-medium text-warn"><CloudOff aria-hidden className="size-3.5" /><Trans>Not sent yet: no connection</Trans></span>
          : <span className="inline-flex items-center gap-1"><Clock aria-hidden className="size-3.5" /><Trans>Not sent yet</Trans></span>)}
        {isOld && <span className="inline-flex items-center gap-1 font-medium text-warn"><TriangleAlert aria-hidden className="size-3.5" /><Trans>Nobody knows whether the server took it, a day ago</Trans></span>}
        {refused !== null && (
          <span className="inline-flex items-center gap-1 font-medium text-bad">
            <TriangleAlert aria-hidden className="size-3.5" /><Trans>Not sent:</Trans> {known === undefined ? refused.detail ?? refused.code : i18n._(known)}
          </span>
        )}
        {(refused !== null || isOld) && <Button look="quiet" className="px-2 text-xs" onClick={() => { again(text.id) }}><RotateCcw aria-hidden className="size-3.5" /><Trans>Send again</Trans></Button>}
        {isSure
          ? <Button look="danger" className="px-2 text-xs" onClick={() => { discard(text.id) }}><Trans>Really discard</Trans></Button>
          : <IconButton label={t`Discard this text`} onClick={() => { ask(true) }}><Trash2 aria-hidden className="size-4" /></IconButton>}
      </div>
    </li>
  )
}
