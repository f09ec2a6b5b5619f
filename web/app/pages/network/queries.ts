import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, take } from '@/api/client'
import { keys } from '@/api/queries'
import type { BridgePage, RejectPage, Silence } from '@/api/schema'

/** Of how many pages bridges are read at most: more are read by nobody. */
const MOST_PAGES = 5

export const bridgesQuery = queryOptions({
  queryKey: [...keys.network, 'bridges'],
  queryFn: async ({ signal }) => {
    const ask = (cursor: string | undefined) =>
      take(api.GET('/api/v1/network/bridges', { params: { query: { limit: 200, ...(cursor === undefined ? {} : { cursor }) } }, signal }))
    let page: BridgePage = await ask(undefined)
    const data = [...page.data]
    for (let pages = 1; page.next !== null && pages < MOST_PAGES; pages += 1) {
      page = await ask(page.next)
      data.push(...page.data)
    }
    return { ...page, data }
  },
})

export const ratesQuery = (interval: '1m' | '1h') =>
  queryOptions({
    queryKey: [...keys.network, 'rates', interval],
    queryFn: ({ signal }) => take(api.GET('/api/v1/network/rates', { params: { query: { interval } }, signal })),
    placeholderData: keepPreviousData,
  })

export const summaryQuery = queryOptions({
  queryKey: [...keys.network, 'summary'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/network/rejects/summary', { signal })),
})

export const rejectsQuery = (code: string | undefined) =>
  infiniteQueryOptions({
    queryKey: [...keys.network, 'rejects', code ?? ''],
    queryFn: ({ signal, pageParam }): Promise<RejectPage> =>
      take(api.GET('/api/v1/network/rejects', { params: { query: { ...(code === undefined ? {} : { code }), ...(pageParam === '' ? {} : { cursor: pageParam }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page: RejectPage) => page.next,
    placeholderData: keepPreviousData,
  })

export const silentQuery = infiniteQueryOptions({
  queryKey: [...keys.network, 'silent'],
  queryFn: ({ signal, pageParam }): Promise<Silence> =>
    take(api.GET('/api/v1/network/silent', { params: { query: { limit: 20, ...(pageParam === '' ? {} : { cursor: pageParam }) } }, signal })),
  initialPageParam: '',
  getNextPageParam: (page: Silence) => page.next,
})

export const servicesQuery = queryOptions({
  queryKey: [...keys.network, 'services'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/network/services', { signal })),
})

export const uplinksQuery = queryOptions({
  queryKey: [...keys.network, 'uplinks'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/network/uplinks', { signal })),
})

export const hiddenQuery = queryOptions({
  queryKey: [...keys.network, 'hidden'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/network/hidden', { signal })),
})
