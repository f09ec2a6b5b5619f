import type * as GeoJSON from 'geojson'
import { type GeoJSONSource, type LngLatBoundsLike, Map as MapLibre, type MapGeoJSONFeature, type PointLike, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import type { Language } from '@/shell/preferences'
import { BARB_SIZE, barbOf, drawBarb } from './barbs'
import { DARK, graticule, groundStyle, LIGHT, type OperatorMap, readyProtocol } from './basemap'
import { clusterPaint, type Figures, type Ink, layers, PICKED, SOURCES, sources, SWITCHED } from './layers'
import { type Layer, LAYERS, type View } from './search'

type Source = (typeof SOURCES)[number]

/** What the map is told once, and tells. */
export interface Hooks {
  readonly onPick: (id: string | null) => void
  readonly onMove: (view: View) => void
  readonly onTrouble: (error: unknown) => void
}

export interface Theme {
  readonly isDark: boolean
  readonly language: Language
  readonly maps: readonly OperatorMap[]
  readonly ink: Ink
}

const none: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }
const RATIO = 2

/** The map on its canvas: what React says is to be seen, in MapLibre's words. */
export class Drawing {
  readonly map: MapLibre
  private readonly data: Record<Source, GeoJSON.FeatureCollection> = { links: none, nodes: none, stations: none, bridges: none, selected: none }
  private readonly hooks: Hooks
  private theme: Theme
  private figures: Figures
  private visible: readonly Layer[] = LAYERS
  private isLoaded = false
  /** The sources whose data changed while the style was loading. */
  private readonly late = new Set<Source>()
  private readonly texts = new Map<Source, string>()

  constructor(container: HTMLElement, view: View | null, theme: Theme, figures: Figures, hooks: Hooks) {
    readyProtocol()
    setWorkerUrl(workerUrl)
    this.theme = theme
    this.figures = figures
    this.hooks = hooks
    const { latitude = 30, longitude = 8, zoom = 1.2 } = view ?? {}
    this.map = new MapLibre({
      container, style: this.style(), center: [longitude, latitude], zoom, maxZoom: 17, minZoom: 0.5, attributionControl: false,
      dragRotate: false, pitchWithRotate: false, maxPitch: 0, fadeDuration: 120, refreshExpiredTiles: false,
    })
    this.map.touchZoomRotate.disableRotation()
    this.map.keyboard.disableRotation()
    this.map.setMissingStyleImageResolver((id) => { this.addImage(id); })
    this.map.on('style.load', () => { this.isLoaded = true; this.afterLoad() })
    this.map.on('error', ({ error }) => { hooks.onTrouble(error); })
    this.map.on('moveend', () => { this.onMoved(); })
    this.map.on('click', (event) => { this.onClick(event.point); })
    this.map.on('mousemove', (event) => {
      this.map.getCanvas().style.cursor = this.at(event.point) === null ? '' : 'pointer'
    })
  }

  remove(): void {
    this.map.remove()
  }

  /** Shows other colours, another language or other maps under what is drawn. */
  setTheme(theme: Theme): void {
    const { theme: old } = this
    if (old.isDark === theme.isDark && old.language === theme.language && old.maps === theme.maps) return
    this.theme = theme
    this.isLoaded = false
    // Without a comparison of styles the pictures of the old one go too, and are drawn in the new colours when they are missed.
    this.map.setStyle(this.style(), { diff: false })
  }

  setFigures(figures: Figures): void {
    this.figures = figures
    if (!this.isLoaded) return
    const { colour, label } = clusterPaint(figures)
    this.map.setPaintProperty('stations-clusters', 'circle-color', colour)
    this.map.setLayoutProperty('stations-means', 'text-field', label)
  }

  setData(source: Source, data: GeoJSON.FeatureCollection): void {
    this.data[source] = data
    // To compare texts costs a few milliseconds here; to draw anew what has not changed costs the whole map a frame.
    const text = JSON.stringify(data)
    if (this.texts.get(source) === text) return
    this.texts.set(source, text)
    if (this.isLoaded) void this.map.getSource<GeoJSONSource>(source)?.setData(data)
    else this.late.add(source)
  }

  setVisible(visible: readonly Layer[]): void {
    this.visible = visible
    if (!this.isLoaded) return
    for (const name of LAYERS) {
      for (const id of SWITCHED[name]) this.map.setLayoutProperty(id, 'visibility', visible.includes(name) ? 'visible' : 'none')
    }
  }

  fit([west, south, east, north]: readonly [number, number, number, number], isFlight: boolean): void {
    const wide = this.map.getContainer().clientWidth > 640
    const bounds: LngLatBoundsLike = [[west, south], [east, north]]
    this.map.fitBounds(bounds, { padding: wide ? { top: 90, bottom: 130, left: 60, right: 60 } : { top: 130, bottom: 215, left: 36, right: 36 }, maxZoom: 12, animate: isFlight && !isStill(), duration: 700 })
  }

