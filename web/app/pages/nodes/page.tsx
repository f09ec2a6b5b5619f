import { useLingui } from '@lingui/react/macro'
import { createLazyRoute } from '@tanstack/react-router'
import { Page } from '@/ui/page'
import { SkeletonRows } from '@/ui/states'

function NodesView() {
  const { t } = useLingui()
  return <Page title={t`Nodes`}><SkeletonRows /></Page>
}

function NodeView() {
  const { id } = nodePage.useParams()
  return <Page title={id}><SkeletonRows /></Page>
}

export const nodesPage = createLazyRoute('/nodes')({ component: NodesView })
export const nodePage = createLazyRoute('/nodes/$id')({ component: NodeView })
