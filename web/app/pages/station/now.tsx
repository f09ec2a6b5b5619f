import { useLingui } from '@lingui/react/macro'
import { useMemo } from 'react'
import type { LatestReading } from '@/api/schema'
import { useSeries } from '@/charts/data'
import { isEnvironmental } from '@/charts/panels'
import { useNow } from '@/format/hooks'
import { QUANTITIES } from '@/format/quantities'
import { Tile } from './tile'
import { since, todayOf } from './today'

/** How the tiles stand; what holds their places until they come stands so, too. */
export const TILES = 'grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-4 xl:grid-cols-5'

/** Every value the station has, the surroundings first, each with its own age. */
export function Now({ id, latest }: { readonly id: string; readonly latest: LatestReading }) {
  const { t } = useLingui()
  const now = useNow()
  const hour = Math.floor(now / 3_600_000) * 3_600_000
  const values = useMemo(() => valuesOf(latest), [latest])
  const names = useMemo(() => values.map(({ name }) => name), [values])
  const series = useSeries({ id, names, from: since(now), to: hour + 2 * 3_600_000, points: 300 })
  return (
    <ul role="list" aria-label={t`Measured now`} className={TILES}>
      {values.map(({ name, value, at }) => (
        <Tile key={name} name={name} value={value} at={at} today={series.data === undefined ? null : todayOf(series.data, name, now)} />
      ))}
    </ul>
  )
}

/** The values of the surroundings, in the order of what is asked for most, and the battery, without which there are none. */
function valuesOf(latest: LatestReading): { name: string; value: number; at: string }[] {
  const order = QUANTITIES.map((spec) => spec.name)
  return Object.entries(latest)
    .flatMap(([name, value]) => (typeof value === 'number' && order.includes(name) && (isEnvironmental(name) || name === 'battery_pct') ? [{ name, value, at: latest.observed_at?.[name] ?? latest.at }] : []))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
}
