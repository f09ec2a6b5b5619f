/** What can be laid over the map. */
export const LAYERS = ['nodes', 'wind', 'bridges', 'links', 'waypoints', 'names'] as const
export type Layer = (typeof LAYERS)[number]

/** What is shown where nothing else was chosen. */
export const USUAL_LAYERS: readonly Layer[] = ['nodes', 'wind', 'bridges', 'waypoints', 'names']

/** A view of the map: degrees and zoom. */
export interface View {
  readonly latitude: number
  readonly longitude: number
  readonly zoom: number
}

/** What can be selected: a node, or a place that somebody marked. */
export type Picked = { readonly node: string } | { readonly waypoint: number }

/** What of the map stands in the URL, so that a link shows another person the same. */
export interface MapSearch {
  /** The quantity that colours the stations. */
  readonly show?: string
  /** `latitude,longitude,zoom`. */
  readonly at?: string
  /** The layers, with dots between them; `none` for none. */
  readonly layers?: string
  /** The hour that is shown, as RFC 3339; the present if it is left out. */
  readonly t?: string
  /** The node that is selected. */
  readonly node?: string
  /** The number of the marked place that is selected. */
  readonly waypoint?: number
  readonly view?: 'table'
}

const NODE = /^![0-9a-f]{8}$/
const HOUR = /^\d{4}-\d\d-\d\dT\d\d:00Z$/

/** Reads it; whatever is not right is left out. */
export function mapSearch(search: Record<string, unknown>): MapSearch {
  const text = (name: string) => (typeof search[name] === 'string' ? search[name] : '')
  const [show, at, t, node] = [text('show'), text('at'), text('t'), text('node')]
  const { waypoint } = search
  const layers = layersOf(text('layers'))
  return {
    ...(/^[a-z0-9_]{2,40}$/.test(show) ? { show } : {}),
    ...(viewOf(at) === null ? {} : { at }),
    ...(layers === null ? {} : { layers: layersText(layers) }),
    ...(HOUR.test(t) && !Number.isNaN(Date.parse(t)) ? { t } : {}),
    ...(NODE.test(node) ? { node } : typeof waypoint === 'number' && Number.isInteger(waypoint) && waypoint >= 0 && waypoint < 2 ** 32 ? { waypoint } : {}),
    ...(search['view'] === 'table' ? { view: 'table' as const } : {}),
  }
}

/** Reads a view; nothing if it is none on this Earth. */
export function viewOf(text: string | undefined): View | null {
  const match = /^(-?\d{1,2}(?:\.\d{1,6})?),(-?\d{1,3}(?:\.\d{1,6})?),(\d{1,2}(?:\.\d{1,3})?)$/.exec(text ?? '')
  if (match === null) return null
  const [latitude, longitude, zoom] = [Number(match[1]), Number(match[2]), Number(match[3])]
  return Math.abs(latitude) <= 85 && Math.abs(longitude) <= 180 && zoom <= 18 ? { latitude, longitude, zoom } : null
}

/** Writes a view: to about a pixel, for nobody reads more out of it. */
export function viewText({ latitude, longitude, zoom }: View): string {
  const decimals = Math.min(5, Math.max(1, Math.ceil(zoom / 3)))
  const turned = ((((longitude + 180) % 360) + 360) % 360) - 180
  return `${latitude.toFixed(decimals)},${turned.toFixed(decimals)},${zoom.toFixed(1)}`
}

/** Reads layers; nothing if none are named. */
export function layersOf(text: string | undefined): readonly Layer[] | null {
  if (text === 'none') return []
  const names = (text ?? '').split('.')
  const layers = LAYERS.filter((layer) => names.includes(layer))
  return layers.length === 0 ? null : layers
}

/** Writes layers. */
export function layersText(layers: readonly Layer[]): string {
  return layers.length === 0 ? 'none' : LAYERS.filter((layer) => layers.includes(layer)).join('.')
}

/** Writes the hour that begins at this time. */
export function hourText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 13)}:00Z`
}
