import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { ArrowLeft, Hash, Megaphone } from 'lucide-react'
import { useMemo } from 'react'
import { useNames } from '@/api/names'
import type { Channel } from '@/api/schema'
import { useFormat, useNow } from '@/format/hooks'
import { type Named, safeName } from '@/format/names'
import { parseTime } from '@/format/time'
import { Button } from '@/ui/button'
import { NodeName } from '@/ui/node-name'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { Quoted, Words } from '../bubble'
import { useGaps } from '../data'
import { Day, GapLine } from '../lines'
import { Scroll, useScroll } from '../scroll'
import { missing } from '../story'
import { StatusIcon } from '../tick'
import { useChannels, useChannelTexts } from './data'
import { type Said, tellChannel } from './story'

function Head({ channel }: { readonly channel: Channel | undefined }) {
  const { t } = useLingui()
  return (
    <header className="flex min-h-16 items-center gap-2 border-b border-line bg-surface py-2 pr-4 pl-2 lg:pl-5">
      <Link to="/messages" aria-label={t`All conversations`} className="grid size-11 shrink-0 place-items-center rounded-lg hover:bg-sunken lg:hidden"><ArrowLeft aria-hidden className="size-5" /></Link>
      <Hash aria-hidden className="size-5 shrink-0 text-muted" />
      <div className="min-w-0">
        <h1 className="font-semibold"><bdi className="foreign line-clamp-1 break-all">{channel === undefined ? t`Channel` : safeName(channel.name, channel.id)}</bdi></h1>
        <p className="text-xs text-muted"><Trans>A channel of the mesh that everybody reads along with</Trans></p>
      </div>
    </header>
  )
}

/** Something that somebody said, under their name where they did not just say something else. */
function SaidLine({ said, named }: { readonly said: Said; readonly named: (id: string) => Named }) {
  const { time } = useFormat()
  const { text, quoted, reactions, goesOn } = said
  const heard = parseTime(text.heard_at) ?? 0
  return (
    <li className={goesOn ? '-mt-1.5' : ''} data-testid="said">
      {!goesOn && (
        <p className="mb-0.5 flex items-baseline gap-2 text-sm">
          {text.from_node_id == null
            ? <span className="inline-flex items-center gap-1 font-semibold"><Megaphone aria-hidden className="size-4 self-center" /><Trans>Who runs this server</Trans></span>
            : <Link to="/nodes/$id" params={{ id: text.from_node_id }} className="min-w-0 font-semibold hover:underline"><NodeName node={named(text.from_node_id)} /></Link>}
          <time dateTime={text.heard_at} className="tabular shrink-0 text-xs text-muted">{time(heard)}</time>
        </p>
      )}
      <div className="flex items-end gap-2">
        <div className="w-fit max-w-[92%] rounded-2xl rounded-tl-md border border-line bg-surface px-3.5 py-2 sm:max-w-[80%]">
          {quoted !== null && <Quoted text={quoted} />}
          <Words text={text.text} className={text.reaction ? 'text-2xl' : ''} />
          {reactions.length > 0 && <p className="mt-1 text-sm" data-testid="reactions">{reactions.join(' ')}</p>}
        </div>
        {text.status != null && <StatusIcon status={text.status} />}
        {text.stored === true && <span className="pb-1 text-xs text-muted"><Trans>kept by a router, and sent later</Trans></span>}
      </div>
    </li>
  )
}

/** What is said on a channel, for everybody to read. */
export function ChannelChat({ id }: { readonly id: string }) {
  const { t } = useLingui()
  const { data: channels } = useChannels()
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useChannelTexts(id)
  const named = useNames()
  const now = useNow()
  const texts = useMemo(() => (data?.pages.flatMap((page) => page.data) ?? []).toReversed(), [data])
  const { data: gaps } = useGaps(texts[0] === undefined ? null : Date.parse(texts[0].received_at))
  const lines = useMemo(() => tellChannel(texts, missing(gaps, now)), [texts, gaps, now])
  const scroll = useScroll(lines, texts[0]?.id)
  return (
    <>
      <Head channel={channels?.data.find((channel) => channel.id === id)} />
      <Scroll scroll={scroll} label={t`Texts`}>
        {data === undefined && (error === null ? <SkeletonRows /> : <ErrorState error={error} retry={() => { void refetch() }} />)}
        {hasNextPage && <div className="mb-3 flex justify-center"><Button onClick={() => { scroll.leave(); void fetchNextPage() }} disabled={isFetchingNextPage}><Trans>Earlier texts</Trans></Button></div>}
        {data !== undefined && lines.length === 0 && <EmptyState icon={Hash} title={t`Nothing was said here yet`}><Trans>What the mesh says on this channel from now on stands here. What was said before it became public does not.</Trans></EmptyState>}
        <ol className="mx-auto flex max-w-3xl flex-col gap-2.5" aria-live="polite" aria-relevant="additions">
          {lines.map((line) => (line.kind === 'day' ? <Day key={line.key} at={line.at} /> : line.kind === 'gap' ? <GapLine key={line.key} gap={line.gap} /> : <SaidLine key={line.key} said={line} named={named} />))}
        </ol>
      </Scroll>
      <p className="border-t border-line bg-surface px-4 py-3 text-center text-xs text-muted"><Trans>Everybody within reach of the mesh reads and writes here by radio; from here only who runs this server does.</Trans></p>
    </>
  )
}
