import { Trans, useLingui } from '@lingui/react/macro'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleCheck, CloudSun, RadioTower } from 'lucide-react'
import type { SilentNode } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { Card } from '@/ui/card'
import { NodeName } from '@/ui/node-name'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { useServerNow } from './clock'
import { silentQuery } from './queries'
import { Since } from './since'

/** Who used to speak and is silent. */
export function Silent({ refetchInterval }: { readonly refetchInterval: number }) {
  const { t } = useLingui()
  const silence = useInfiniteQuery({ ...silentQuery, refetchInterval })
  const first = silence.data?.pages[0]
  const now = useServerNow(first, silence.dataUpdatedAt)
  const nodes = silence.data?.pages.flatMap((page) => page.data) ?? []
  const bridges = first?.bridges ?? []
  return (
    <Card title={<Trans>Silent</Trans>} flush>
      {first === undefined && silence.isError && <ErrorState error={silence.error} retry={() => { void silence.refetch() }} />}
      {first === undefined && !silence.isError && <SkeletonRows rows={4} />}
      {first !== undefined && bridges.length === 0 && nodes.length === 0 && (
        <EmptyState icon={CircleCheck} title={t`Nobody is missed`}><Trans>Everything that usually speaks was heard lately. Each node is judged by its own usual interval.</Trans></EmptyState>
      )}
      <ul data-testid="silent">
        {bridges.map(({ bridge_id: id, since, state }) => (
          <li key={id} data-silent-bridge={id} className="flex items-center gap-3 border-t border-line px-4 py-2.5 first:border-t-0">
            <RadioTower aria-hidden className="size-4 shrink-0 text-bad" />
            <span className="min-w-0 flex-1">
              <Link to="/network" search={(search) => ({ ...search, bridge: id })} className="block truncate text-sm font-medium hover:underline">{id}</Link>
              <span className="block text-xs text-muted">{state === 'silent' ? <Trans>bridge, silent</Trans> : <Trans>bridge, offline</Trans>}</span>
            </span>
            <Since at={since} now={now} className="text-sm text-muted" />
          </li>
        ))}
        {nodes.map((node) => <SilentRow key={node.node_id} node={node} now={now} />)}
      </ul>
      {silence.hasNextPage && (
        <div className="border-t border-line p-2 text-center">
          <Button look="quiet" disabled={silence.isFetchingNextPage} onClick={() => { void silence.fetchNextPage() }}><Trans>Show more</Trans></Button>
        </div>
      )}
    </Card>
  )
}

function SilentRow({ node, now }: { readonly node: SilentNode; readonly now: number }) {
  const { duration } = useFormat()
  const usual = duration(node.usual_gap_s * 1000)
  return (
    <li data-silent-node={node.node_id} className="flex items-center gap-3 border-t border-line px-4 py-2.5 first:border-t-0">
      {node.is_station ? <CloudSun aria-hidden className="size-4 shrink-0 text-warn" /> : <span aria-hidden className="size-4 shrink-0 p-1"><span className="block size-2 rounded-full bg-line-strong" /></span>}
      <span className="min-w-0 flex-1">
        <Link to="/nodes/$id" params={{ id: node.node_id }} className="block text-sm font-medium hover:underline"><NodeName node={node} /></Link>
        <span className="block text-xs text-muted">
          {node.is_station ? <Trans>station, usually every {usual}</Trans> : <Trans>node, usually every {usual}</Trans>}
        </span>
        {node.bridge_is_gone && <Badge className="mt-1 whitespace-normal"><Trans>the bridge that heard it is gone, too</Trans></Badge>}
      </span>
      <Since at={node.since} now={now} className="text-sm text-muted" />
    </li>
  )
}
