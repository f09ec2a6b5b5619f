import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'
import { useLingui } from '@lingui/react/macro'
import { Layers, Link2, Map as MapIcon, Maximize, Minus, Plus, Table2 } from 'lucide-react'
import { Popover } from 'radix-ui'
import { useState } from 'react'
import { useFormat } from '@/format/hooks'
import type { Quantity } from '@/format/quantities'
import { IconButton } from '@/ui/button'
import { Select } from '@/ui/field'
import { type Layer, LAYERS } from './search'

const NAMES: Record<Layer, MessageDescriptor> = {
  nodes: msg`Nodes without sensors`, wind: msg`Wind barbs`, bridges: msg`Bridges`, links: msg`Links and their quality`, waypoints: msg`Marked places`, names: msg`Names`,
}
const RAISED = 'shadow-card'

/** Chooses the quantity that colours the map. */
export function QuantityChoice({ quantity, offered, onChange }: { readonly quantity: Quantity; readonly offered: readonly Quantity[]; readonly onChange: (quantity: Quantity) => void }) {
  const { t } = useLingui()
  const { label } = useFormat()
  return <Select label={t`Quantity`} hideLabel value={quantity} onChange={onChange} options={offered.map((name) => ({ name, title: label(name) }))} className="min-w-0 flex-1 shadow-card sm:w-52 sm:flex-none" />
}

/** Chooses what is laid over the map. */
export function LayerChoice({ layers, onChange }: { readonly layers: readonly Layer[]; readonly onChange: (layers: readonly Layer[]) => void }) {
  const { t, i18n } = useLingui()
  return (
    <Popover.Root>
      <Popover.Trigger asChild><IconButton look="secondary" label={t`Layers`} className={RAISED}><Layers aria-hidden className="size-5" /></IconButton></Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="end" sideOffset={6} aria-label={t`Layers`} className="z-20 rounded-xl border border-line bg-raised p-2 text-sm shadow-pop">
          {LAYERS.map((layer) => (
            <label key={layer} className="flex min-h-11 cursor-pointer items-center gap-3 rounded-lg px-3 hover:bg-sunken">
              <input
                type="checkbox" className="size-4 accent-(--accent)" checked={layers.includes(layer)}
                onChange={(event) => { onChange(event.target.checked ? [...layers, layer] : layers.filter((other) => other !== layer)) }}
              />
              {i18n._(NAMES[layer])}
            </label>
          ))}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

/** Chooses between the map and the table that says the same. */
export function ViewChoice({ isTable, canDraw, onChange }: { readonly isTable: boolean; readonly canDraw: boolean; readonly onChange: (isTable: boolean) => void }) {
  const { t } = useLingui()
  if (!canDraw) return null
  return (
    <IconButton look="secondary" label={isTable ? t`Map` : t`Table`} aria-pressed={isTable} className={RAISED} onClick={() => { onChange(!isTable) }}>
      {isTable ? <MapIcon aria-hidden className="size-5" /> : <Table2 aria-hidden className="size-5" />}
    </IconButton>
  )
}

/** Copies the link to exactly this view. Where the browser gives no clipboard, the address bar has it anyway. */
export function ShareButton() {
  const { t } = useLingui()
  const [isDone, setDone] = useState(false)
  // Over plain HTTP, as on the island, there is no clipboard to write to.
  if (!('clipboard' in navigator)) return null
  const copy = () => {
    void navigator.clipboard.writeText(location.href).then(() => {
      setDone(true)
      window.setTimeout(() => { setDone(false) }, 2000)
    }, () => undefined)
  }
  return (
    <>
      <IconButton look="secondary" label={t`Copy the link to this view`} className={RAISED} onClick={copy}><Link2 aria-hidden className="size-5" /></IconButton>
      <span role="status" className={isDone ? 'absolute top-full right-0 mt-1 rounded-lg bg-ink px-2 py-1 text-xs whitespace-nowrap text-canvas' : 'sr-only'}>{isDone ? t`Link copied` : ''}</span>
    </>
  )
}

/** Nearer, farther, and everything. */
export function ZoomButtons({ onZoom, onFit }: { readonly onZoom: (steps: number) => void; readonly onFit: () => void }) {
  const { t } = useLingui()
  return (
    <div className="pointer-events-auto flex flex-col overflow-hidden rounded-lg border border-line bg-raised/95 shadow-card">
      <IconButton label={t`Nearer`} onClick={() => { onZoom(1) }} className="rounded-none max-sm:hidden"><Plus aria-hidden className="size-5" /></IconButton>
      <IconButton label={t`Farther`} onClick={() => { onZoom(-1) }} className="rounded-none max-sm:hidden"><Minus aria-hidden className="size-5" /></IconButton>
      <IconButton label={t`Show all nodes`} onClick={onFit} className="rounded-none"><Maximize aria-hidden className="size-5" /></IconButton>
    </div>
  )
}
