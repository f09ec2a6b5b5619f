import { expect, it } from 'vitest'
import { formOf, isEnvironmental, panelsOf } from './panels'

it('puts together what shares a unit, and leaves nothing out', () => {
  const panels = panelsOf(['co2_ppm', 'wind_direction_deg', 'temperature_c', 'wind_gust_ms', 'rain_mm', 'something_new'])
  expect(panels.map((panel) => panel.quantities)).toEqual([['temperature_c'], ['wind_gust_ms', 'wind_direction_deg'], ['rain_mm'], ['something_new'], ['co2_ppm']])
})

it('draws rain as bars and directions as arrows', () => {
  expect(['rain_mm', 'rain_1h_mm', 'wind_direction_deg', 'temperature_c'].map(formOf)).toEqual(['bars', 'line', 'arrows', 'line'])
})

it('knows what a node says of itself', () => {
  expect(['battery_pct', 'uptime_s', 'temperature_c', 'something_new'].map(isEnvironmental)).toEqual([false, false, true, true])
})
