import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router'
import { ChevronLeft, Waypoints, ZoomIn, ZoomOut } from 'lucide-react'
import { useMemo, useState } from 'react'
import { Button, IconButton } from '@/ui/button'
import { Card } from '@/ui/card'
import { Page } from '@/ui/page'
import { EmptyState, ErrorState, Skeleton } from '@/ui/states'
import { Chain } from './chain'
import { useMesh } from './data'
import { Graph } from './graph'
import { type Place, topologyOf, wayOf } from './model'
import { Ways } from './table'
import { Traced } from './traced'

export const topologyPage = createLazyRoute('/network/topology')({ component: TopologyView })

const CLOSEST = 4

function TopologyView() {
  const { t } = useLingui()
  const { node: chosen } = topologyPage.useSearch()
  const navigate = useNavigate()
  const mesh = useMesh()
  const [zoom, setZoom] = useState(1)
  const topology = useMemo(() => (mesh.data === undefined ? null : topologyOf(mesh.data.nodes, mesh.data.links)), [mesh.data])
  const byId = useMemo(() => new Map(topology?.places.map((place) => [place.id, place])), [topology])
  const way = useMemo(() => (chosen === undefined ? [] : wayOf(chosen, byId)), [chosen, byId])
  const choose = (node: string | undefined) => { void navigate({ to: '/network/topology', search: { node }, replace: true, resetScroll: false }) }
  const reached = topology?.places.filter((place) => place.hops !== null).length ?? 0
  const all = topology?.places.length ?? 0
  const needed = topology?.places.filter((place) => place.dependents > 0 && !place.isBridge).length ?? 0
  const hasBridge = topology?.places.some((place) => place.isBridge) === true
  return (
    <Page
      title={t`Topology`}
      lead={
        <span className="flex flex-wrap items-center gap-x-3">
          <Link to="/network" className="inline-flex items-center gap-0.5 hover:text-ink"><ChevronLeft aria-hidden className="size-4" /><Trans>Network</Trans></Link>
          {topology !== null && <span data-testid="verdict"><Trans>Of {all} nodes heard in the last day, {reached} have a known way to a bridge.</Trans></span>}
        </span>
      }
    >
      {mesh.isPending && <Skeleton className="h-[60rem] w-full" />}
      {mesh.isError && topology === null && <ErrorState error={mesh.error} retry={() => { void mesh.refetch() }} />}
      {topology !== null && (
        <div className="flex flex-col gap-5">
          {mesh.data?.isCut === true && <p className="text-sm text-warn"><Trans>There are more nodes than can be drawn here. Somebody may be making them up.</Trans></p>}
          <Card
            title={t`Ways to the bridges`}
            aside={
              <div className="-mr-2 flex">
                <IconButton label={t`Closer`} disabled={zoom >= CLOSEST} onClick={() => { setZoom(zoom * 2) }}><ZoomIn aria-hidden className="size-5" /></IconButton>
                <IconButton label={t`Wider`} disabled={zoom <= 1} onClick={() => { setZoom(zoom / 2) }}><ZoomOut aria-hidden className="size-5" /></IconButton>
              </div>
            }
          >
            {hasBridge
              ? <><Key /><Graph topology={topology} way={way} label={t`Ways to the bridges`} zoom={zoom} />{way.length > 1 && <Way way={way} />}</>
              : <EmptyState icon={Waypoints} title={t`No bridge was heard in the last day`}><Trans>Ways lead to bridges: without one there is none to draw. Links are drawn on the map.</Trans></EmptyState>}
          </Card>
          <Card
            title={t`What depends on what`} flush
            aside={needed > 0 && <span className="text-right text-xs text-muted"><Plural value={needed} one="# relay that others cannot do without" other="# relays that others cannot do without" /></span>}
          >
            <p className="px-4 pb-2 text-sm text-muted"><Trans>A node that others depend on is their only known way: if it fails, they are cut off. What nobody heard or reported in a day is not counted, so there may be more ways than these.</Trans></p>
            <Ways places={topology.places} byId={byId} chosen={chosen} onChoose={choose} />
          </Card>
          <Card
            title={t`Traced ways`} flush
            aside={chosen !== undefined && <Button look="quiet" className="-mr-2" onClick={() => { choose(undefined) }}><Trans>Of all nodes</Trans></Button>}
          >
            <p className="px-4 pb-2 text-sm text-muted"><Trans>What packets were seen to do when somebody asked, with the signal at each step. The ways above are what links make possible.</Trans></p>
            <Traced chosen={chosen} named={(id) => byId.get(id)?.node ?? { node_id: id }} />
          </Card>
        </div>
      )}
    </Page>
  )
}

/** What colours and lines mean. */
function Key() {
  const dot = 'inline-block size-3.5 shrink-0 rounded-full border-2'
  const line = 'h-0 w-6 shrink-0 border-t-2'
  return (
    <ul role="list" className="mb-2 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
      <li className="inline-flex items-center gap-1.5"><span aria-hidden className={`${dot} border-accent bg-accent`} /><Trans>bridge</Trans></li>
      <li className="inline-flex items-center gap-1.5"><span aria-hidden className={`${dot} border-accent bg-accent-soft`} /><Trans>station</Trans></li>
      <li className="inline-flex items-center gap-1.5"><span aria-hidden className={`${dot} border-muted bg-sunken`} /><Trans>node</Trans></li>
      <li className="inline-flex items-center gap-1.5"><span aria-hidden className={`${dot} border-warn bg-warn-soft`} /><Trans>others depend on it, and how many</Trans></li>
      <li className="inline-flex items-center gap-1.5"><span aria-hidden className={`${line} border-good`} /><Trans>good link</Trans></li>
      <li className="inline-flex items-center gap-1.5"><span aria-hidden className={`${line} border-dashed border-warn`} /><Trans>fair</Trans></li>
      <li className="inline-flex items-center gap-1.5"><span aria-hidden className={`${line} border-dotted border-bad`} /><Trans>poor</Trans></li>
    </ul>
  )
}

/** The way of the chosen node in words. */
function Way({ way }: { readonly way: readonly Place[] }) {
  const named = (place: Place) => place.node ?? { node_id: place.id }
  const [first, ...rest] = way
  if (first === undefined) return null
  // Each place knows how well it is heard by the next.
  const steps = rest.map((place, index) => ({ node: named(place), snr: way[index]?.snr ?? null }))
  return (
    <p role="status" data-testid="way" className="mt-2 flex flex-wrap items-center gap-x-2 gap-y-1 rounded-lg bg-sunken px-3 py-2 text-sm">
      <Chain first={named(first)} steps={steps} />
    </p>
  )
}
