import { Plural, Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { EyeOff, Lock } from 'lucide-react'
import { Card } from '@/ui/card'
import { useServerNow } from './clock'
import { hiddenQuery } from './queries'
import { Since } from './since'

/** How much is heard that nobody is shown, and what would change that; nothing where all of it is shown. */
export function Hidden({ refetchInterval }: { readonly refetchInterval: number }) {
  const hidden = useQuery({ ...hiddenQuery, refetchInterval })
  const now = useServerNow(hidden.data, hidden.dataUpdatedAt)
  const { data } = hidden
  if (data === undefined || (data.nodes === 0 && data.withheld === 0)) return null
  return (
    <Card title={<Trans>Heard, but not shown</Trans>}>
      <ul data-testid="hidden" className="flex flex-col gap-3 text-sm">
        {data.nodes > 0 && (
          <li data-hidden="nodes" className="flex gap-3">
            <EyeOff aria-hidden className="mt-0.5 size-4 shrink-0 text-muted" />
            <span className="min-w-0">
              <span className="block font-medium"><Plural value={data.nodes} one="# node does not agree to be shown" other="# nodes do not agree to be shown" /></span>
              <span className="block text-muted"><Trans>Their “OK to MQTT” (<code>lora.config_ok_to_mqtt</code>) is off, as it is until their owner switches it on; or their names ask to be left out.</Trans></span>
            </span>
          </li>
        )}
        {data.withheld > 0 && (
          <li data-hidden="channels" className="flex gap-3">
            <Lock aria-hidden className="mt-0.5 size-4 shrink-0 text-muted" />
            <span className="min-w-0">
              <span className="block font-medium">
                <Plural value={data.private_channels} one="# private channel is heard, of which nothing is kept" other="# private channels are heard, of which nothing is kept" />
                {data.withheld_at != null && <span className="font-normal text-muted"> · <Since at={data.withheld_at} now={now} /></span>}
              </span>
              <span className="block text-muted"><Trans>Whoever runs the server sees which they are with <code>kosmo channel list</code>, and makes one public with <code>kosmo channel publish</code>.</Trans></span>
            </span>
          </li>
        )}
      </ul>
    </Card>
  )
}
