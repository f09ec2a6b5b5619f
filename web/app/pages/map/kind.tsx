import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'
import { useLingui } from '@lingui/react'
import { CircleDot, CloudSun, RadioTower } from 'lucide-react'
import { cx } from '@/ui/cx'
import { type Kind, kindOf, type MapNode } from './model'

const KINDS: Record<Kind, { icon: typeof CloudSun; label: MessageDescriptor }> = {
  station: { icon: CloudSun, label: msg`Weather station` },
  bridge: { icon: RadioTower, label: msg`Bridge` },
  node: { icon: CircleDot, label: msg`Node` },
}

/** What a node is, as a sign that is read out too. */
export function KindIcon({ node, className }: { readonly node: MapNode; readonly className?: string }) {
  const { i18n } = useLingui()
  const { icon: Icon, label } = KINDS[kindOf(node)]
  return <Icon role="img" aria-label={i18n._(label)} className={cx('size-4 shrink-0 text-muted', className)} />
}

/** What a node is, in a word. */
export function useKindName(): (node: MapNode) => string {
  const { i18n } = useLingui()
  return (node) => i18n._(KINDS[kindOf(node)].label)
}
