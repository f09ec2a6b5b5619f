import { useLingui } from '@lingui/react/macro'
import { LocateFixed, X } from 'lucide-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { IconButton } from '@/ui/button'

interface SidePanelProps {
  /** What it is, for who hears it. */
  readonly label: string
  /** What it is about: another one gets the focus. */
  readonly about: string
  readonly title: ReactNode
  /** A line under the title. */
  readonly lead: ReactNode
  /** What is inside of it, for who hears it. */
  readonly contents: string
  readonly children: ReactNode
  readonly footer?: ReactNode
  readonly onClose: () => void
  /** Shows it on the map; left out where it stands nowhere. */
  readonly onShow?: (() => void) | undefined
}

/** What is known of what is selected: a sheet at the bottom of a phone, a panel at the side of a wide window. */
export function SidePanel({ label, about, title, lead, contents, children, footer, onClose, onShow }: SidePanelProps) {
  const { t } = useLingui()
  const heading = useRef<HTMLHeadingElement>(null)
  // Who selects something by key goes on reading here; Escape leads back.
  useEffect(() => { heading.current?.focus({ preventScroll: true }) }, [about])
  return (
    // Escape closes what was opened over the map.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <aside
      aria-label={label} onKeyDown={(event) => { if (event.key === 'Escape') onClose() }}
      className="absolute inset-x-0 bottom-0 z-10 flex max-h-[46%] animate-[rise_.15s_ease-out] flex-col rounded-t-2xl border border-line bg-raised shadow-pop lg:inset-x-auto lg:top-3 lg:right-3 lg:bottom-3 lg:max-h-none lg:w-80 lg:rounded-2xl"
    >
      <header className="flex items-start gap-2 border-b border-line py-1.5 pr-1.5 pl-4">
        <div className="min-w-0 flex-1 py-1.5">
          <h2 ref={heading} tabIndex={-1} className="line-clamp-2 leading-tight font-semibold outline-none">{title}</h2>
          <p className="mt-0.5 flex items-center gap-1.5 text-xs text-muted">{lead}</p>
        </div>
        {onShow !== undefined && <IconButton label={t`Show on the map`} onClick={onShow}><LocateFixed aria-hidden className="size-5" /></IconButton>}
        <IconButton label={t`Close`} onClick={onClose}><X aria-hidden className="size-5" /></IconButton>
      </header>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by the keys that scroll it */}
      <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-4 py-3 text-sm" tabIndex={0} role="group" aria-label={contents}>{children}</div>
      {footer !== undefined && <footer className="border-t border-line p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">{footer}</footer>}
    </aside>
  )
}
