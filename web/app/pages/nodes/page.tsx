import { createLazyRoute } from '@tanstack/react-router'
import { NodesView } from './list'
import { NodeView } from './node'

function Nodes() {
  return <NodesView search={nodesPage.useSearch()} />
}

function Node() {
  const { id } = nodePage.useParams()
  return <NodeView key={id} id={id} search={nodePage.useSearch()} />
}

export const nodesPage = createLazyRoute('/nodes')({ component: Nodes })
export const nodePage = createLazyRoute('/nodes/$id')({ component: Node })
