import { msg } from '@lingui/core/macro'
import { useLingui } from '@lingui/react'
import { Link } from '@tanstack/react-router'
import { Activity, Map as MapIcon, MessageSquare, RadioTower } from 'lucide-react'
import { Unread } from '@/mine/unread'

const PAGES = [
  { to: '/', label: msg`Map`, icon: MapIcon, exact: true },
  { to: '/nodes', label: msg`Nodes`, icon: RadioTower, exact: false },
  { to: '/messages', label: msg`Messages`, icon: MessageSquare, exact: false },
  { to: '/network', label: msg`Network`, icon: Activity, exact: false },
] as const

/** The pages: a bar at the bottom of a phone, a rail at the side of a wider screen. */
export function Nav() {
  const { i18n } = useLingui()
  return (
    <nav
      aria-label={i18n._(msg`Pages`)}
      className="z-30 col-start-1 row-start-3 border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] lg:row-span-2 lg:row-start-2 lg:border-t-0 lg:border-r lg:pb-0"
    >
      <ul className="flex lg:w-20 lg:flex-col lg:gap-1 lg:p-2">
        {PAGES.map(({ to, label, icon: Icon, exact }) => (
          <li key={to} className="flex-1">
            <Link
              to={to} activeOptions={{ exact, includeSearch: false }}
              className="group flex min-h-14 flex-col items-center justify-center gap-0.5 text-[0.6875rem] font-medium text-muted hover:text-ink focus-visible:-outline-offset-2 data-[status=active]:text-accent-ink lg:min-h-16 lg:rounded-xl lg:hover:bg-sunken"
            >
              <span className="relative grid h-7 w-14 place-items-center rounded-full group-data-[status=active]:bg-accent-soft">
                <Icon aria-hidden className="size-5" />
                {to === '/messages' && <Unread />}
              </span>
              {i18n._(label)}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
