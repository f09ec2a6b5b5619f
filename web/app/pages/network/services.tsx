import { useLingui } from '@lingui/react'
import { Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { CircleAlert, CircleCheck, CircleX } from 'lucide-react'
import type { ServiceRun } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { Badge } from '@/ui/badge'
import { Card } from '@/ui/card'
import { ErrorState, SkeletonRows } from '@/ui/states'
import { useServerNow } from './clock'
import { servicesQuery } from './queries'
import { Since } from './since'
import { PARTS, SERVICES } from './words'

/** Which services run, and whether they are well. */
export function Services({ refetchInterval }: { readonly refetchInterval: number }) {
  const services = useQuery({ ...servicesQuery, refetchInterval })
  const now = useServerNow(services.data, services.dataUpdatedAt)
  return (
    <Card title={<Trans>Services</Trans>} flush>
      {services.data === undefined && services.isError && <ErrorState error={services.error} retry={() => { void services.refetch() }} />}
      {services.data === undefined && !services.isError && <SkeletonRows rows={4} />}
      <ul data-testid="services">
        {services.data?.data.map((run) => <Row key={`${run.service} ${run.started_at} ${run.seen_at}`} run={run} now={now} />)}
      </ul>
    </Card>
  )
}

function Row({ run, now }: { readonly run: ServiceRun; readonly now: number }) {
  const { i18n } = useLingui()
  const { duration } = useFormat()
  const does = SERVICES[run.service]
  const started = parseTime(run.started_at)
  const ranFor = started === null ? '' : duration(now - started)
  return (
    <li data-service={run.service} data-state={run.state} className="flex items-start justify-between gap-3 border-t border-line px-4 py-2.5 first:border-t-0">
      <span className="min-w-0">
        <span className="block text-sm font-medium">{run.service}</span>
        {does !== undefined && <span className="block text-xs text-muted">{i18n._(does)}</span>}
        <span className="tabular block text-xs text-muted">
          {run.state === 'gone' ? <Trans>version {run.version}, last seen <Since at={run.seen_at} now={now} /></Trans> : <Trans>version {run.version}, runs for {ranFor}</Trans>}
        </span>
        {run.state === 'not_ready' && run.not_ready.map(({ name, reason }) => {
          const words = PARTS[name]
          return <span key={name} className="block text-xs text-warn">{words === undefined ? `${name} ${reason}` : i18n._(words)}</span>
        })}
      </span>
      {run.state === 'ready' && <Badge tone="good" icon={CircleCheck}><Trans>ready</Trans></Badge>}
      {run.state === 'not_ready' && <Badge tone="warn" icon={CircleAlert}><Trans>not ready</Trans></Badge>}
      {run.state === 'gone' && <Badge tone="bad" icon={CircleX}><Trans>vanished</Trans></Badge>}
    </li>
  )
}
