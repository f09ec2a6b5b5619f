import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router'
import { mapSearch } from '@/pages/map/search'
import { messagesSearch } from '@/pages/messages/search'
import { networkSearch, packetsSearch, topologySearch } from '@/pages/network/search'
import { nodeSearch, nodesSearch } from '@/pages/nodes/search'
import { stationSearch } from '@/pages/station/search'
import { fetched } from './fetched'
import { openTexts, type PageName } from './language'
import { Layout } from './layout'
import { NotFound, PageError, PagePending } from './fallbacks'

/**
 * Lets a page see of the URL only what it has read: the router would add whatever else stands there, also under the page's own
 * names, where it is not what it should be.
 */
const only = <Search extends object>(read: (search: Record<string, unknown>) => Search) => (search: Record<string, unknown>): Search => ({
  ...Object.fromEntries(Object.keys(search).map((name) => [name, undefined])),
  ...read(search),
})

const root = createRootRoute({ component: Layout, notFoundComponent: NotFound, errorComponent: PageError })

/** A page's texts come with its code, so that it never shows without them. */
const texts = (page: PageName) => ({ loader: () => openTexts(page) })
const at = <Path extends string>(path: Path) => ({ getParentRoute: () => root, path })

const map = createRoute({ ...at('/'), validateSearch: only(mapSearch), ...texts('map') })
  .lazy(() => fetched(() => import('@/pages/map/page')).then((page) => page.mapPage))
const nodes = createRoute({ ...at('/nodes'), validateSearch: only(nodesSearch), ...texts('nodes') })
  .lazy(() => fetched(() => import('@/pages/nodes/page')).then((page) => page.nodesPage))
const node = createRoute({ ...at('/nodes/$id'), validateSearch: only(nodeSearch), ...texts('nodes') })
  .lazy(() => fetched(() => import('@/pages/nodes/page')).then((page) => page.nodePage))
const station = createRoute({ ...at('/stations/$id'), validateSearch: only(stationSearch), ...texts('station') })
  .lazy(() => fetched(() => import('@/pages/station/page')).then((page) => page.stationPage))
const messages = createRoute({ ...at('/messages'), validateSearch: only(messagesSearch), ...texts('messages') })
  .lazy(() => fetched(() => import('@/pages/messages/page')).then((page) => page.messagesPage))
const conversation = createRoute({ ...at('/messages/$node'), validateSearch: only(messagesSearch), ...texts('messages') })
  .lazy(() => fetched(() => import('@/pages/messages/page')).then((page) => page.conversationPage))
const channel = createRoute({ ...at('/messages/channels/$channel'), validateSearch: only(messagesSearch), ...texts('messages') })
  .lazy(() => fetched(() => import('@/pages/messages/page')).then((page) => page.channelPage))
const network = createRoute({ ...at('/network'), validateSearch: only(networkSearch), ...texts('network') })
  .lazy(() => fetched(() => import('@/pages/network/page')).then((page) => page.networkPage))

const topology = createRoute({ ...at('/network/topology'), validateSearch: only(topologySearch), ...texts('network') })
  .lazy(() => fetched(() => import('@/pages/network/topology/page')).then((page) => page.topologyPage))

const packets = createRoute({ ...at('/network/packets'), validateSearch: only(packetsSearch), ...texts('network') })
  .lazy(() => fetched(() => import('@/pages/network/packets/page')).then((page) => page.packetsPage))

export const router = createRouter({
  routeTree: root.addChildren([map, nodes, node, station, messages, conversation, channel, network, topology, packets]),
  defaultPreload: 'intent',
  defaultPendingComponent: PagePending,
  defaultErrorComponent: PageError,
  defaultPendingMs: 150,
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
