import { useLingui } from '@lingui/react/macro'
import { createLazyRoute } from '@tanstack/react-router'
import { Page } from '@/ui/page'
import { SkeletonRows } from '@/ui/states'

function NetworkView() {
  const { t } = useLingui()
  return <Page title={t`Network`}><SkeletonRows /></Page>
}

export const networkPage = createLazyRoute('/network')({ component: NetworkView })
