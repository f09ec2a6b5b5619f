import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { QUANTITIES } from './quantities'

/** The rows of the server's table, as `Temperature "temperature_c" "°C" 1 -80.0..85.0 Mean;`. */
function metricsOfServer(): { name: string; unit: string; decimals: number }[] {
  const source = readFileSync(resolve('../common/domain/src/metric.rs'), 'utf8')
  const rows = source.matchAll(/^ {4}\w+ "(\w+)" "([^"]*)" (\d+) \S+ \w+;$/gm)
  return [...rows].map(([, name = '', unit = '', decimals]) => ({ name, unit, decimals: Number(decimals) }))
}

test('every metric of the server is here, in its unit and with its decimals, and nothing else is', () => {
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
  const ours = QUANTITIES.map(({ name, unit, decimals }) => ({ name, unit, decimals }))
  expect(metricsOfServer().length).toBeGreaterThan(40)
  expect(ours.sort(byName)).toEqual(metricsOfServer().sort(byName))
})
