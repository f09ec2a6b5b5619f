import { useLingui } from '@lingui/react'
import type { Message, MessageStatus } from '@/api/schema'
import { cx } from '@/ui/cx'
import { INK } from '@/ui/tone'
import { STATUS, tickOf } from './words'

/** A status as an icon, whose name is read out. */
export function StatusIcon({ status }: { readonly status: MessageStatus }) {
  const { i18n } = useLingui()
  const { icon: Icon, tone } = tickOf({ status })
  const words = i18n._(STATUS[status])
  return <span title={words} className={cx('shrink-0', INK[tone])}><Icon aria-hidden className="size-3.5" /><span className="sr-only">{words}</span></span>
}

/** What is known of a text, in an icon and a word; pressing it tells all of it. */
export function Tick({ text, onOpen }: { readonly text: Message; readonly onOpen: () => void }) {
  const { i18n } = useLingui()
  const { icon: Icon, tone, title, says } = tickOf(text)
  return (
    <button
      type="button" onClick={onOpen} title={i18n._(says)} data-testid="tick" data-status={text.status} aria-haspopup="dialog"
      className={cx('-my-2 -mr-2 inline-flex min-h-11 items-center gap-1 rounded-lg px-2 font-medium hover:underline', INK[tone])}
    >
      <Icon aria-hidden className="size-3.5" />{i18n._(title)}
    </button>
  )
}
