import type * as GeoJSON from 'geojson'
import { type GeoJSONSource, type LngLatBoundsLike, Map as MapLibre, type MapGeoJSONFeature, type PointLike, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import type { Language } from '@/shell/preferences'
import { DARK, graticule, groundStyle, LIGHT, type OperatorMap, readyProtocol } from './basemap'
import { clusterPaint, type Figures, type Ink, layers, PICKED, SOURCES, sources, SWITCHED } from './layers'
import { type Layer, LAYERS, type Picked, type View } from './search'
import { drawSign } from './signs'

type Source = (typeof SOURCES)[number]

/** What the map is told once, and tells. */
export interface Hooks {
  /** What was pressed; nothing if it was the ground. */
  readonly onPick: (picked: Picked | null) => void
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

/** The map on its canvas: what React says is to be seen, in MapLibre's words. */
export class Drawing {
  readonly map: MapLibre
  private readonly data: Record<Source, GeoJSON.FeatureCollection> = { links: none, nodes: none, stations: none, bridges: none, waypoints: none, selected: none }
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
      dragRotate: false, pitchWithRotate: false, maxPitch: 0, refreshExpiredTiles: false,
      // A figure that changes is another label to the map: faded in, the hours that are played would mostly show empty discs.
      fadeDuration: 0,
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
      const { id } = feature.properties
      this.hooks.onPick(feature.source === 'waypoints' ? { waypoint: Number(id) } : { node: id })
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
    const sign = drawSign(name, this.theme.ink)
    if (sign !== null) this.map.addImage(name, sign.image, { pixelRatio: sign.pixelRatio })
  }
}

/** Whether nothing on the page is to move by itself. */
function isStill(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches
}
