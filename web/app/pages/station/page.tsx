import { createLazyRoute } from '@tanstack/react-router'
import { Page } from '@/ui/page'
import { SkeletonRows } from '@/ui/states'

function StationView() {
  const { id } = stationPage.useParams()
  return <Page title={id}><SkeletonRows /></Page>
}

export const stationPage = createLazyRoute('/stations/$id')({ component: StationView })
