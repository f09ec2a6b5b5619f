import { Fragment } from 'react'
import { type Named, nodeName } from '@/format/names'
import { Snr } from '@/ui/snr'

/** A node on a way, and how well it received what the one before it sent. */
export interface Step {
  readonly node: Named
  readonly snr: number | null
}

/** A way in words, from its first node on; `unknown` is what nodes are called that did not say who they are. */
export function Chain({ first, steps, unknown }: { readonly first: Named; readonly steps: readonly Step[]; readonly unknown?: string }) {
  const name = (node: Named) => (node.node_id === '!ffffffff' && unknown !== undefined ? unknown : nodeName(node))
  return (
    <>
      <bdi className="foreign font-medium">{name(first)}</bdi>
      {steps.map(({ node, snr }, index) => (
        <Fragment key={index}>
          <span className="inline-flex items-center gap-1 text-xs"><span aria-hidden>→</span><Snr value={snr} /><span aria-hidden>→</span></span>
          <bdi className="foreign font-medium">{name(node)}</bdi>
        </Fragment>
      ))}
    </>
  )
}
