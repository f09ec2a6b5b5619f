import { useLingui } from '@lingui/react/macro'
import { createLazyRoute } from '@tanstack/react-router'
import { Page } from '@/ui/page'
import { SkeletonRows } from '@/ui/states'

function MapView() {
  const { t } = useLingui()
  return <Page title={t`Map`}><SkeletonRows /></Page>
}

export const mapPage = createLazyRoute('/')({ component: MapView })
