import { Trans, useLingui } from '@lingui/react/macro'
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router'
import { ChevronLeft, Inbox, Pause, Play } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import { readAgain } from '@/api/again'
import { useNames } from '@/api/names'
import { useLiveBatches, useLiveState } from '@/live/live'
import { Button } from '@/ui/button'
import { SearchField, Select } from '@/ui/field'
import { Page } from '@/ui/page'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import type { PacketsSearch } from '../search'
import { packetsQuery } from './data'
import { PacketRow } from './row'
import { PacketSheet } from './sheet'
import { PORTS } from './words'

export const packetsPage = createLazyRoute('/network/packets')({ component: PacketsView })

function PacketsView() {
  const { t } = useLingui()
  const search = packetsPage.useSearch()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const isLive = useLiveState() === 'open'
  const [isPaused, pause] = useState(false)
  const query = packetsQuery(search)
  const packets = useInfiniteQuery({ ...query, refetchInterval: isLive || isPaused ? false : 15_000 })
  const named = useNames()
  // Who has gone back in the log is not to have it move under their eyes.
  const isAtNewest = (packets.data?.pages.length ?? 0) <= 1
  useLiveBatches('packets', 2000, () => { if (isAtNewest && !isPaused) readAgain(queries, query.queryKey) })
  const change = useCallback((next: Partial<PacketsSearch>) => {
    void navigate({ to: '/network/packets', search: (was) => ({ ...(was as PacketsSearch), ...next }), replace: true, resetScroll: false })
  }, [navigate])
  const rows = packets.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Page
      title={t`Packets`}
      lead={<Link to="/network" className="inline-flex items-center gap-0.5 hover:text-ink"><ChevronLeft aria-hidden className="size-4" /><Trans>Network</Trans></Link>}
      aside={
        <Button aria-pressed={isPaused} onClick={() => { pause(!isPaused) }}>
          {isPaused ? <><Play aria-hidden className="size-4" /><Trans>Go on</Trans></> : <><Pause aria-hidden className="size-4" /><Trans>Pause</Trans></>}
        </Button>
      }
    >
      <Filters search={search} onChange={change} />
      <p className="mb-3 text-sm text-muted"><Trans>What the mesh said lately, by whoever told of it first. What people write is not in here, and of private channels there is the header alone.</Trans></p>
      <section aria-label={t`Packets`} className="overflow-hidden rounded-xl border border-line bg-surface shadow-card">
        {packets.isPending && <SkeletonRows rows={12} />}
        {packets.isError && packets.data === undefined && <ErrorState error={packets.error} retry={() => { void packets.refetch() }} />}
        {packets.data !== undefined && rows.length === 0 && <EmptyState icon={Inbox} title={t`There is no such packet in the log`} />}
        <ul role="list" data-testid="packets">
          {rows.map((packet) => <PacketRow key={packet.id} packet={packet} named={named} onOpen={() => { change({ packet: packet.id }) }} />)}
        </ul>
        {packets.hasNextPage && <div className="border-t border-line p-2 text-center"><Button look="quiet" disabled={packets.isFetchingNextPage} onClick={() => { void packets.fetchNextPage() }}><Trans>Earlier packets</Trans></Button></div>}
      </section>
      <PacketSheet id={search.packet} named={named} onClose={() => { change({ packet: undefined }) }} />
    </Page>
  )
}

function Filters({ search, onChange }: { readonly search: PacketsSearch; readonly onChange: (next: Partial<PacketsSearch>) => void }) {
  const { i18n, t } = useLingui()
  const [words, setWords] = useState(search.q ?? '')
  const [node, setNode] = useState(search.node ?? '')
  const isNode = node === '' || /^![0-9a-f]{8}$/.test(node)
  useEffect(() => {
    const timer = window.setTimeout(() => {
      if (words !== (search.q ?? '')) onChange({ q: words === '' ? undefined : words })
      if (isNode && node !== (search.node ?? '')) onChange({ node: node === '' ? undefined : node })
    }, 400)
    return () => { window.clearTimeout(timer) }
  }, [words, node, isNode, search.q, search.node, onChange])
  const ports = [{ name: '', title: t`Any port` }, ...Object.entries(PORTS).map(([name, title]) => ({ name, title: i18n._(title) }))]
  // A port of a link that is none of those is shown by its own name.
  if (search.port !== undefined && ports.every(({ name }) => name !== search.port)) ports.push({ name: search.port, title: search.port })
  return (
    <div className="mb-3 grid gap-2 sm:grid-cols-[minmax(0,1fr)_minmax(0,13rem)_minmax(0,13rem)]">
      <SearchField label={t`Words in what packets say`} value={words} onChange={setWords} maxLength={64} />
      <SearchField label={t`Node, like !a1b2c3d4`} value={node} onChange={setNode} maxLength={9} aria-invalid={!isNode} />
      <Select label={t`Port`} hideLabel value={search.port ?? ''} onChange={(port) => { onChange({ port: port === '' ? undefined : port }) }} options={ports} />
    </div>
  )
}
