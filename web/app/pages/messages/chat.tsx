import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { ArrowLeft } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import type { Message, ReceivedText } from '@/api/schema'
import { useNow } from '@/format/hooks'
import { useConversations } from '@/mine/conversations'
import { useUnsent } from '@/mine/post-office'
import { Age } from '@/ui/age'
import { Button } from '@/ui/button'
import { NodeName } from '@/ui/node-name'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { NotSent, Received, Sent } from './bubble'
import { Warnings } from './chooser'
import { Composer } from './composer'
import { useConversation, useGaps, useRead, useRecipient } from './data'
import { KeyNotice } from './key-notice'
import { Day, GapLine } from './lines'
import { Scroll, useScroll } from './scroll'
import { type Item, missing, tell } from './story'
import { Timeline } from './timeline'

function Head({ node }: { readonly node: string }) {
  const { t } = useLingui()
  const { data } = useRecipient(node)
  const { data: list } = useConversations()
  const peer = list?.data.find(({ node_id }) => node_id === node) ?? data ?? { node_id: node }
  return (
    <header className="flex min-h-16 items-center gap-2 border-b border-line bg-surface py-2 pr-4 pl-2 lg:pl-5">
      <Link to="/messages" aria-label={t`All conversations`} className="grid size-11 shrink-0 place-items-center rounded-lg hover:bg-sunken lg:hidden"><ArrowLeft aria-hidden className="size-5" /></Link>
      <div className="min-w-0 flex-1">
        <h1 className="font-semibold"><Link to="/nodes/$id" params={{ id: node }} className="hover:underline"><NodeName node={peer} /></Link></h1>
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-muted">
          <span className="font-mono">{node}</span>
          {peer.last_heard != null && <span><Trans>heard <Age at={peer.last_heard} /></Trans></span>}
          {(list !== undefined || data !== undefined) && <Warnings node={peer} />}
        </p>
      </div>
    </header>
  )
}

interface LineProps {
  readonly item: Item
  readonly onOpen: (text: Message) => void
  readonly onAnswer: (text: ReceivedText) => void
}

function Line({ item, onOpen, onAnswer }: LineProps) {
  switch (item.kind) {
    case 'day': return <Day at={item.at} />
    case 'gap': return <GapLine gap={item.gap} />
    case 'unsent': return <NotSent text={item.text} />
    case 'sent': return <Sent text={item.text} quoted={item.quoted} reactions={item.reactions} onOpen={() => { onOpen(item.text) }} />
    case 'received': return <Received text={item.text} quoted={item.quoted} onAnswer={item.text.packet_id == null ? null : () => { onAnswer(item.text) }} />
  }
}

/** Notes a conversation as read up to its last text, while somebody looks at it. */
function useReading(node: string, last: number): void {
  const { mutate } = useRead(node)
  useEffect(() => {
    if (last === 0) return undefined
    const read = () => { if (!document.hidden && document.hasFocus()) mutate(last) }
    read()
    document.addEventListener('visibilitychange', read)
    window.addEventListener('focus', read)
    return () => { document.removeEventListener('visibilitychange', read); window.removeEventListener('focus', read) }
  }, [last, mutate])
}

/** What a member and a node said to each other, and a place to go on. */
export function Chat({ user, node }: { readonly user: string; readonly node: string }) {
  const { t } = useLingui()
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useConversation(node)
  const everything = useUnsent()
  const { data: peer } = useRecipient(node)
  const [opened, open] = useState<Message | null>(null)
  const [answering, answer] = useState<ReceivedText | null>(null)
  const texts = useMemo(() => data?.pages.toReversed().flatMap((page) => page.data) ?? [], [data])
  const unsent = useMemo(() => everything.filter((text) => text.node === node), [everything, node])
  const began = texts[0] === undefined ? null : Date.parse(texts[0].direction === 'out' ? texts[0].created_at : texts[0].received_at)
  const { data: gaps } = useGaps(began)
  const now = useNow()
  const items = useMemo(() => tell(texts, unsent, missing(gaps, now)), [texts, unsent, gaps, now])
  useReading(node, texts.at(-1)?.seq ?? 0)

  const scroll = useScroll(items, texts[0]?.id)
  return (
    <>
      <Head node={node} />
      <Scroll scroll={scroll} label={t`Texts`}>
        {data === undefined && (error === null ? <SkeletonRows /> : <ErrorState error={error} retry={() => { void refetch() }} />)}
        {hasNextPage && <div className="mb-3 flex justify-center"><Button onClick={() => { scroll.leave(); void fetchNextPage() }} disabled={isFetchingNextPage}><Trans>Earlier texts</Trans></Button></div>}
        {data !== undefined && items.length === 0 && <EmptyState title={t`Nothing was written yet`}><Trans>What you write goes out over a radio. Whether it arrives depends on the mesh, and this page says what is known of it.</Trans></EmptyState>}
        <ol className="mx-auto flex max-w-3xl flex-col gap-2.5" aria-live="polite" aria-relevant="additions">
          {items.map((item) => <Line key={item.key} item={item} onOpen={open} onAnswer={answer} />)}
        </ol>
      </Scroll>
      <KeyNotice node={node} isWanted={peer?.key_changed_at != null || texts.some((text) => text.direction === 'out' && text.waits_for?.reason === 'key')} />
      <Composer user={user} node={node} answering={answering} onAnswered={() => { answer(null) }} />
      <Timeline text={opened} onClose={() => { open(null) }} />
    </>
  )
}
