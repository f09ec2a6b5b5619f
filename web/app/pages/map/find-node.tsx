import { useLingui } from '@lingui/react/macro'
import { MapPin } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import type { Waypoint } from '@/api/schema'
import { cx } from '@/ui/cx'
import { NodeName } from '@/ui/node-name'
import { SearchField } from '@/ui/field'
import { find, type MapNode } from './model'
import { KindIcon } from './kind'
import type { Picked } from './search'
import { isWanted, waypointName } from './waypoints'

const MOST = 8
/** Of these, how many places stand under the nodes. */
const PLACES = 3

interface FindNodeProps {
  readonly nodes: readonly MapNode[]
  readonly waypoints: readonly Waypoint[]
  readonly text: string
  readonly onText: (text: string) => void
  readonly onPick: (picked: Picked) => void
  /** Whether what is found is offered under the field; a table shows it itself. */
  readonly offers: boolean
}

/** Finds nodes by name or id, and marked places by what is said of them: a combobox, as ARIA's practices have it. `/` goes there from anywhere on the page. */
export function FindNode({ nodes, waypoints, text, onText, onPick, offers }: FindNodeProps) {
  const { t } = useLingui()
  const [chosen, setChosen] = useState(0)
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  const box = useRef<HTMLDivElement>(null)
  const places = offers && text.trim() !== '' ? waypoints.filter((place) => isWanted(place, text)).slice(0, PLACES) : []
  const found: readonly (MapNode | Waypoint)[] = offers && text.trim() !== '' ? [...find(nodes, text, MOST - places.length), ...places] : []
  const shows = isOpen && offers && text.trim() !== ''
  const active = Math.min(chosen, found.length - 1)

  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select, [contenteditable]')
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      box.current?.querySelector('input')?.focus()
    }
    document.addEventListener('keydown', onKey)
    return () => { document.removeEventListener('keydown', onKey) }
  }, [])

  const pick = (one: MapNode | Waypoint | undefined) => {
    if (one === undefined) return
    setOpen(false)
    onText('')
    onPick(isNode(one) ? { node: one.node_id } : { waypoint: one.id })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (!shows || found.length === 0) return
      event.preventDefault()
      setChosen((active + (event.key === 'ArrowDown' ? 1 : found.length - 1)) % found.length)
    } else if (event.key === 'Enter') {
      pick(found[active])
    } else if (event.key === 'Escape') {
      setOpen(false)
    }
  }
  return (
    // Nothing is to be pressed here: leaving closes the list.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div ref={box} className="relative min-w-0 flex-1 max-sm:basis-full" onBlur={(event) => { if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false) }}>
      <SearchField
        label={t`Find a node or a place`} value={text} onChange={(value) => { onText(value); setChosen(0); setOpen(true) }} onFocus={() => { setOpen(true) }}
        role="combobox" aria-expanded={shows} aria-controls={`${id}-list`} aria-autocomplete="list"
        aria-activedescendant={shows && active >= 0 ? `${id}-${String(active)}` : undefined} onKeyDown={onKeyDown}
      />
      <div id={`${id}-list`} role="listbox" aria-label={t`What was found`} hidden={!shows} className="absolute top-full right-0 left-0 z-20 mt-1 max-h-[50dvh] overflow-y-auto rounded-xl border border-line bg-raised p-1 shadow-pop">
        {found.map((one, i) => (
          // The field keeps the focus and hears the keys; options are for pointers.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <div
            key={isNode(one) ? one.node_id : one.id} id={`${id}-${String(i)}`} role="option" tabIndex={-1} aria-selected={i === active}
            onMouseDown={(event) => { event.preventDefault() }} onClick={() => { pick(one) }}
            className={cx('flex min-h-11 cursor-pointer items-center gap-2 rounded-lg px-2 text-sm', i === active && 'bg-accent-soft')}
          >
            {isNode(one) ? <><KindIcon node={one} /><NodeName node={one} withId /></> : <><MapPin role="img" aria-label={t`Marked place`} className="size-4 shrink-0 text-muted" /><bdi className="foreign line-clamp-1 break-all">{waypointName(one, t`Marked place`)}</bdi></>}
          </div>
        ))}
        {shows && found.length === 0 && <div role="option" tabIndex={-1} aria-selected={false} aria-disabled className="px-2 py-3 text-sm text-muted">{t`Nothing is called so`}</div>}
      </div>
    </div>
  )
}

function isNode(one: MapNode | Waypoint): one is MapNode {
  return 'last_heard' in one
}
