import type { Quantity } from '@/format/quantities'

/** Values of the API and the colours between which the map shades them. */
export interface Scale {
  readonly stops: readonly (readonly [number, string])[]
  /** Whether the values are spread over what is measured now: absolute ones would all look alike. */
  readonly spread?: boolean
}

// Every scale can be read by people who see no red, no green or no blue (ColorBrewer's RdYlBu, YlGnBu, PuOr; viridis; cividis).
const RED_YELLOW_BLUE = ['#313695', '#4575b4', '#74add1', '#abd9e9', '#e0f3f8', '#fee090', '#fdae61', '#f46d43', '#d73027', '#a50026']
const YELLOW_GREEN_BLUE = ['#ffffd9', '#edf8b1', '#c7e9b4', '#7fcdbb', '#41b6c4', '#1d91c0', '#225ea8', '#0c2c84']
const VIRIDIS = ['#fde725', '#90d743', '#35b779', '#21918c', '#31688e', '#443983', '#440154']
const CIVIDIS = ['#00224e', '#35456c', '#666970', '#948e77', '#c8b866', '#fee838']
const PURPLE_ORANGE = ['#542788', '#998ec3', '#d8daeb', '#fee0b6', '#f1a340', '#b35806']
const BLUES = ['#f1f5f9', '#c6dbef', '#6baed6', '#2171b5', '#08306b']
const AIR = ['#ffffe5', '#fee391', '#fe9929', '#cc4c02', '#662506']

const scale = (values: readonly number[], colours: readonly string[], spread = false): Scale => ({ stops: values.map((value, i) => [value, colours[i] ?? '#808080'] as const), spread })
const even = (from: number, to: number, colours: readonly string[], spread = false): Scale =>
  scale(colours.map((_, i) => from + ((to - from) * i) / (colours.length - 1)), colours, spread)

const SCALES: readonly (readonly [Quantity, Scale])[] = [
  ['temperature_c', scale([-20, -10, -5, 0, 5, 12, 18, 24, 30, 38], RED_YELLOW_BLUE)],
  ['humidity_pct', even(20, 100, YELLOW_GREEN_BLUE)],
  ['pressure_hpa', even(950, 1050, PURPLE_ORANGE, true)],
  ['wind_speed_ms', scale([0, 2, 5, 8, 12, 18, 28], VIRIDIS)],
  ['wind_gust_ms', scale([0, 3, 7, 12, 18, 25, 35], VIRIDIS)],
  ['rain_1h_mm', scale([0, 0.5, 2, 8, 25], BLUES)],
  ['rain_24h_mm', scale([0, 2, 10, 30, 80], BLUES)],
  ['pm25_ugm3', scale([0, 15, 35, 75, 150], AIR)],
  ['pm10_ugm3', scale([0, 30, 60, 120, 250], AIR)],
  ['iaq', scale([0, 50, 100, 200, 350], AIR)],
  ['co2_ppm', scale([400, 800, 1200, 2000, 4000], AIR)],
  ['illuminance_lux', scale([0, 100, 1000, 10_000, 40_000, 100_000], CIVIDIS)],
  ['soil_temperature_c', scale([-20, -10, -5, 0, 5, 12, 18, 24, 30, 38], RED_YELLOW_BLUE)],
  ['soil_moisture_pct', even(0, 100, YELLOW_GREEN_BLUE)],
  ['battery_pct', even(0, 100, CIVIDIS)],
  ['battery_voltage_v', even(3, 4.2, CIVIDIS, true)],
]

const BY_NAME = new Map(SCALES)

/** The quantities that can colour the map, the most asked for first. */
export const ON_MAP: readonly Quantity[] = SCALES.map(([name]) => name)
export const FIRST: Quantity = 'temperature_c'

/** Whether this can colour the map. */
export function isQuantityOnMap(name: string): boolean {
  return BY_NAME.has(name)
}

/** Returns the scale of a quantity, spread over these values where it is one that is. */
export function scaleOf(name: Quantity, values: readonly number[]): Scale {
  const found = BY_NAME.get(name) ?? even(0, 1, CIVIDIS, true)
  if (found.spread !== true || values.length === 0) return found
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0
  const [low, high] = [at(0.02), at(0.98)]
  const room = Math.max(high - low, Math.abs(high) * 0.002, 0.01) - (high - low)
  return even(low - room / 2, high + room / 2, found.stops.map(([, colour]) => colour), true)
}

/** Returns the colour of a value: of the nearest stop outside the scale, mixed between two within. */
export function colourOf({ stops }: Scale, value: number): string {
  const after = stops.findIndex(([at]) => value < at)
  const [first, last] = [stops[0], stops[stops.length - 1]]
  if (after === 0) return first?.[1] ?? '#808080'
  const [low, high] = [stops[after - 1], stops[after]]
  if (low === undefined || high === undefined) return last?.[1] ?? '#808080'
  return mix(low[1], high[1], (value - low[0]) / (high[0] - low[0]))
}

const channels = (colour: string) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))

function mix(from: string, to: string, share: number): string {
  const [a, b] = [channels(from), channels(to)]
  return `#${a.map((channel, i) => Math.round(channel + ((b[i] ?? channel) - channel) * share).toString(16).padStart(2, '0')).join('')}`
}

/** Returns whichever of black and white reads better on a colour (WCAG's contrast). */
export function inkOn(colour: string): '#0b1218' | '#ffffff' {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((channel) => {
    const share = channel / 255
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
  return (luminance + 0.05) / 0.056 > 1.05 / (luminance + 0.05) ? '#0b1218' : '#ffffff'
}