  /** Brings a place into sight: nearer if it is looked at from afar, and not under the sheet that tells of it. */
  show(longitude: number, latitude: number, minZoom: number): void {
    const { clientWidth, clientHeight } = this.map.getContainer()
    const offset: PointLike = clientWidth > 1024 ? [-160, 0] : [0, -clientHeight * 0.22]
    this.map.easeTo({ center: [longitude, latitude], zoom: Math.max(minZoom, this.map.getZoom()), offset, animate: !isStill(), duration: 600 })
  }

  /** Whether a place is well within what is seen. */
  sees(longitude: number, latitude: number): boolean {
    const { x, y } = this.map.project([longitude, latitude])
    const { clientWidth, clientHeight } = this.map.getContainer()
    return x > 30 && y > 110 && x < clientWidth - 30 && y < clientHeight * 0.5
  }

  zoomBy(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, animate: !isStill(), duration: 250 })
  }

  private style() {
    const ground = groundStyle(this.theme.isDark ? DARK : LIGHT, this.theme.language, this.theme.maps)
    const ours = sources()
    for (const name of SOURCES) Object.assign(ours[name] ?? {}, { data: this.data[name] })
    return { ...ground, sources: { ...ground.sources, ...ours }, layers: [...ground.layers, ...layers(this.theme.ink, this.figures)] }
  }

  private afterLoad(): void {
    for (const name of this.late) void this.map.getSource<GeoJSONSource>(name)?.setData(this.data[name])
    this.late.clear()
    this.setVisible(this.visible)
    this.setFigures(this.figures)
    this.drawGraticule()
  }

  private drawGraticule(): void {
    const bounds = this.map.getBounds()
    const lines = graticule(bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth(), this.map.getZoom())
    void this.map.getSource<GeoJSONSource>('graticule')?.setData(lines)
  }

  private onMoved(): void {
    if (this.isLoaded) this.drawGraticule()
    const { lat: latitude, lng: longitude } = this.map.getCenter()
    this.hooks.onMove({ latitude, longitude, zoom: this.map.getZoom() })
  }

  /** Returns the uppermost feature under a finger, which is less exact than a point. */
  private at({ x, y }: { x: number; y: number }): MapGeoJSONFeature | null {
    if (!this.isLoaded) return null
    const reach = window.matchMedia('(pointer: coarse)').matches ? 10 : 3
    const shown = PICKED.filter((id) => this.map.getLayer(id) !== undefined)
    const found = this.map.queryRenderedFeatures([[x - reach, y - reach], [x + reach, y + reach]], { layers: shown })
    return found.sort((a, b) => PICKED.indexOf(a.layer.id as never) - PICKED.indexOf(b.layer.id as never))[0] ?? null
  }

  private onClick(point: { x: number; y: number }): void {
    const feature = this.at(point)
    if (feature === null) {
      this.hooks.onPick(null)
    } else if (feature.properties['cluster'] === true) {
      void this.open(feature)
    } else if (typeof feature.properties['id'] === 'string') {
      this.hooks.onPick(feature.properties['id'])
    }
  }

  /** Goes so near to a cluster that it comes apart. */
  private async open(cluster: MapGeoJSONFeature): Promise<void> {
    const source = this.map.getSource<GeoJSONSource>(cluster.source)
    if (source === undefined || cluster.geometry.type !== 'Point') return
    const zoom = await source.getClusterExpansionZoom(Number(cluster.properties['cluster_id']))
    this.map.easeTo({ center: cluster.geometry.coordinates as [number, number], zoom: zoom + 0.2, animate: !isStill(), duration: 500 })
  }

  private addImage(name: string): void {
    if (this.map.hasImage(name)) return
    const { ink } = this.theme
    const barb = barbOf(name)
    const image = barb === null ? drawBridge(name, ink) : drawBarb(barb, ink.text, ink.halo, RATIO)
    if (image !== null) this.map.addImage(name, image, { pixelRatio: RATIO })
  }
}

/** Whether nothing on the page is to move by itself. */
function isStill(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches
}

/** Draws the sign of a bridge: a mast with waves, or with a cross if it is not connected. */
function drawBridge(name: string, ink: Ink): ImageData | null {
  if (name !== 'bridge-online' && name !== 'bridge-offline') return null
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = (BARB_SIZE / 6) * RATIO
  const context = canvas.getContext('2d')
  if (context === null) return null
  context.scale(RATIO, RATIO)
  context.translate(8, 8)
  context.strokeStyle = context.fillStyle = name === 'bridge-online' ? ink.accent : ink.bad
  context.lineWidth = 1.5
  context.lineCap = 'round'
  context.beginPath()
  if (name === 'bridge-online') {
    context.moveTo(0, -1)
    context.lineTo(0, 5)
    for (const [from, to] of [[-0.9, 0.9], [Math.PI - 0.9, Math.PI + 0.9]] as const) {
      context.moveTo(4 * Math.cos(from), -2 + 4 * Math.sin(from))
      context.arc(0, -2, 4, from, to)
    }
  } else {
    context.moveTo(-3, -3)
    context.lineTo(3, 3)
    context.moveTo(3, -3)
    context.lineTo(-3, 3)
  }
  context.stroke()
  if (name === 'bridge-online') {
    context.beginPath()
    context.arc(0, -2, 1.3, 0, 2 * Math.PI)
    context.fill()
  }
  return context.getImageData(0, 0, canvas.width, canvas.height)
}
