import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate } from '@tanstack/react-router'
import { BellOff, KeyRound, MoonStar, PenLine, UserRoundX } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import type { Recipient } from '@/api/schema'
import { useNow } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { Age } from '@/ui/age'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { SearchField } from '@/ui/field'
import { NodeName } from '@/ui/node-name'
import { Sheet } from '@/ui/sheet'
import { EmptyState, ErrorState, SkeletonRows } from '@/ui/states'
import { useQuota, useRecipients } from './data'

/** A node that was not heard for so long may be switched off. */
const LONG_SILENT = 24 * 3600_000
/** For how long a changed key is worth a warning. */
const KEY_NEWS = 30 * 86_400_000
const NODE_ID = /^![0-9a-f]{8}$/

/** What somebody should know before writing to a node. */
export function Warnings({ node }: { readonly node: Recipient }) {
  const now = useNow()
  const heard = parseTime(node.last_heard)
  const key = parseTime(node.key_changed_at)
  return (
    <>
      {node.unmessagable === true && <Badge tone="warn" icon={BellOff}><Trans>Says that nobody reads it</Trans></Badge>}
      {key !== null && now - key < KEY_NEWS && <Badge tone="bad" icon={KeyRound}><Trans>Its key has changed: it may be somebody else</Trans></Badge>}
      {heard !== null && now - heard > LONG_SILENT && <Badge tone="warn" icon={MoonStar}><Trans>Not heard for long</Trans></Badge>}
      {heard === null && <Badge tone="warn" icon={MoonStar}><Trans>Never heard</Trans></Badge>}
    </>
  )
}

function Choice({ node, onChoose }: { readonly node: Recipient; readonly onChoose: (node: string) => void }) {
  return (
    <li>
      <button type="button" onClick={() => { onChoose(node.node_id) }} className="flex min-h-14 w-full flex-col items-stretch gap-1 rounded-lg px-3 py-2 text-left hover:bg-sunken">
        <span className="flex items-baseline justify-between gap-3">
          <NodeName node={node} withId className="font-medium" />
          <Age at={node.last_heard} expected={3600_000} className="shrink-0 text-xs" />
        </span>
        <span className="flex flex-wrap gap-1.5 empty:hidden"><Warnings node={node} /></span>
      </button>
    </li>
  )
}

function Choices({ onChoose }: { readonly onChoose: (node: string) => void }) {
  const { t } = useLingui()
  const [words, setWords] = useState('')
  const asked = useDeferredValue(words.trim())
  const { data: quota } = useQuota()
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useRecipients(asked)
  const nodes = data?.pages.flatMap((page) => page.data) ?? []
  const isId = NODE_ID.test(asked) && quota?.scope === 'network' && !nodes.some(({ node_id }) => node_id === asked)
  if (quota?.scope === 'nobody') {
    return <EmptyState icon={UserRoundX} title={t`Your plan sends nothing`}><Trans>It receives what is written to you. A plan that sends lets you write to the mesh.</Trans></EmptyState>
  }
  return (
    <div className="flex flex-col gap-3">
      {/* eslint-disable-next-line jsx-a11y/no-autofocus -- whoever opens this has asked to look somebody up */}
      <SearchField label={t`Name or node id`} value={words} onChange={setWords} autoFocus />
      {quota?.scope === 'listed' && <p className="text-sm text-muted"><Trans>Your plan writes to the nodes on your list.</Trans></p>}
      {isId && <Button onClick={() => { onChoose(asked) }}><PenLine aria-hidden className="size-4" /><Trans>Write to {asked}, which was never heard</Trans></Button>}
      {data === undefined && (error === null ? <SkeletonRows /> : <ErrorState error={error} retry={() => { void refetch() }} />)}
      {data !== undefined && nodes.length === 0 && !isId && <EmptyState title={t`Nobody is called that`}><Trans>Search for a name, or write the node's id, like !a1b2c3d4.</Trans></EmptyState>}
      <ul className="-mx-3">{nodes.map((node) => <Choice key={node.node_id} node={node} onChoose={onChoose} />)}</ul>
      {hasNextPage && <Button onClick={() => { void fetchNextPage() }} disabled={isFetchingNextPage}><Trans>Show more</Trans></Button>}
    </div>
  )
}

/** Chooses whom to write to, of the nodes that the member may write to. */
export function Chooser({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const { t } = useLingui()
  const navigate = useNavigate()
  const choose = (node: string) => {
    onClose()
    void navigate({ to: '/messages/$node', params: { node } })
  }
  return <Sheet open={open} onClose={onClose} title={t`Write to`} side="middle"><Choices onChoose={choose} /></Sheet>
}
