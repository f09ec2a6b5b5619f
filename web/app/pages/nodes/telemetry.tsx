import { Trans } from '@lingui/react/macro'
import type { LatestReading } from '@/api/schema'
import { isEnvironmental } from '@/charts/panels'
import { useFormat } from '@/format/hooks'
import { QUANTITIES } from '@/format/quantities'
import { Age } from '@/ui/age'
import { Meter } from '@/ui/meter'
import { SkeletonRows } from '@/ui/states'
import { Value } from '@/ui/value'
import { Fact, Facts } from './about'

/** What a node says of itself, each value with its own age. */
export function Telemetry({ latest, isPending }: { readonly latest: LatestReading | null; readonly isPending: boolean }) {
  const { label, duration, text } = useFormat()
  if (isPending) return <SkeletonRows rows={7} />
  const values = new Map(Object.entries(latest ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === 'number'))
  const own = QUANTITIES.map((spec) => spec.name).filter((name) => !isEnvironmental(name) && values.has(name) && name !== 'battery_pct')
  const charge = values.get('battery_pct')
  if (latest === null || (own.length === 0 && charge === undefined)) return <p className="text-sm text-muted"><Trans>It has said nothing of this yet.</Trans></p>
  const at = (name: string) => latest.observed_at?.[name] ?? latest.at
  const shown = (name: string) => {
    const value = values.get(name) ?? 0
    if (name === 'external_power') return value > 0.5 ? <Trans>yes</Trans> : <Trans>no</Trans>
    return name === 'uptime_s' ? duration(value * 1000) : <Value quantity={name} value={value} />
  }
  return (
    <>
      {charge !== undefined && (
        <div className="mb-3">
          <Meter label={label('battery_pct')} value={charge} max={100} words={text('battery_pct', charge)} tone={charge > 40 ? 'good' : charge > 15 ? 'warn' : 'bad'} />
          <Age at={at('battery_pct')} className="mt-1 text-xs" />
        </div>
      )}
      <Facts>
        {own.map((name) => (
          <Fact key={name} name={label(name)}>{shown(name)} <Age at={at(name)} className="ml-1 text-xs font-normal" /></Fact>
        ))}
      </Facts>
    </>
  )
}
