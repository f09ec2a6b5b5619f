import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { BatteryCharging, KeyRound, Plug, Thermometer } from 'lucide-react'
import { useFormat } from '@/format/hooks'
import { safeName } from '@/format/names'
import type { Node } from '@/api/schema'
import { Age } from '@/ui/age'
import { cx } from '@/ui/cx'
import { NodeName } from '@/ui/node-name'
import { Snr } from '@/ui/snr'
import { INK } from '@/ui/tone'
import type { ColumnName } from './columns'
import { EXPECTED, readable, type Row } from './model'

/** What a node goes by, as a link that takes the whole row, and what is special about it. */
export function NameCell({ row, className }: { readonly row: Row; readonly className?: string }) {
  const { node } = row
  return (
    <span className={cx('flex min-w-0 items-center gap-2', className)}>
      <span aria-hidden className="foreign grid h-7 min-w-11 shrink-0 place-items-center overflow-hidden rounded-md bg-sunken px-1 text-xs font-semibold">
        <span className="line-clamp-1 max-w-14 break-all">{safeName(node.short_name, node.node_id.slice(-4))}</span>
      </span>
      <Link to="/nodes/$id" params={{ id: node.node_id }} className="min-w-0 font-medium after:absolute after:inset-0 hover:text-accent-ink">
        <NodeName node={node} />
      </Link>
      <Marks node={node} />
    </span>
  )
}

function Marks({ node }: { readonly node: Node }) {
  const { t } = useLingui()
  return (
    <>
      {node.is_station && <Thermometer role="img" aria-label={t`Weather station`} className="size-4 shrink-0 text-accent-ink" />}
      {node.key_changed_at != null && <KeyRound role="img" aria-label={t`Its key changed`} className="size-4 shrink-0 text-warn" />}
    </>
  )
}

export function Hops({ value }: { readonly value: number | null | undefined }) {
  if (value == null) return <Nothing />
  return value === 0 ? <Trans>direct</Trans> : <>{value}</>
}

export function Battery({ node }: { readonly node: Node }) {
  const { t } = useLingui()
  const { number } = useFormat()
  const { power } = node
  if (power == null) return <Nothing />
  const { battery_pct: charge, battery_voltage_v: voltage, external_power: isExternal } = power
  const tone = charge == null || charge > 40 ? 'neutral' : charge > 15 ? 'warn' : 'bad'
  return (
    <span className="tabular inline-flex items-center gap-1 align-middle whitespace-nowrap">
      {isExternal === true && (charge == null ? <Plug role="img" aria-label={t`On external power`} className="size-4 text-good" /> : <BatteryCharging role="img" aria-label={t`On external power`} className="size-4 text-good" />)}
      {charge != null ? <span className={tone === 'neutral' ? undefined : cx('font-medium', INK[tone])}>{number(charge)}&#x202f;%</span> : voltage != null && voltage > 0.5 ? <>{number(voltage, 2)}&#x202f;V</> : null}
    </span>
  )
}

/** Degrees as a chart of the sea writes them, to the two decimals that are told. */
export function Position({ node }: { readonly node: Node }) {
  const { number } = useFormat()
  const { position } = node
  if (position == null) return <Nothing />
  return <span className="tabular whitespace-nowrap">{number(Math.abs(position.latitude), 2)}°&#x202f;{position.latitude < 0 ? 'S' : 'N'} {number(Math.abs(position.longitude), 2)}°&#x202f;{position.longitude < 0 ? 'W' : 'E'}</span>
}

export function Nothing() {
  return <span aria-hidden className="text-muted">—</span>
}

function Words({ text }: { readonly text: string | null | undefined }) {
  return text == null ? <Nothing /> : <span className="foreign line-clamp-1" title={text}>{readable(safeName(text, '—'))}</span>
}

/** What stands in a column of a row. */
export function Cell({ row, column }: { readonly row: Row; readonly column: ColumnName }) {
  const { node } = row
  switch (column) {
    case 'name': return <NameCell row={row} />
    case 'id': return <span className="font-mono text-xs">{node.node_id}</span>
    case 'hardware': return <Words text={node.hardware} />
    case 'role': return <Words text={node.role} />
    case 'radio': return node.heard_by_radio == null ? <Nothing /> : <Age at={node.heard_by_radio.at} expected={EXPECTED} />
    case 'mqtt': return node.heard_over_mqtt == null ? <Nothing /> : <Age at={node.heard_over_mqtt.at} expected={EXPECTED} />
    case 'battery': return <Battery node={node} />
    case 'snr': return <Snr value={node.heard_by_radio?.snr_db} />
    case 'hops': return <Hops value={node.heard_by_radio?.hops_away} />
    case 'position': return <Position node={node} />
    case 'bridges': return node.bridges.length === 0 ? <Nothing /> : <span className="line-clamp-1" title={node.bridges.join(', ')}>{node.bridges.join(', ')}</span>
    case 'first': return <Age at={node.first_heard} />
  }
}
