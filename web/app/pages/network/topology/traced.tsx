import { Trans, useLingui } from '@lingui/react/macro'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Route } from 'lucide-react'
import type { Traceroute } from '@/api/schema'
import type { Named } from '@/format/names'
import { Age } from '@/ui/age'
import { Button } from '@/ui/button'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { Chain } from './chain'
import { tracedQuery } from './data'

interface TracedProps {
  /** Whose ways are shown; everybody's without one. */
  readonly chosen: string | undefined
  readonly named: (id: string) => Named
}

/** The ways that packets were seen to take, because somebody asked. */
export function Traced({ chosen, named }: TracedProps) {
  const { t } = useLingui()
  const ways = useInfiniteQuery(tracedQuery(chosen))
  const rows = ways.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <>
      {ways.isPending && <SkeletonRows rows={4} />}
      {ways.isError && ways.data === undefined && <ErrorState error={ways.error} retry={() => { void ways.refetch() }} />}
      {ways.data !== undefined && rows.length === 0 && (
        <EmptyState icon={Route} title={t`Nobody has traced such a way yet`}><Trans>People trace ways with their apps; whoever runs this server has its bridges do so with <code>kosmo route</code>.</Trans></EmptyState>
      )}
      <ul role="list" data-testid="traced">{rows.map((way) => <Traces key={`${way.from_node_id} ${way.to_node_id}`} way={way} named={named} />)}</ul>
      {ways.hasNextPage && <div className="border-t border-line p-2 text-center"><Button look="quiet" disabled={ways.isFetchingNextPage} onClick={() => { void ways.fetchNextPage() }}><Trans>Show more</Trans></Button></div>}
    </>
  )
}

function Traces({ way, named }: { readonly way: Traceroute; readonly named: (id: string) => Named }) {
  const { t } = useLingui()
  const steps = (of: Traceroute['towards']) => of.map(({ node_id: id, snr_db: snr }) => ({ node: named(id), snr }))
  const unknown = t`somebody unknown`
  return (
    <li data-traced={`${way.from_node_id} ${way.to_node_id}`} className="flex flex-col gap-1 border-t border-line px-4 py-2.5 text-sm first:border-t-0">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <span className="w-12 text-xs text-muted"><Trans>there</Trans></span>
        <Chain first={named(way.from_node_id)} steps={steps(way.towards)} unknown={unknown} />
        <Age at={way.at} className="ml-auto text-xs" />
      </div>
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <span className="w-12 text-xs text-muted"><Trans>back</Trans></span>
        {way.back.length === 0 ? <span className="text-xs text-muted"><Trans>The way back was not told.</Trans></span> : <Chain first={named(way.to_node_id)} steps={steps(way.back)} unknown={unknown} />}
      </div>
    </li>
  )
}
