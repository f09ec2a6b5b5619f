import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { CornerUpLeft, SendHorizontal, X } from 'lucide-react'
import { type KeyboardEvent, type SubmitEvent, useEffect, useRef } from 'react'
import type { Quota, ReceivedText } from '@/api/schema'
import { utf8Bytes } from '@/format/bytes'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { useOutbox } from '@/mine/post-office'
import { IconButton } from '@/ui/button'
import { cx } from '@/ui/cx'
import { useQuota } from './data'
import { useDraft } from './drafts'

/** What the server has of a text if it does not say: a packet, without a handle. */
const PACKET = 200
/** From here on the counter is looked at. */
const CLOSE = 30

/** Returns how many bytes are left of a text, beside what goes on the air before it. */
export function bytesLeft(text: string, quota: Pick<Quota, 'prefix' | 'max_bytes'> | undefined): number {
  return (quota?.max_bytes ?? PACKET) - utf8Bytes(quota?.prefix ?? '') - utf8Bytes(text)
}

/** Whether somebody would see anything of it. */
const says = (text: string) => /[^\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/u.test(text)

function Blocked({ quota }: { readonly quota: Quota }) {
  const { day } = useFormat()
  const resets = parseTime(quota.resets_at)
  const date = resets === null ? '' : day(resets)
  if (quota.scope === 'nobody') return <p className="text-sm text-muted"><Trans>Your plan receives texts, and sends none.</Trans></p>
  return <p className="text-sm text-muted"><Trans>All texts of this period are used up. You can write again on {date}.</Trans></p>
}

interface ComposerProps {
  readonly user: string
  readonly node: string
  readonly answering: ReceivedText | null
  readonly onAnswered: () => void
}

/** Where a text is written: what is left of a packet, whom it goes out as, what it answers. The draft survives a reload. */
export function Composer({ user, node, answering, onAnswered }: ComposerProps) {
  const { t } = useLingui()
  const { data: quota } = useQuota()
  const [text, setText] = useDraft(user, node)
  const { add } = useOutbox()
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => { if (answering !== null) field.current?.focus() }, [answering])
  useEffect(() => {
    const area = field.current
    if (area === null) return
    area.style.height = 'auto'
    area.style.height = `${String(Math.min(area.scrollHeight, 160))}px`
  }, [text])

  if (quota !== undefined && (quota.scope === 'nobody' || quota.left === 0) && text === '') {
    return <div className="border-t border-line bg-surface px-4 py-4"><Blocked quota={quota} /></div>
  }
  const left = bytesLeft(text, quota)
  const canSend = says(text) && left >= 0
  const send = () => {
    if (!canSend) return
    // A tab is a character that nobody can see; everything else is sent as it was written.
    if (!add(node, text.replaceAll('\t', ' ').replaceAll('\r', ''), answering?.packet_id ?? null)) return
    setText('')
    onAnswered()
    field.current?.focus()
  }
  const onSubmit = (event: SubmitEvent) => { event.preventDefault(); send() }
  const onKey = (event: KeyboardEvent) => {
    // A keyboard that composes letters uses Enter for itself; one on glass has no Shift to hold.
    const isTouch = window.matchMedia('(pointer: coarse)').matches
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing && !isTouch) { event.preventDefault(); send() }
    if (event.key === 'Escape' && answering !== null) onAnswered()
  }
  return (
    <form onSubmit={onSubmit} className="border-t border-line bg-surface px-3 pt-2 pb-[max(0.5rem,env(safe-area-inset-bottom))] sm:px-5">
      <div className="mx-auto max-w-3xl">
        {answering !== null && (
          <div className="mb-2 flex items-center gap-2 rounded-lg border-l-2 border-accent bg-sunken py-1 pl-3">
            <CornerUpLeft aria-hidden className="size-4 shrink-0 text-muted" />
            <bdi dir="auto" className="foreign line-clamp-1 min-w-0 flex-1 text-sm break-all text-muted">{answering.text}</bdi>
            <IconButton label={t`Do not answer this text`} onClick={onAnswered}><X aria-hidden className="size-4" /></IconButton>
          </div>
        )}
        <div className="flex items-end gap-2">
          <textarea
            ref={field} value={text} rows={1} dir="auto" aria-label={t`Your text`} placeholder={t`Write a text`} aria-describedby="bytes-left" aria-invalid={left < 0}
            onChange={(event) => { setText(event.target.value) }} onKeyDown={onKey} enterKeyHint="enter" autoComplete="off"
            className={cx('foreign min-h-11 flex-1 resize-none rounded-2xl border bg-canvas px-4 py-2.5 text-base leading-5 text-ink placeholder:text-muted', left < 0 ? 'border-bad' : 'border-line-strong')}
          />
          <IconButton label={t`Send`} look="primary" type="submit" disabled={!canSend} className="rounded-full"><SendHorizontal aria-hidden className="size-5" /></IconButton>
        </div>
        <p id="bytes-left" aria-live={left < CLOSE ? 'polite' : 'off'} className={cx('tabular mt-1 flex justify-between gap-3 px-1 text-xs', left < 0 ? 'font-medium text-bad' : left < CLOSE ? 'text-warn' : 'text-muted')}>
          <span className="min-w-0 truncate">{quota !== undefined && quota.prefix !== '' && <Trans>Goes out as <bdi className="font-medium">{quota.prefix.trim()}</bdi> …</Trans>}</span>
          <span className="shrink-0" data-testid="bytes">
            {left < 0 ? <Plural value={-left} one="# byte too long" other="# bytes too long" /> : <Plural value={left} one="# byte left" other="# bytes left" />}
          </span>
        </p>
      </div>
    </form>
  )
}
