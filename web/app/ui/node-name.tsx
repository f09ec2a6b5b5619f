import { type Named, nodeName } from '@/format/names'
import { cx } from './cx'

interface NodeNameProps {
  readonly node: Named
  /** Whether the id stands under the name. */
  readonly withId?: boolean
  readonly className?: string
}

/** A node's name as the mesh has it: foreign text, kept on its line and in its direction. */
export function NodeName({ node, withId = false, className }: NodeNameProps) {
  const name = nodeName(node)
  return (
    <span className={cx('min-w-0', className)}>
      <bdi className="foreign line-clamp-1 break-all" title={name}>{name}</bdi>
      {withId && name !== node.node_id && <span className="block truncate font-mono text-xs text-muted">{node.node_id}</span>}
    </span>
  )
}
