import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'

/** What a station can measure, as the API names it; `common/domain/src/metric.rs` is the table this follows. */
export type Quantity = string

/** A kind of unit, which the two systems write differently. */
export type Dimension = 'temperature' | 'speed' | 'pressure' | 'rain' | 'distance' | 'length' | 'weight' | 'duration' | 'plain'

export interface QuantitySpec {
  readonly name: Quantity
  readonly label: MessageDescriptor
  /** The unit of the API. */
  readonly unit: string
  /** How many decimals a person is shown in that unit. */
  readonly decimals: number
  readonly dimension: Dimension
}

const row = (name: Quantity, label: MessageDescriptor, unit: string, decimals: number, dimension: Dimension = 'plain'): QuantitySpec => ({ name, label, unit, decimals, dimension })

/** Every quantity that is shown, the most asked for first. */
export const QUANTITIES: readonly QuantitySpec[] = [
  row('temperature_c', msg`Temperature`, '°C', 1, 'temperature'),
  row('humidity_pct', msg`Humidity`, '%', 0),
  row('pressure_hpa', msg`Pressure`, 'hPa', 1, 'pressure'),
  row('wind_speed_ms', msg`Wind`, 'm/s', 1, 'speed'),
  row('wind_gust_ms', msg`Gust`, 'm/s', 1, 'speed'),
  row('wind_lull_ms', msg`Lull`, 'm/s', 1, 'speed'),
  row('wind_direction_deg', msg`Wind direction`, '°', 0),
  row('rain_mm', msg`Rain`, 'mm', 1, 'rain'),
  row('rain_1h_mm', msg`Rain, last hour`, 'mm', 1, 'rain'),
  row('rain_24h_mm', msg`Rain, last 24 hours`, 'mm', 1, 'rain'),
  row('pm1_ugm3', msg`Particles PM1`, 'µg/m³', 0),
  row('pm25_ugm3', msg`Particles PM2.5`, 'µg/m³', 0),
  row('pm4_ugm3', msg`Particles PM4`, 'µg/m³', 0),
  row('pm10_ugm3', msg`Particles PM10`, 'µg/m³', 0),
  row('iaq', msg`Air quality index`, '', 0),
  row('gas_resistance_ohm', msg`Gas resistance`, 'Ω', 0),
  row('co2_ppm', msg`Carbon dioxide`, 'ppm', 0),
  row('illuminance_lux', msg`Brightness`, 'lx', 0),
  row('white_light_lux', msg`White light`, 'lx', 0),
  row('infrared_light_lux', msg`Infrared light`, 'lx', 0),
  row('ultraviolet_light_lux', msg`Ultraviolet light`, 'lx', 0),
  row('soil_temperature_c', msg`Soil temperature`, '°C', 1, 'temperature'),
  row('soil_moisture_pct', msg`Soil moisture`, '%', 0),
  row('radiation_urh', msg`Radiation`, 'µR/h', 1),
  row('distance_mm', msg`Distance to surface`, 'mm', 0, 'length'),
  row('weight_kg', msg`Weight`, 'kg', 2, 'weight'),
  row('particles_03um_per_dl', msg`Particles over 0.3 µm`, '/dl', 0),
  row('particles_05um_per_dl', msg`Particles over 0.5 µm`, '/dl', 0),
  row('particles_10um_per_dl', msg`Particles over 1 µm`, '/dl', 0),
  row('particles_25um_per_dl', msg`Particles over 2.5 µm`, '/dl', 0),
  row('particles_40um_per_dl', msg`Particles over 4 µm`, '/dl', 0),
  row('particles_50um_per_dl', msg`Particles over 5 µm`, '/dl', 0),
  row('particles_100um_per_dl', msg`Particles over 10 µm`, '/dl', 0),
  row('particle_size_um', msg`Typical particle size`, 'µm', 2),
  row('formaldehyde_ppb', msg`Formaldehyde`, 'ppb', 0),
  row('voc_index', msg`Organic compounds index`, '', 0),
  row('nox_index', msg`Nitrogen oxides index`, '', 0),
  row('battery_pct', msg`Battery`, '%', 0),
  row('battery_voltage_v', msg`Battery voltage`, 'V', 2),
  row('external_power', msg`External power`, '', 0),
  row('bus_voltage_v', msg`Bus voltage`, 'V', 2),
  row('bus_current_ma', msg`Bus current`, 'mA', 1),
  row('ch1_voltage_v', msg`Channel 1 voltage`, 'V', 2),
  row('ch1_current_ma', msg`Channel 1 current`, 'mA', 1),
  row('ch2_voltage_v', msg`Channel 2 voltage`, 'V', 2),
  row('ch2_current_ma', msg`Channel 2 current`, 'mA', 1),
  row('ch3_voltage_v', msg`Channel 3 voltage`, 'V', 2),
  row('ch3_current_ma', msg`Channel 3 current`, 'mA', 1),
  row('channel_utilization_pct', msg`Channel in use`, '%', 1),
  row('air_util_tx_pct', msg`Own airtime`, '%', 2),
  row('uptime_s', msg`Uptime`, 's', 0, 'duration'),
]

const BY_NAME = new Map(QUANTITIES.map((spec) => [spec.name, spec]))

/** Returns what is known of a quantity; nothing of one that a newer server has added. */
export function quantity(name: Quantity): QuantitySpec | undefined {
  return BY_NAME.get(name)
}
