import { useLingui } from '@lingui/react/macro'
import { createLazyRoute } from '@tanstack/react-router'
import { Page } from '@/ui/page'
import { SkeletonRows } from '@/ui/states'

function MessagesView() {
  const { t } = useLingui()
  return <Page title={t`Messages`}><SkeletonRows /></Page>
}

function ConversationView() {
  const { node } = conversationPage.useParams()
  return <Page title={node}><SkeletonRows /></Page>
}

export const messagesPage = createLazyRoute('/messages')({ component: MessagesView })
export const conversationPage = createLazyRoute('/messages/$node')({ component: ConversationView })
