import { Trans, useLingui } from '@lingui/react/macro'
import { Link, useNavigate } from '@tanstack/react-router'
import { ChevronLeft, MapPin, MessageSquare, SearchX, Thermometer, TriangleAlert } from 'lucide-react'
import { lazy, Suspense, useCallback, useDeferredValue, useEffect, useMemo } from 'react'
import { Problem } from '@/api/problem'
import type { NodeDetail } from '@/api/schema'
import { isCharted, isEnvironmental } from '@/charts/panels'
import type { BoardView } from '@/charts/search'
import { useFormat } from '@/format/hooks'
import { nodeName } from '@/format/names'
import { parseTime } from '@/format/time'
import { fetched } from '@/shell/fetched'
import { Age } from '@/ui/age'
import { Card } from '@/ui/card'
import { Page } from '@/ui/page'
import { EmptyState, ErrorState, Skeleton, SkeletonRows } from '@/ui/states'
import { Identity, Place } from './about'
import { Counters } from './counters'
import { useLatest, useNode } from './data'
import { KeyHistory } from './keys'
import { Links } from './links'
import { EXPECTED } from './model'
import { Telemetry } from './telemetry'
import { Traceroutes } from './traceroutes'

const loadBoard = () => fetched(() => import('@/charts/board'))
const Board = lazy(loadBoard)
const ACTION = 'inline-flex min-h-11 items-center gap-2 rounded-lg border border-line-strong bg-surface px-4 text-sm font-medium hover:bg-sunken'

/** All that is known of one node. */
export function NodeView({ id, search }: { readonly id: string; readonly search: BoardView }) {
  const { t } = useLingui()
  const query = useNode(id)
  // All that is known is drawn piece by piece, between which what is pressed is heard.
  const node = useDeferredValue(query.data)
  // What most nodes have is on its way while the node itself is asked for.
  useLatest(id)
  useEffect(() => { loadBoard().catch(() => undefined) }, [])
  if (node === undefined) {
    const isUnknown = query.error instanceof Problem && (query.error.status === 404 || query.error.status === 400)
    return (
      <Page title={id}>
        {!query.isError && <SkeletonRows rows={10} />}
        {isUnknown && <EmptyState icon={SearchX} title={t`Nothing was ever heard of this node`} action={<Link to="/nodes" className={ACTION}><Trans>All nodes</Trans></Link>} />}
        {query.isError && !isUnknown && <ErrorState error={query.error} retry={() => { void query.refetch() }} />}
      </Page>
    )
  }
  return <Known id={id} node={node} search={search} />
}

function Known({ id, node, search }: { readonly id: string; readonly node: NodeDetail; readonly search: BoardView }) {
  const { t } = useLingui()
  const navigate = useNavigate()
  const latest = useLatest(id)
  const onView = useCallback((view: BoardView) => { void navigate({ to: '/nodes/$id', params: { id }, search: view, replace: true, resetScroll: false }) }, [navigate, id])
  const charted = useMemo(() => Object.keys(latest.data ?? {}).filter((name) => isCharted(name) && !isEnvironmental(name)), [latest.data])
  return (
    <Page
      title={nodeName(node)}
      lead={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <Link to="/nodes" className="inline-flex items-center gap-0.5 hover:text-ink"><ChevronLeft aria-hidden className="size-4" /><Trans>All nodes</Trans></Link>
          <span className="font-mono">{node.node_id}</span>
          <span className="inline-flex items-center gap-1"><Trans>Heard</Trans> <Age at={node.last_heard} expected={EXPECTED} /></span>
        </span>
      }
      aside={
        <div className="flex flex-wrap gap-2">
          {node.is_station && <Link to="/stations/$id" params={{ id: node.node_id }} className={ACTION}><Thermometer aria-hidden className="size-4" /><Trans>Weather</Trans></Link>}
          {node.unmessagable !== true && <Link to="/messages/$node" params={{ node: node.node_id }} className={ACTION}><MessageSquare aria-hidden className="size-4" /><Trans>Write</Trans></Link>}
          {node.position != null && <Link to="/" search={{ node: node.node_id }} className={ACTION}><MapPin aria-hidden className="size-4" /><Trans>On the map</Trans></Link>}
        </div>
      }
    >
      <div className="flex flex-col gap-4">
        {node.key_changed_at != null && <KeyWarning at={node.key_changed_at} />}
        <div className="grid gap-4 lg:grid-cols-3">
          <Card title={t`Who it is`}><Identity node={node} /></Card>
          <Card title={t`Power and airtime`}><Telemetry latest={latest.data ?? null} isPending={latest.isPending} /></Card>
          <Card title={t`Where it is`}><Place node={node} /></Card>
        </div>
        {/* Whether there are charts is known when its values are; what stands under them would jump, and comes then. */}
        {latest.isPending ? <Skeleton className="h-[60rem] w-full" /> : (
          <>
            {charted.length > 0 && (
              <Suspense fallback={<Skeleton className="h-[60rem] w-full" />}>
                <Board id={node.node_id} names={charted} view={search} onView={onView} title={t`Telemetry`} />
              </Suspense>
            )}
            <Card title={t`Who hears it, and whom it hears`} flush><Links node={node} /></Card>
            <Card title={t`Traceroutes`}><Traceroutes node={node} /></Card>
            <div className="grid gap-4 lg:grid-cols-2">
              <Card title={t`Ids and keys`}><KeyHistory node={node} /></Card>
              <Counters node={node} />
            </div>
          </>
        )}
      </div>
    </Page>
  )
}

/** Whoever writes to this node is to know before they do. */
function KeyWarning({ at }: { readonly at: string }) {
  const { dateTime } = useFormat()
  return (
    <div role="note" className="flex gap-3 rounded-xl border border-line bg-warn-soft px-4 py-3 text-warn">
      <TriangleAlert aria-hidden className="mt-0.5 size-5 shrink-0" />
      <div>
        <p className="font-semibold"><Trans>The key of this node changed on {dateTime(parseTime(at) ?? 0)}.</Trans></p>
        <p className="mt-0.5 text-sm text-ink"><Trans>Its owner may have reset or replaced the radio; or somebody else uses its id. Ask the owner in another way before you trust what comes from it or write to it in confidence.</Trans></p>
      </div>
    </div>
  )
}
