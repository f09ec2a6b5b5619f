import { QUANTITIES, type Quantity, quantity } from '@/format/quantities'

/** How a quantity is drawn. */
export type Form = 'line' | 'bars' | 'arrows'

/** Quantities that are drawn together, because they share a unit; or an overlay that needs no axis. */
export interface Panel {
  readonly name: string
  readonly quantities: readonly Quantity[]
}

/** What belongs together, in the order it is shown. What is in none stands alone. */
const GROUPS: readonly Panel[] = [
  { name: 'temperature', quantities: ['temperature_c', 'soil_temperature_c'] },
  { name: 'humidity', quantities: ['humidity_pct', 'soil_moisture_pct'] },
  { name: 'pressure', quantities: ['pressure_hpa'] },
  { name: 'wind', quantities: ['wind_speed_ms', 'wind_gust_ms', 'wind_lull_ms', 'wind_direction_deg'] },
  { name: 'rain', quantities: ['rain_mm'] },
  { name: 'rain-windows', quantities: ['rain_1h_mm', 'rain_24h_mm'] },
  { name: 'particles', quantities: ['pm1_ugm3', 'pm25_ugm3', 'pm4_ugm3', 'pm10_ugm3'] },
  { name: 'light', quantities: ['illuminance_lux', 'white_light_lux', 'infrared_light_lux', 'ultraviolet_light_lux'] },
  { name: 'particle-counts', quantities: ['particles_03um_per_dl', 'particles_05um_per_dl', 'particles_10um_per_dl', 'particles_25um_per_dl', 'particles_40um_per_dl', 'particles_50um_per_dl', 'particles_100um_per_dl'] },
  { name: 'battery', quantities: ['battery_pct'] },
  { name: 'battery-voltage', quantities: ['battery_voltage_v'] },
  { name: 'airtime', quantities: ['channel_utilization_pct', 'air_util_tx_pct'] },
  { name: 'voltages', quantities: ['bus_voltage_v', 'ch1_voltage_v', 'ch2_voltage_v', 'ch3_voltage_v'] },
  { name: 'currents', quantities: ['bus_current_ma', 'ch1_current_ma', 'ch2_current_ma', 'ch3_current_ma'] },
]

/** What a node says of itself: what has measured nothing else is no station. */
const OWN = new Set(['battery_pct', 'battery_voltage_v', 'external_power', 'bus_voltage_v', 'bus_current_ma', 'ch1_voltage_v', 'ch1_current_ma', 'ch2_voltage_v', 'ch2_current_ma', 'ch3_voltage_v', 'ch3_current_ma', 'channel_utilization_pct', 'air_util_tx_pct', 'uptime_s'])

/** Tells whether a quantity is about the surroundings. */
export function isEnvironmental(name: Quantity): boolean {
  return !OWN.has(name)
}

/** Returns the panels for the quantities that there are, each with those of its own that there are. */
export function panelsOf(there: readonly Quantity[]): Panel[] {
  const known = new Set(there)
  const grouped = new Set(GROUPS.flatMap((panel) => panel.quantities))
  const order = QUANTITIES.map((spec) => spec.name)
  const rest = [...known].filter((name) => !grouped.has(name)).sort((a, b) => order.indexOf(a) - order.indexOf(b))
  const groups = GROUPS.map((panel) => ({ name: panel.name, quantities: panel.quantities.filter((name) => known.has(name)) }))
  const together = groups.filter((panel) => panel.quantities.length > 0)
  return [...together, ...rest.map((name) => ({ name, quantities: [name] }))]
}

/** Returns how a quantity is drawn. */
export function formOf(name: Quantity): Form {
  if (name === 'rain_mm') return 'bars'
  return name === 'wind_direction_deg' ? 'arrows' : 'line'
}

/** What no chart says anything with: a flag, and a total whose growth is of no interest. */
export function isCharted(name: Quantity): boolean {
  return quantity(name) !== undefined && name !== 'external_power' && name !== 'uptime_s'
}
