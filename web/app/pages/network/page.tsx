import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { createLazyRoute, Link } from '@tanstack/react-router'
import { ScrollText, Waypoints } from 'lucide-react'
import { Page } from '@/ui/page'
import { ErrorState, Skeleton } from '@/ui/states'
import { BridgeSheet } from './bridge-sheet'
import { Bridges, Verdict } from './bridges'
import { useServerNow } from './clock'
import { Hidden } from './hidden'
import { useNetworkNews } from './live'
import { bridgesQuery } from './queries'
import { Rejects } from './rejects'
import type { NetworkSearch } from './search'
import { Services } from './services'
import { Silent } from './silent'
import { Traffic } from './traffic'
import { Uplinks } from './uplinks'

export const networkPage = createLazyRoute('/network')({ component: NetworkView })

const ACTION = 'inline-flex min-h-11 items-center gap-2 rounded-lg border border-line-strong bg-surface px-4 text-sm font-medium hover:bg-sunken'

function NetworkView() {
  const { t } = useLingui()
  const search = networkPage.useSearch()
  const navigate = networkPage.useNavigate()
  const every = useNetworkNews()
  const bridges = useQuery({ ...bridgesQuery, refetchInterval: every.bridges })
  const now = useServerNow(bridges.data, bridges.dataUpdatedAt)
  const change = (what: NetworkSearch, replace = true) => { void navigate({ to: '/network', search: (was) => ({ ...was, ...what }), replace, resetScroll: false }) }
  return (
    <Page
      title={t`Network`} lead={bridges.data === undefined ? '\u00a0' : <Verdict page={bridges.data} now={now} />}
      aside={
        <div className="flex flex-wrap gap-2">
          <Link to="/network/topology" className={ACTION}><Waypoints aria-hidden className="size-4" /><Trans>Topology</Trans></Link>
          <Link to="/network/packets" className={ACTION}><ScrollText aria-hidden className="size-4" /><Trans>Packets</Trans></Link>
        </div>
      }
    >
      <div className="flex flex-col gap-5">
        <section aria-labelledby="bridges-title">
          <h2 id="bridges-title" className="sr-only"><Trans>Bridges</Trans></h2>
          {bridges.data === undefined && bridges.isError && <ErrorState error={bridges.error} retry={() => { void bridges.refetch() }} />}
          {bridges.data === undefined && !bridges.isError && <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3"><Skeleton className="h-48" /><Skeleton className="h-48" /></div>}
          {bridges.data !== undefined && <Bridges page={bridges.data} now={now} onOpen={(bridge) => { change({ bridge }, false) }} />}
        </section>
        <Traffic span={search.span ?? 'day'} onSpan={(span) => { change({ span: span === 'day' ? undefined : span }) }} refetchInterval={every.counts} />
        <div className="grid items-start gap-5 lg:grid-cols-2">
          <Silent refetchInterval={every.counts} />
          <Rejects code={search.code} onCode={(code) => { change({ code }) }} refetchInterval={every.counts} />
        </div>
        <Uplinks refetchInterval={every.counts} />
        <Hidden refetchInterval={every.counts} />
        <Services refetchInterval={every.counts} />
      </div>
      <BridgeSheet page={bridges.data} id={search.bridge} now={now} onClose={() => { change({ bridge: undefined }) }} />
    </Page>
  )
}
