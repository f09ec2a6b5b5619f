import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { ArrowLeft, EarOff } from 'lucide-react'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import type { Message, ReceivedText } from '@/api/schema'
import { useFormat, useNow } from '@/format/hooks'
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
import { type Item, type Missing, missing, tell } from './story'
import { Timeline } from './timeline'
import { GAP } from './words'

function Day({ at }: { readonly at: number }) {
  const { day } = useFormat()
  return <li className="my-2 flex items-center gap-3 text-xs font-medium text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">{day(at)}</li>
}

function GapLine({ gap }: { readonly gap: Missing }) {
  const { i18n } = useLingui()
  const { time, dateTime } = useFormat()
  const isOneDay = gap.until === null || new Date(gap.from).toDateString() === new Date(gap.until).toDateString()
  const at = (moment: number) => (isOneDay ? time(moment) : dateTime(moment))
  const from = at(gap.from)
  const until = gap.until === null ? '' : at(gap.until)
  return (
    <li className="mx-auto my-1 flex max-w-md items-start gap-2 rounded-lg bg-warn-soft px-3 py-2 text-xs text-warn" data-testid="gap">
      <EarOff aria-hidden className="mt-px size-4 shrink-0" />
      <span>
        {gap.bridge === null
          ? gap.until === null
            ? <Trans>Texts may be missing since {from}: no bridge is listening.</Trans>
            : <Trans>Texts may be missing from {from} to {until}: no bridge was listening.</Trans>
          : gap.until === null
            ? <Trans>Bridge {gap.bridge} has not been listening since {from}. Texts that only it could hear may be missing.</Trans>
            : <Trans>Bridge {gap.bridge} was not listening from {from} to {until}. Texts that only it could hear may be missing.</Trans>}
        {gap.reason !== null && <> {i18n._(GAP[gap.reason])}</>}
      </span>
    </li>
  )
}

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
  const items = useMemo(() => tell(texts, unsent, missing(gaps, now), !hasNextPage), [texts, unsent, gaps, now, hasNextPage])
  useReading(node, texts.at(-1)?.seq ?? 0)

  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const height = useRef(0)
  const oldest = texts[0]?.id
  const shown = useRef(oldest)
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    // What is added above keeps what is read where it is; what is added below is followed by whoever is there.
    if (shown.current !== oldest && shown.current !== undefined && !isAtEnd.current) element.scrollTop += element.scrollHeight - height.current
    else if (isAtEnd.current) element.scrollTop = element.scrollHeight
    shown.current = oldest
    height.current = element.scrollHeight
  }, [items, oldest])
  const onScroll = () => {
    const element = box.current
    if (element !== null) isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80
  }
  return (
    <>
      <Head node={node} />
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by the keys that scroll it */}
      <div ref={box} onScroll={onScroll} className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-3 py-4 sm:px-5" tabIndex={0} role="region" aria-label={t`Texts`}>
        {data === undefined && (error === null ? <SkeletonRows /> : <ErrorState error={error} retry={() => { void refetch() }} />)}
        {hasNextPage && <div className="mb-3 flex justify-center"><Button onClick={() => { isAtEnd.current = false; void fetchNextPage() }} disabled={isFetchingNextPage}><Trans>Earlier texts</Trans></Button></div>}
        {data !== undefined && items.length === 0 && <EmptyState title={t`Nothing was written yet`}><Trans>What you write goes out over a radio. Whether it arrives depends on the mesh, and this page says what is known of it.</Trans></EmptyState>}
        <ol className="mx-auto flex max-w-3xl flex-col gap-2.5" aria-live="polite" aria-relevant="additions">
          {items.map((item) => <Line key={item.key} item={item} onOpen={open} onAnswer={answer} />)}
        </ol>
      </div>
      <KeyNotice node={node} isWanted={peer?.key_changed_at != null || texts.some((text) => text.direction === 'out' && text.waits_for?.reason === 'key')} />
      <Composer user={user} node={node} answering={answering} onAnswered={() => { answer(null) }} />
      <Timeline text={opened} onClose={() => { open(null) }} />
    </>
  )
}
