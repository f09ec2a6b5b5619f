import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { createLazyRoute } from '@tanstack/react-router'
import { Clock, LogIn, MessageSquareText } from 'lucide-react'
import type { ReactNode } from 'react'
import { useWaiting } from '@/mine/post-office'
import { useCaller } from '@/shell/caller'
import { useTitle } from '@/shell/title'
import { cx } from '@/ui/cx'
import { Page } from '@/ui/page'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { ChannelChat } from './channels/chat'
import { ChannelList } from './channels/list'
import { Chat } from './chat'
import { ConversationList } from './list'

/** Says that there is no way in, where there is none. What everybody may read is there all the same. */
function Closed() {
  const { t } = useLingui()
  return (
    <Page title={t`Messages`}>
      <OpenChannels />
      <EmptyState icon={LogIn} title={t`Signing in is not possible on this server yet`}>
        <Trans>Messages belong to members, and this server has no accounts yet: it cannot know who you are. Weather, nodes and the network are open to everybody. What comes for members from the mesh is kept for them.</Trans>
      </EmptyState>
    </Page>
  )
}

/** The channels above what a page says to whom no conversation belongs. */
function OpenChannels() {
  return <ChannelList chosen={null} className="mx-auto mb-6 max-w-md overflow-hidden rounded-xl border border-line bg-surface pb-1 shadow-card" />
}

/** A list beside what is open of it; on a phone one of the two. */
function Split({ list, isOpen, children }: { readonly list: ReactNode; readonly isOpen: boolean; readonly children: ReactNode }) {
  const { t } = useLingui()
  useTitle(t`Messages`)
  return (
    <div className="grid h-full grid-cols-[minmax(0,1fr)] lg:grid-cols-[22rem_minmax(0,1fr)]">
      <section aria-label={t`Conversations`} className={cx('min-h-0 flex-col border-line bg-surface lg:flex lg:border-r', isOpen ? 'hidden' : 'flex')}>{list}</section>
      <section aria-label={t`Conversation`} className={cx('min-h-0 min-w-0 flex-col lg:flex', isOpen ? 'flex' : 'hidden')}>{children}</section>
    </div>
  )
}

/** The member's conversations, and the one that is open. */
function Panes({ node, children }: { readonly node: string | null; readonly children: (user: string) => ReactNode }) {
  const { how, id, trouble } = useCaller()
  if (how === 'nobody') return <Closed />
  if (trouble !== null) return <Unknown {...trouble} />
  if (id === null) return how === 'unknown' ? <SkeletonRows /> : <Choose />
  return <Split key={id} isOpen={node !== null} list={<ConversationList chosen={node} isBeside={node !== null} />}>{children(id)}</Split>
}

/** A channel, which needs nobody to be anybody; beside it the conversations of whoever has some. */
function ChannelView() {
  const { channel } = channelPage.useParams()
  const { id } = useCaller()
  const list = id === null ? <ChannelList chosen={channel} /> : <ConversationList key={id} chosen={null} channel={channel} isBeside />
  return <Split isOpen list={list}><ChannelChat key={channel} id={channel} /></Split>
}

/** Says that the server, which knows who asks, does not answer; and what of theirs waits here for it. */
function Unknown({ error, retry }: { readonly error: unknown; readonly retry: () => void }) {
  const { t } = useLingui()
  const waiting = useWaiting()
  return (
    <Page title={t`Messages`}>
      <ErrorState error={error} retry={retry} />
      {waiting > 0 && (
        <p role="status" className="mx-auto flex w-fit items-center gap-2 rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn">
          <Clock aria-hidden className="size-4 shrink-0" />
          <Plural value={waiting} one="# text of yours waits in this browser, and is sent once the server is back." other="# texts of yours wait in this browser, and are sent once the server is back." />
        </p>
      )}
    </Page>
  )
}

function Choose() {
  const { t } = useLingui()
  return (
    <Page title={t`Messages`}>
      <OpenChannels />
      <EmptyState icon={MessageSquareText} title={t`Choose who you are`}><Trans>This is a demo: choose one of its members in the settings, at the top right.</Trans></EmptyState>
    </Page>
  )
}

function MessagesView() {
  const { t } = useLingui()
  return (
    <Panes node={null}>
      {() => (
        <div className="grid h-full place-items-center">
          <EmptyState icon={MessageSquareText} title={t`No conversation is open`}><Trans>Choose one, or write to somebody on the mesh.</Trans></EmptyState>
        </div>
      )}
    </Panes>
  )
}

function ConversationView() {
  const { node } = conversationPage.useParams()
  return <Panes node={node}>{(user) => <Chat key={node} user={user} node={node} />}</Panes>
}

export const messagesPage = createLazyRoute('/messages')({ component: MessagesView })
export const conversationPage = createLazyRoute('/messages/$node')({ component: ConversationView })
export const channelPage = createLazyRoute('/messages/channels/$channel')({ component: ChannelView })
