import { Trans } from '@lingui/react/macro'
import { KeyRound, KeySquare } from 'lucide-react'
import type { NodeDetail } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { Badge } from '@/ui/badge'
import { fingerprint } from './peers'

/** Under which ids and keys a node was heard, the latest first. */
export function KeyHistory({ node }: { readonly node: NodeDetail }) {
  const { dateTime } = useFormat()
  const keyed = node.identities.filter((identity) => identity.public_key != null)
  return (
    <>
      <ol role="list" className="flex flex-col gap-3">
        {node.identities.map((identity, index) => (
          <li key={`${identity.node_id} ${identity.public_key ?? ''}`} className="flex gap-3 text-sm">
            {identity.public_key == null ? <KeySquare aria-hidden className="mt-0.5 size-4 shrink-0 text-muted" /> : <KeyRound aria-hidden className="mt-0.5 size-4 shrink-0 text-accent-ink" />}
            <div className="min-w-0 flex-1">
              <div className="flex flex-wrap items-center gap-2">
                <span className="font-mono text-xs">{identity.node_id}</span>
                {identity === keyed[0] && keyed.length > 1 && <Badge tone="accent"><Trans>present</Trans></Badge>}
              </div>
              <p className="font-mono break-all" title={identity.public_key ?? undefined}>
                {identity.public_key == null ? <span className="font-sans text-muted"><Trans>before any key was known</Trans></span> : <>{fingerprint(identity.public_key)}&#x202f;…</>}
              </p>
              <p className="text-xs text-muted"><Trans>since {dateTime(parseTime(identity.first_heard) ?? 0)}</Trans></p>
            </div>
            <span className="sr-only">{index + 1}</span>
          </li>
        ))}
      </ol>
      {keyed.length > 1 && <p className="mt-3 text-xs text-muted"><Trans>More than one key is a reset, a replaced radio, or somebody who uses the id of another.</Trans></p>}
    </>
  )
}
