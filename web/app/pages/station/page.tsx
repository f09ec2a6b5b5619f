import { Trans, useLingui } from '@lingui/react/macro'
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router'
import { MapPin, Radio, SearchX, Thermometer } from 'lucide-react'
import { lazy, Suspense, useCallback, useDeferredValue, useEffect, useMemo } from 'react'
import { Problem } from '@/api/problem'
import { isCharted, isEnvironmental } from '@/charts/panels'
import type { BoardView } from '@/charts/search'
import { nodeName } from '@/format/names'
import { fetched } from '@/shell/fetched'
import { Age } from '@/ui/age'
import { Page } from '@/ui/page'
import { EmptyState, ErrorState, Skeleton } from '@/ui/states'
import { useNewest, useStation } from './data'
import { Now, TILES } from './now'
import { EXPECTED } from './tile'

const loadBoard = () => fetched(() => import('@/charts/board'))
const Board = lazy(loadBoard)
const ACTION = 'inline-flex min-h-11 items-center gap-2 rounded-lg border border-line-strong bg-surface px-4 text-sm font-medium hover:bg-sunken'

function Station() {
  const { id } = stationPage.useParams()
  return <StationView key={id} id={id} search={stationPage.useSearch()} />
}

function StationView({ id, search }: { readonly id: string; readonly search: BoardView }) {
  const { t } = useLingui()
  const navigate = useNavigate()
  const station = useStation(id)
  const newest = useNewest(id)
  // Two dozen values and as many lines are drawn piece by piece, between which what is pressed is heard.
  const latest = useDeferredValue(newest.data)
  // Charts are on their way while values are asked for.
  useEffect(() => { loadBoard().catch(() => undefined) }, [])
  const onView = useCallback((view: BoardView) => { void navigate({ to: '/stations/$id', params: { id }, search: view, replace: true, resetScroll: false }) }, [navigate, id])
  // The list changes only when a sensor is added, not with every reading.
  const there = Object.entries(latest ?? {}).filter(([name, value]) => typeof value === 'number' && isCharted(name) && (isEnvironmental(name) || name === 'battery_pct')).map(([name]) => name).sort().join(' ')
  const names = useMemo(() => there.split(' ').filter((name) => name !== ''), [there])

  if (station.error instanceof Problem && (station.error.status === 404 || station.error.status === 400)) {
    return (
      <Page title={id}>
        <EmptyState icon={SearchX} title={t`Nothing was ever heard of this station`} action={<Link to="/" className={ACTION}><Trans>To the map</Trans></Link>} />
      </Page>
    )
  }
  const title = station.data === undefined ? id : nodeName(station.data)
  return (
    <Page
      title={title}
      lead={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <span className="font-mono">{id}</span>
          {latest != null && <span className="inline-flex items-center gap-1"><Trans>Last reading</Trans> <Age at={latest.at} expected={EXPECTED} /></span>}
        </span>
      }
      aside={
        <div className="flex flex-wrap gap-2">
          <Link to="/nodes/$id" params={{ id }} className={ACTION}><Radio aria-hidden className="size-4" /><Trans>The node</Trans></Link>
          {station.data?.position != null && <Link to="/" search={{ node: id }} className={ACTION}><MapPin aria-hidden className="size-4" /><Trans>On the map</Trans></Link>}
        </div>
      }
    >
      {latest === undefined && !newest.isError && <div className={TILES}>{Array.from({ length: 15 }, (_, tile) => <Skeleton key={tile} className="h-[8.5rem]" />)}</div>}
      {newest.isError && latest === undefined && <ErrorState error={newest.error} retry={() => { void newest.refetch() }} />}
      {latest === null && <EmptyState icon={Thermometer} title={t`It has measured nothing yet`}><Trans>Values appear here as soon as the first reading is heard.</Trans></EmptyState>}
      {latest != null && (
        <div className="flex flex-col gap-5">
          <Now id={id} latest={latest} />
          {names.length > 0 && (
            <Suspense fallback={<Skeleton className="h-[60rem] w-full" />}>
              <Board id={id} names={names} view={search} onView={onView} title={t`History`} />
            </Suspense>
          )}
        </div>
      )}
    </Page>
  )
}

export const stationPage = createLazyRoute('/stations/$id')({ component: Station })
