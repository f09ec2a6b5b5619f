import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { MessageSquarePlus, MessagesSquare } from 'lucide-react'
import { useState } from 'react'
import type { Conversation } from '@/api/schema'
import { useConversations } from '@/mine/conversations'
import { useUnsent } from '@/mine/post-office'
import { Age } from '@/ui/age'
import { IconButton, Button } from '@/ui/button'
import { cx } from '@/ui/cx'
import { NodeName } from '@/ui/node-name'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { ChannelList } from './channels/list'
import { Chooser } from './chooser'
import { QuotaMeter } from './quota'
import { StatusIcon } from './tick'

function Row({ conversation, isChosen, unsent }: { readonly conversation: Conversation; readonly isChosen: boolean; readonly unsent: number }) {
  const { t } = useLingui()
  const { node_id: node, unread } = conversation
  return (
    <li>
      <Link
        to="/messages/$node" params={{ node }} aria-current={isChosen ? 'page' : undefined}
        className={cx('flex min-h-18 items-center gap-3 border-b border-line px-4 py-2.5 hover:bg-sunken focus-visible:-outline-offset-2', isChosen && 'bg-accent-soft hover:bg-accent-soft')}
      >
        <div className="min-w-0 flex-1">
          <div className="flex items-baseline justify-between gap-3">
            <NodeName node={conversation} className={unread > 0 ? 'font-semibold' : 'font-medium'} />
            <Age at={conversation.last_at} className="shrink-0 text-xs" />
          </div>
          <div className="mt-0.5 flex items-center gap-1.5 text-sm text-muted">
            {conversation.last_direction === 'out' && conversation.last_status != null && <StatusIcon status={conversation.last_status} />}
            <bdi dir="auto" className={cx('foreign line-clamp-1 min-w-0 flex-1 break-all', unread > 0 && 'font-medium text-ink')}>{conversation.last_text}</bdi>
            {unsent > 0 && <span className="shrink-0 rounded-md bg-warn-soft px-1.5 py-0.5 text-xs font-medium text-warn"><Plural value={unsent} one="# not sent yet" other="# not sent yet" /></span>}
            {unread > 0 && (
              <span className="grid h-5 min-w-5 shrink-0 place-items-center rounded-full bg-accent px-1.5 text-xs font-semibold text-on-accent">
                <span aria-hidden>{unread > 99 ? '99+' : unread}</span>
                <span className="sr-only">{t`${unread} unread`}</span>
              </span>
            )}
          </div>
        </div>
      </Link>
    </li>
  )
}

interface ConversationListProps {
  readonly chosen: string | null
  /** The channel that is open. */
  readonly channel?: string
  /** Whether something is open beside it, whose name is what the page is about. */
  readonly isBeside: boolean
}

/** With whom the member has written, the latest first, and how much is left to send. */
export function ConversationList({ chosen, channel, isBeside }: ConversationListProps) {
  const { t } = useLingui()
  const [isChoosing, choose] = useState(false)
  const { data, error, refetch } = useConversations()
  const unsent = useUnsent()
  const known = new Set(data?.data.map(({ node_id }) => node_id))
  // What waits for somebody who was never written to is a conversation, too.
  const begun = [...new Set(unsent.map(({ node }) => node))].filter((node) => data !== undefined && !known.has(node))
  const Heading = isBeside ? 'h2' : 'h1'
  const count = (node: string) => unsent.filter((text) => text.node === node).length
  return (
    <>
      <header className="flex items-center justify-between gap-3 border-b border-line py-2 pr-2 pl-4">
        <Heading className="text-lg font-semibold tracking-tight"><Trans>Messages</Trans></Heading>
        <IconButton label={t`Write to somebody`} look="primary" onClick={() => { choose(true) }}><MessageSquarePlus aria-hidden className="size-5" /></IconButton>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto">
        <ChannelList chosen={channel ?? null} className="border-b border-line pb-1.5" />
        {data === undefined && (error === null ? <SkeletonRows /> : <ErrorState error={error} retry={() => { void refetch() }} />)}
        {data !== undefined && data.data.length + begun.length === 0 && (
          <EmptyState
            icon={MessagesSquare} title={t`Nothing was written yet`}
            action={<Button look="primary" onClick={() => { choose(true) }}><Trans>Write to somebody</Trans></Button>}
          >
            <Trans>Your texts go out over a radio, to people who need no internet.</Trans>
          </EmptyState>
        )}
        {data !== undefined && (
          <ul>
            {begun.map((node) => (
              <Row key={node} isChosen={node === chosen} unsent={count(node)} conversation={{ node_id: node, last_at: new Date(unsent.find((text) => text.node === node)?.writtenAt ?? 0).toISOString(), last_text: unsent.findLast((text) => text.node === node)?.text ?? '', last_direction: 'in', unread: 0, read_seq: 0, last_seq: 0 }} />
            ))}
            {data.data.map((conversation) => <Row key={conversation.node_id} conversation={conversation} isChosen={conversation.node_id === chosen} unsent={count(conversation.node_id)} />)}
          </ul>
        )}
      </div>
      <QuotaMeter className="border-t border-line px-4 py-3" />
      <Chooser open={isChoosing} onClose={() => { choose(false) }} />
    </>
  )
}
