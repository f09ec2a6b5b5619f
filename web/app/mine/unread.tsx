import { Plural } from '@lingui/react/macro'
import { useUnsent, usePostOffice } from './post-office'
import { useConversations } from './conversations'

/** How many texts the member has not read, as a badge; and, on every page, what keeps their own texts on their way. */
export function Unread() {
  usePostOffice()
  const waiting = useUnsent().length
  const { data } = useConversations()
  const unread = data?.data.reduce((sum, conversation) => sum + conversation.unread, 0) ?? 0
  if (unread === 0 && waiting === 0) return null
  return (
    <span className="absolute -top-0.5 right-1.5 grid h-4.5 min-w-4.5 place-items-center rounded-full bg-accent px-1 text-[0.625rem] leading-none font-semibold text-on-accent">
      <span aria-hidden>{unread > 99 ? '99+' : unread > 0 ? unread : '!'}</span>
      <span className="sr-only">
        {unread > 0 ? <Plural value={unread} one="# unread text" other="# unread texts" /> : <Plural value={waiting} one="# text not sent yet" other="# texts not sent yet" />}
      </span>
    </span>
  )
}
