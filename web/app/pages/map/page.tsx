import { Trans, useLingui } from '@lingui/react/macro'
import { createLazyRoute, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { nodeName } from '@/format/names'
import { useFormat, useNow } from '@/format/hooks'
import { fetched } from '@/shell/fetched'
import { useTitle } from '@/shell/title'
import { ErrorState, SkeletonRows } from '@/ui/states'
import { canDraw } from './can-draw'
import { LayerChoice, QuantityChoice, ShareButton, ViewChoice, ZoomButtons } from './controls'
import { HOURS, useFrames, useLinks, useMapNodes } from './data'
import { decimalsOnMap, draw, drawLinks, stopsIn } from './features'
import { FindNode } from './find-node'
import { Legend } from './legend'
import type { MapHandle } from './map-view'
import { boxOf, HOUR, pairs, shownNow, shownThen } from './model'
import { Panel } from './panel'
import { usePlayer } from './player'
import { FIRST, isQuantityOnMap, ON_MAP, scaleOf } from './quantities'
import { hourText, type Layer, layersOf, layersText, type MapSearch, type Picked, USUAL_LAYERS, type View, viewOf, viewText } from './search'
import { TimeSlider } from './time-slider'
import { Twin } from './twin'
import { WaypointPanel } from './waypoint-panel'
import { WaypointTable } from './waypoint-table'
import { drawWaypoints, isWanted, useWaypoints } from './waypoints'

// The library that draws is several times as big as everything else: who reads the table does not wait for it.
const MapView = lazy(() => fetched(() => import('./map-view')).then((module) => ({ default: module.MapView })))

type Spot = Pick<View, 'latitude' | 'longitude'>
/** How near one is to what is shown on the map from the table. */
const NEAR = 10

/** What of the address changes; what is `undefined` goes. */
type Change = { readonly [Name in keyof MapSearch]?: MapSearch[Name] | undefined }

function MapPage() {
  const { t } = useLingui()
  useTitle(t`Map`)
  const format = useFormat()
  const search = mapPage.useSearch()
  const navigate = useNavigate()
  const set = useCallback((change: Change) => {
    void navigate({ to: '/', search: (old) => Object.fromEntries(Object.entries({ ...old, ...change }).filter(([, value]) => value !== undefined)) as MapSearch, replace: true })
  }, [navigate])

  const nodes = useMapNodes()
  const rows = useMemo(() => nodes.data?.rows ?? [], [nodes.data])
  const quantity = search.show !== undefined && isQuantityOnMap(search.show) ? search.show : FIRST
  const layers = useMemo(() => layersOf(search.layers) ?? USUAL_LAYERS, [search.layers])
  const [isDrawable, setDrawable] = useState(canDraw)
  const isTable = search.view === 'table' || !isDrawable
  const [text, setText] = useState('')
  const handle = useRef<MapHandle>(null)

  // Ages are judged anew every half minute, not with every tick of the clock that shows them.
  const now = Math.floor(useNow() / 30_000) * 30_000
  const start = Math.floor(now / HOUR) * HOUR + HOUR - HOURS * HOUR
  const [place, move] = usePlace(search.t, start, set)
  const isLive = place >= HOURS
  const [isTouched, setTouched] = useState(false)
  const { frames, error: framesError, isLoading } = useFrames(quantity, !isLive || isTouched, now)
  const player = usePlayer(place, HOURS, move, frames !== undefined || isLive)

  const shown = useMemo(() => (isLive
    ? rows.map((node) => shownNow(node, quantity, now))
    : rows.map((node) => shownThen(node, quantity, frames, start + place * HOUR))), [rows, quantity, now, isLive, frames, start, place])
  const scale = useMemo(() => scaleOf(quantity, shown.flatMap(({ value }) => (value === null ? [] : [value]))), [quantity, shown])
  const drawn = useMemo(() => draw(shown, { quantity, units: format.units, locale: format.locale, scale }), [shown, quantity, format.units, format.locale, scale])
  const figures = useMemo(() => ({ stops: stopsIn(scale, quantity, format.units), decimals: decimalsOnMap(quantity, format.units), locale: format.locale }), [scale, quantity, format.units, format.locale])
  const offered = useMemo(() => {
    const had = new Set(rows.flatMap((node) => Object.keys(node.latest?.values ?? {})))
    return ON_MAP.filter((name) => name === quantity || had.has(name))
  }, [rows, quantity])

  const byId = useMemo(() => new Map(rows.map((node) => [node.node_id, node])), [rows])
  const selected = search.node === undefined ? undefined : byId.get(search.node)
  const links = useLinks(layers.includes('links') || selected !== undefined)
  const linkPairs = useMemo(() => pairs(links.data?.rows ?? []), [links.data])
  const lines = useMemo(() => drawLinks(layers.includes('links') ? linkPairs : [], shown, now), [layers, linkPairs, shown, now])
  const box = useMemo(() => boxOf(rows), [rows])
  const waypoints = useWaypoints(layers.includes('waypoints') || isTable || search.waypoint !== undefined, now)
  const pins = useMemo(() => drawWaypoints(waypoints), [waypoints])
  const selectedWaypoint = waypoints.find(({ id }) => id === search.waypoint)
  const selectedPlace = selected?.position ?? selectedWaypoint
  const ring = useMemo(() => (selectedPlace == null ? null : [selectedPlace.longitude, selectedPlace.latitude] as const), [selectedPlace])

  const show = (place: Spot | null | undefined) => {
    if (place != null) handle.current?.show(place.longitude, place.latitude)
  }
  const pick = (picked: Picked | null) => { set({ node: undefined, waypoint: undefined, ...picked }) }
  const pickAndShow = (picked: Picked) => {
    pick(picked)
    show('node' in picked ? byId.get(picked.node)?.position : waypoints.find(({ id }) => id === picked.waypoint))
  }
  const onMove = useLater((view: View) => { set({ at: viewText(view) }) }, 400)
  const nameOf = (id: string) => nodeName(byId.get(id) ?? { node_id: id })
  const selectedShown = selected === undefined ? undefined : shown.find(({ node }) => node === selected)

  const bar = (
    <div className="pointer-events-auto relative flex min-w-0 flex-1 flex-wrap gap-2 sm:flex-nowrap">
      <FindNode nodes={rows} waypoints={waypoints} text={text} onText={setText} onPick={pickAndShow} offers={!isTable} />
      <QuantityChoice quantity={quantity} offered={offered} onChange={(name) => { set({ show: name === FIRST ? undefined : name }) }} />
      {!isTable && <LayerChoice layers={layers} onChange={(chosen: readonly Layer[]) => { set({ layers: layersText(chosen) === layersText(USUAL_LAYERS) ? undefined : layersText(chosen) }) }} />}
      <ViewChoice isTable={isTable} canDraw={isDrawable} onChange={(table) => { set({ view: table ? 'table' : undefined }) }} />
      <ShareButton />
    </div>
  )
  const slider = <TimeSlider place={place} start={start} player={player} isLoading={isLoading} onTouch={() => { setTouched(true) }} />
  const showOnMap = (place: Spot | null | undefined) => {
    // From the table the map begins there; it is not drawn yet, and cannot be moved.
    if (isTable && place != null) set({ view: undefined, at: viewText({ ...place, zoom: NEAR }) })
    else show(place)
  }
  const waypointPanel = selectedWaypoint === undefined ? null : (
    <WaypointPanel place={selectedWaypoint} nameOf={nameOf} onClose={() => { pick(null) }} onPick={(node) => { pickAndShow({ node }) }} onShow={() => { showOnMap(selectedWaypoint) }} />
  )
  const panel = selected === undefined || selectedShown === undefined ? waypointPanel : (
    <Panel
      node={selected} shown={selectedShown} quantity={quantity} hour={isLive ? null : start + place * HOUR} nameOf={nameOf}
      links={linkPairs.filter(({ a, b }) => a === selected.node_id || b === selected.node_id)}
      onClose={() => { pick(null) }} onPick={(node) => { pickAndShow({ node }) }}
      onShow={() => { showOnMap(selected.position) }}
    />
  )
  const trouble = nodes.isError && rows.length === 0 ? <ErrorState error={nodes.error} retry={() => { void nodes.refetch() }} /> : null
  const notes = (
    <>
      {nodes.data?.isCut === true && <Note><Trans>There are more nodes than a page can show: these are the 5,000 known for longest.</Trans></Note>}
      {framesError !== null && !isLive && <Note><Trans>The past cannot be read at the moment.</Trans></Note>}
      {!isTable && rows.length > 0 && box === null && <Note><Trans>No node has told where it is. The table lists them all.</Trans></Note>}
      {!isDrawable && <Note><Trans>This browser cannot draw the map (it needs WebGL 2). The table says the same.</Trans></Note>}
    </>
  )

  if (isTable) {
    const found = waypoints.filter((place) => isWanted(place, text))
    return (
      <div className="relative flex h-full flex-col">
        <h1 className="sr-only"><Trans>Map</Trans></h1>
        <div className="flex flex-col gap-2 border-b border-line bg-surface p-3">{bar}{slider}{notes}</div>
        <div className="min-h-0 flex-1 overflow-y-auto bg-surface">
          {trouble ?? (nodes.isPending ? <SkeletonRows rows={10} /> : <Twin shown={shown} quantity={quantity} wanted={text} isLive={isLive} selected={search.node} onPick={(id) => { pick({ node: id }) }} />)}
          {found.length > 0 && <WaypointTable places={found} nameOf={nameOf} selected={search.waypoint} onPick={(id) => { pick({ waypoint: id }) }} />}
        </div>
        {panel}
      </div>
    )
  }
  return (
    <div className="relative h-full min-h-96 overflow-hidden" data-nodes={rows.length} data-place={place}>
      <h1 className="sr-only"><Trans>Map</Trans></h1>
      <Suspense fallback={<div className="absolute inset-0 animate-pulse bg-sunken" />}>
        <MapView
          handle={handle} view={viewOf(search.at)} box={box} drawn={drawn} links={lines} waypoints={pins} figures={figures} layers={layers} selected={ring}
          onPick={pick} onMove={onMove} onBroken={() => { setDrawable(false) }}
        />
      </Suspense>
      <div className={`pointer-events-none absolute inset-x-3 top-3 z-[5] flex flex-col items-start gap-2 ${panel === null ? '' : 'lg:right-[21.5rem]'}`}>
        <div className="flex w-full max-w-2xl">{bar}</div>
        {notes}
        {trouble !== null && <div className="pointer-events-auto rounded-xl border border-line bg-raised shadow-pop">{trouble}</div>}
      </div>
      <div className={`pointer-events-none absolute inset-x-3 bottom-6 z-[5] flex flex-col gap-2 ${panel === null ? '' : 'max-lg:hidden lg:right-[21.5rem]'}`}>
        <div className="flex items-end justify-between gap-2">
          <Legend quantity={quantity} scale={scale} layers={layers} isLive={isLive} hasWaypoints={waypoints.length > 0} />
          <ZoomButtons onZoom={(steps) => handle.current?.zoomBy(steps)} onFit={() => { if (box !== null) handle.current?.fit(box) }} />
        </div>
        <div className="pointer-events-auto w-full max-w-3xl self-center">{slider}</div>
      </div>
      {panel}
    </div>
  )
}

function Note({ children }: { readonly children: React.ReactNode }) {
  return <p role="status" className="pointer-events-auto max-w-xl rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn shadow-card">{children}</p>
}

/** The place on the slider, and in the URL once it rests there. */
function usePlace(t: string | undefined, start: number, set: (change: { t: string | undefined }) => void): [number, (place: number) => void] {
  const asked = t === undefined ? HOURS : Math.round((Date.parse(t) - start) / HOUR)
  const inUrl = asked < 0 ? 0 : Math.min(HOURS, asked)
  const [moved, setMoved] = useState<number | null>(null)
  const write = useLater((place: number) => {
    set({ t: place >= HOURS ? undefined : hourText(start + place * HOUR) })
    setMoved(null)
  }, 500)
  const move = useCallback((place: number) => {
    setMoved(place)
    write(place)
  }, [write])
  return [moved ?? inUrl, move]
}

/** Calls once what is called often, when it has been still for a while. */
function useLater<Value>(call: (value: Value) => void, ms: number): (value: Value) => void {
  const newest = useRef(call)
  const timer = useRef(0)
  useEffect(() => { newest.current = call })
  useEffect(() => () => { window.clearTimeout(timer.current) }, [])
  return useCallback((value) => {
    window.clearTimeout(timer.current)
    timer.current = window.setTimeout(() => { newest.current(value) }, ms)
  }, [ms])
}

export const mapPage = createLazyRoute('/')({ component: MapPage })
