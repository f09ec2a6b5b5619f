import type * as GeoJSON from 'geojson'
import { useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { type RefObject, useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react'
import { usePreferences } from '@/shell/preferences'
import { token, useIsDark } from '@/shell/theme'
import { type OperatorMap, operatorMaps } from './basemap'
import { Drawing, type Hooks } from './drawing'
import type { Drawn } from './features'
import type { Figures, Ink } from './layers'
import './maplibre.css'
import type { Layer, Picked, View } from './search'

/** What others may have the map do. */
export interface MapHandle {
  readonly fit: (box: readonly [number, number, number, number]) => void
  readonly show: (longitude: number, latitude: number) => void
  readonly zoomBy: (steps: number) => void
}

interface MapViewProps {
  readonly handle: RefObject<MapHandle | null>
  /** Where it begins; without it, where the nodes are. */
  readonly view: View | null
  readonly box: readonly [number, number, number, number] | null
  readonly drawn: Drawn
  readonly links: GeoJSON.FeatureCollection
  readonly waypoints: GeoJSON.FeatureCollection
  readonly figures: Figures
  readonly layers: readonly Layer[]
  readonly selected: readonly [number, number] | null
  readonly onPick: (picked: Picked | null) => void
  readonly onMove: (view: View) => void
  readonly onBroken: () => void
}

const NO_MAPS: readonly OperatorMap[] = []

function inks(): Ink {
  return { text: token('--ink'), halo: token('--surface'), node: token('--muted'), surface: token('--surface'), accent: token('--accent'), bad: token('--bad'), muted: token('--muted') }
}

/** The map itself. What it shows comes as properties; how it is drawn is `Drawing`'s. */
export function MapView({ handle, view, box, drawn, links, waypoints, figures, layers, selected, onPick, onMove, onBroken }: MapViewProps) {
  const { t } = useLingui()
  const container = useRef<HTMLDivElement>(null)
  const [drawing, setDrawing] = useState<Drawing | null>(null)
  const { language } = usePreferences()
  const isDark = useIsDark()
  const { data: maps } = useQuery({ queryKey: ['basemap'], queryFn: ({ signal }) => operatorMaps(signal), staleTime: Infinity, retry: 1 })
  const hooks = useRef({ onPick, onMove, onBroken })
  useEffect(() => { hooks.current = { onPick, onMove, onBroken } })
  const first = useRef({ view, figures, isFitted: view !== null })
  const theme = useMemo(() => ({ isDark, language, maps: maps ?? NO_MAPS }), [isDark, language, maps])
  const newestTheme = useRef(theme)
  useEffect(() => { newestTheme.current = theme }, [theme])

  useEffect(() => {
    const element = container.current
    if (element === null) return undefined
    let made: Drawing | null = null
    let isGone = false
    let lost = 0
    const told: Hooks = {
      onPick: (picked) => { hooks.current.onPick(picked); },
      onMove: (moved) => { if (first.current.isFitted) hooks.current.onMove(moved) },
      // Tiles that fail are tried again; what the map cannot live without is the canvas.
      onTrouble: (error) => { console.warn('map', error); },
    }
    // Letters are drawn by the browser with what is loaded at that moment, and are kept.
    void document.fonts.load('500 12px "Inter Variable"').catch(() => undefined).then(() => {
      if (isGone) return
      try {
        made = new Drawing(element, first.current.view, { ...newestTheme.current, ink: inks() }, first.current.figures, told)
      } catch (error) {
        console.error('the map cannot be drawn', error)
        hooks.current.onBroken()
        return
      }
      // A phone takes the canvas from a page that is not looked at, and gives it back; only one that stays away is given up.
      made.map.on('webglcontextlost', () => { lost = window.setTimeout(() => { hooks.current.onBroken() }, 10_000) })
      made.map.on('webglcontextrestored', () => { window.clearTimeout(lost) })
      made.map.on('styledataloading', () => { element.dataset['idle'] = 'false' })
      made.map.on('idle', () => { element.dataset['idle'] = 'true' })
      setDrawing(made)
    })
    return () => {
      isGone = true
      window.clearTimeout(lost)
      setDrawing(null)
      made?.remove()
    }
  }, [])

  useEffect(() => { drawing?.setTheme({ ...theme, ink: inks() }) }, [drawing, theme])
  useEffect(() => { drawing?.setFigures(figures) }, [drawing, figures])
  useEffect(() => { drawing?.setVisible(layers) }, [drawing, layers])
  useEffect(() => { drawing?.setData('links', links) }, [drawing, links])
  useEffect(() => { drawing?.setData('waypoints', waypoints) }, [drawing, waypoints])
  useEffect(() => {
    drawing?.setData('stations', drawn.stations)
    drawing?.setData('nodes', drawn.nodes)
    drawing?.setData('bridges', drawn.bridges)
  }, [drawing, drawn])
  useEffect(() => {
    const features: GeoJSON.Feature[] = selected === null ? [] : [{ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [...selected] } }]
    drawing?.setData('selected', { type: 'FeatureCollection', features })
  }, [drawing, selected])
  useEffect(() => {
    if (drawing === null || box === null || first.current.isFitted) return
    drawing.fit(box, false)
    first.current.isFitted = true
  }, [drawing, box])
  useEffect(() => {
    drawing?.map.getCanvas().setAttribute('aria-label', t`Map. Arrow keys move it, plus and minus zoom. The same as a table: the button “Table”.`)
  }, [drawing, t])
  useImperativeHandle(handle, () => ({
    fit: (whole) => { drawing?.fit(whole, true) },
    show: (longitude, latitude) => { if (drawing !== null && !drawing.sees(longitude, latitude)) drawing.show(longitude, latitude, 8) },
    zoomBy: (steps) => { drawing?.zoomBy(steps) },
  }), [drawing])

  return (
    <>
      <div ref={container} data-testid="map" data-ready={drawing !== null} className="absolute inset-0 bg-sunken" />
      <p className="absolute right-2 bottom-1 z-[1] max-w-[60%] truncate text-right text-[0.6875rem] text-muted">
        {[...new Set(['Natural Earth', ...(maps ?? []).map((map) => map.attribution)])].filter((text) => text !== '').join(' · ')}
      </p>
    </>
  )
}
