import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { identityQuery, keys } from '@/api/queries'
import { setPreferences, usePreferences } from './preferences'

/** Who asks, as far as the server takes a word for it. */
export interface Caller {
  /** `header`: whoever is chosen here. `nobody`: there is no way to sign in on this server yet. */
  readonly how: 'header' | 'nobody' | 'unknown'
  readonly id: string | null
  readonly handle: string | null
  readonly members: readonly { readonly id: string; readonly handle: string; readonly plan: string }[]
  readonly choose: (id: string | null) => void
  /** Why it is not known, once it is known that it will not come by itself, and how to ask again. */
  readonly trouble: { readonly error: unknown; readonly retry: () => void } | null
}

/** Returns who asks, and how to be somebody else. That is nobody until a member is chosen. */
export function useCaller(): Caller {
  const { caller } = usePreferences()
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery(identityQuery)
  const choose = useCallback((id: string | null) => {
    setPreferences({ caller: id })
    // Nothing of one member is ever shown to another.
    queries.removeQueries({ queryKey: keys.mine })
  }, [queries])
  const members = data?.members ?? []
  const chosen = members.find((member) => member.id === caller)
  return { how: data?.how ?? 'unknown', id: chosen?.id ?? null, handle: chosen?.handle ?? null, members, choose, trouble: data === undefined && error !== null ? { error, retry: () => { void refetch() } } : null }
}
