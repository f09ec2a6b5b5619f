import { type InfiniteData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { readAgain } from '@/api/again'
import { api, take } from '@/api/client'
import { isRecord } from '@/api/is-record'
import { keys } from '@/api/queries'
import type { ConversationText, Gaps, Message, PageConversationText, ReceivedText, Recipient } from '@/api/schema'
import { useLive, useLiveState } from '@/live/live'

/** How far back gaps are asked for, at most: the server tells of 400 days. */
const LONGEST = 399 * 86_400_000
const AWAY = 15_000

function messageOf(data: unknown): Message | null {
  const message = isRecord(data) ? data['message'] : null
  return isRecord(message) && typeof message['id'] === 'string' && typeof message['target_node_id'] === 'string' ? message as unknown as Message : null
}

function textOf(data: unknown): ReceivedText | null {
  const text = isRecord(data) ? data['text'] : null
  return isRecord(text) && typeof text['id'] === 'string' && typeof text['from_node_id'] === 'string' ? text as unknown as ReceivedText : null
}

type Texts = InfiniteData<PageConversationText, string | null>

/** Puts a text where it belongs: in the place of what was known of it, or at the end. */
export function withText(known: Texts | undefined, text: ConversationText): Texts | undefined {
  const newest = known?.pages[0]
  if (known === undefined || newest === undefined) return known
  const has = known.pages.some((page) => page.data.some(({ id }) => id === text.id))
  const pages = has
    ? known.pages.map((page) => ({ ...page, data: page.data.map((old) => (old.id === text.id ? text : old)) }))
    : [{ ...newest, data: [...newest.data, text].sort((a, b) => a.seq - b.seq) }, ...known.pages.slice(1)]
  return { ...known, pages }
}

/** The texts of a conversation, the latest page first, kept up to date by the stream. */
export function useConversation(node: string) {
  const queries = useQueryClient()
  const isLive = useLiveState() === 'open'
  const queryKey = keys.conversation(node)
  const put = (text: ConversationText) => { queries.setQueryData<Texts>(queryKey, (known) => withText(known, text)) }
  useLive('message', (data) => {
    const message = messageOf(data)
    if (message === null) return
    if (message.target_node_id === node) put({ direction: 'out', ...message })
    readAgain(queries, [...keys.mine, 'message', message.id])
    readAgain(queries, keys.quota)
  })
  useLive('text', (data) => {
    const text = textOf(data)
    if (text?.from_node_id === node) put({ direction: 'in', ...text })
  })
  return useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => take(api.GET('/api/v1/messages/conversations/{node_id}', {
      params: { path: { node_id: node }, query: { limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) } }, signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: isLive ? false : AWAY,
  })
}

/** What the member may still send, and how long a text may be. */
export function useQuota() {
  return useQuery({ queryKey: keys.quota, queryFn: ({ signal }) => take(api.GET('/api/v1/messages/quota', { signal })) })
}

/** All that became known of a text. */
export function useMessage(id: string) {
  return useQuery({
    queryKey: [...keys.mine, 'message', id],
    queryFn: ({ signal }) => take(api.GET('/api/v1/messages/{message_id}', { params: { path: { message_id: id } }, signal })),
  })
}

/** Whom the member may write to. */
export function useRecipients(words: string) {
  return useInfiniteQuery({
    queryKey: [...keys.mine, 'recipients', words],
    queryFn: ({ pageParam, signal }) => take(api.GET('/api/v1/messages/recipients', {
      params: { query: { limit: 50, ...(words === '' ? {} : { q: words }), ...(pageParam === null ? {} : { cursor: pageParam }) } }, signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: (previous) => previous,
  })
}

/** What is known of one node to write to. */
export function useRecipient(node: string) {
  return useQuery({
    queryKey: [...keys.mine, 'recipient', node],
    queryFn: async ({ signal }): Promise<Recipient> => {
      const { data } = await take(api.GET('/api/v1/messages/recipients', { params: { query: { q: node, limit: 1 } }, signal }))
      return data.find((recipient) => recipient.node_id === node) ?? { node_id: node }
    },
  })
}

/** Notes how far a conversation is read. */
export function useRead(node: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (seq: number) => take(api.POST('/api/v1/messages/conversations/{node_id}/read', { params: { path: { node_id: node } }, body: { seq } })),
    onSuccess: () => { readAgain(queries, [...keys.conversations, 'list']) },
  })
}

/** When texts may be missing, since a time. */
export function useGaps(since: number | null) {
  const queries = useQueryClient()
  const [now] = useState(Date.now)
  useLive('bridge', () => { readAgain(queries, ['gaps']) })
  const from = since === null ? null : new Date(Math.max(since, now - LONGEST)).toISOString()
  return useQuery({
    queryKey: ['gaps', from],
    enabled: from !== null,
    queryFn: ({ signal }): Promise<Gaps> => take(api.GET('/api/v1/gaps', { params: { query: { from: from ?? '' } }, signal })),
    refetchInterval: 60_000,
  })
}

/** Takes a text back, as long as no radio can have it. */
export function useCancel(message: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => take(api.DELETE('/api/v1/messages/{message_id}', { params: { path: { message_id: message } } })),
    onSettled: () => { for (const queryKey of [keys.conversations, keys.quota, [...keys.mine, 'message', message]]) readAgain(queries, queryKey) },
  })
}

const keyOf = (node: string) => [...keys.mine, 'key', node] as const

/** The key a node shows, and whether the member's texts wait until they confirm it. */
export function useNodeKey(node: string, isWanted: boolean) {
  return useQuery({
    queryKey: keyOf(node),
    enabled: isWanted,
    queryFn: ({ signal }) => take(api.GET('/api/v1/messages/conversations/{node_id}/key', { params: { path: { node_id: node } }, signal })),
    refetchInterval: 60_000,
  })
}

/** Says that the member knows a node by this key. */
export function useConfirmKey(node: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (key: string) => take(api.POST('/api/v1/messages/conversations/{node_id}/key', { params: { path: { node_id: node } }, body: { public_key: key } })),
    // The answer says how it stands. Nobody may be asking any more: the text that waited is on its way.
    onSuccess: (view) => { queries.setQueryData(keyOf(node), view) },
    onError: () => { readAgain(queries, keyOf(node)) },
    onSettled: () => { readAgain(queries, keys.conversations) },
  })
}
