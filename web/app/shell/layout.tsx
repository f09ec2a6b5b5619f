import { Trans } from '@lingui/react/macro'
import { Link, Outlet } from '@tanstack/react-router'
import { Banner, NotLive } from './banner'
import { Nav } from './nav'
import { Settings } from './settings'

/** The frame around every page. The page scrolls inside `main`, so that map and chat can fill what is left of the window. */
export function Layout() {
  return (
    <div className="grid h-dvh grid-cols-[minmax(0,1fr)] grid-rows-[auto_minmax(0,1fr)_auto] lg:grid-cols-[auto_minmax(0,1fr)]">
      <a href="#main" className="sr-only z-50 rounded-lg bg-accent px-4 py-3 font-medium text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2">
        <Trans>Skip to the content</Trans>
      </a>
      <header className="z-30 col-span-full flex h-14 items-center justify-between gap-3 border-b border-line bg-surface pr-2 pl-4">
        <Link to="/" className="flex min-h-11 items-center gap-2.5 font-semibold tracking-tight">
          <img src="/icon.svg" alt="" width={28} height={28} className="rounded-[7px]" />
          KosmoConnect
        </Link>
        <div className="flex min-w-0 items-center gap-2">
          <NotLive />
          <Settings />
        </div>
      </header>
      <Nav />
      <div className="col-start-1 row-start-2 flex min-h-0 min-w-0 flex-col lg:col-start-2 lg:row-span-2">
        <Banner />
        <main id="main" tabIndex={-1} data-scroll-restoration-id="main" className="relative min-h-0 flex-1 overflow-y-auto outline-none"><Outlet /></main>
      </div>
    </div>
  )
}
