import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useVirtualizer } from '@tanstack/react-virtual'
import { Cloud, Radio } from 'lucide-react'
import { useRef } from 'react'
import { safeName } from '@/format/names'
import { Age } from '@/ui/age'
import { Snr } from '@/ui/snr'
import { Battery, Hops, NameCell } from './cells'
import { EXPECTED, readable, type Row } from './model'

const CARD = 92

/** The nodes as a phone shows them: who, when heard and how, and what is left in the battery. */
export function NodeCards({ rows }: { readonly rows: readonly Row[] }) {
  const { t } = useLingui()
  const frame = useRef<HTMLDivElement>(null)
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => CARD, overscan: 6 })
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div ref={frame} role="region" aria-label={t`Nodes`} tabIndex={0} className="-mx-4 min-h-0 flex-1 overflow-y-auto border-t border-line bg-surface focus-visible:-outline-offset-2">
      <ul role="list" className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index]
          return row === undefined ? null : (
            <li key={row.node.node_id} data-node={row.node.node_id} aria-setsize={rows.length} aria-posinset={item.index + 1} className="absolute inset-x-0 border-b border-line px-4 py-2.5" style={{ height: CARD, transform: `translateY(${String(item.start)}px)` }}>
              <Card row={row} />
            </li>
          )
        })}
      </ul>
    </div>
  )
}

function Card({ row }: { readonly row: Row }) {
  const { node } = row
  const about = [node.hardware, node.role].filter((text) => text != null).map((text) => readable(safeName(text, '—')))
  return (
    <div className="flex h-full flex-col justify-between">
      <div className="flex items-center justify-between gap-3">
        <NameCell row={row} />
        <span className="shrink-0 text-sm"><Battery node={node} /></span>
      </div>
      <p className="foreign truncate text-xs text-muted">{about.length > 0 ? about.join(' · ') : node.node_id}</p>
      <div className="flex items-center gap-3 text-xs text-muted">
        {node.heard_by_radio == null ? <span><Trans>Never heard by radio</Trans></span> : (
          <>
            <span className="inline-flex items-center gap-1"><Radio aria-hidden className="size-3.5" /><span className="sr-only"><Trans>Heard by radio</Trans></span><Age at={node.heard_by_radio.at} expected={EXPECTED} /></span>
            <Snr value={node.heard_by_radio.snr_db} />
            {node.heard_by_radio.hops_away != null && <span>{node.heard_by_radio.hops_away > 0 ? <Plural value={node.heard_by_radio.hops_away} one="# hop" other="# hops" /> : <Hops value={0} />}</span>}
          </>
        )}
        {node.heard_over_mqtt != null && <span className="inline-flex items-center gap-1"><Cloud aria-hidden className="size-3.5" /><span className="sr-only"><Trans>Heard over MQTT</Trans></span><Age at={node.heard_over_mqtt.at} /></span>}
      </div>
    </div>
  )
}
