import { Trans } from '@lingui/react/macro'
import type { ReactNode } from 'react'
import { BadgeCheck, MessageSquareOff } from 'lucide-react'
import type { NodeDetail } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import { safeName } from '@/format/names'
import { Age } from '@/ui/age'
import { Badge } from '@/ui/badge'
import { Nothing, Position } from './cells'
import { readable } from './model'

/** Names and values in two columns. */
export function Facts({ children }: { readonly children: ReactNode }) {
  return <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">{children}</dl>
}

export function Fact({ name, children }: { readonly name: ReactNode; readonly children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 text-right font-medium">{children}</dd>
    </>
  )
}

function Foreign({ text }: { readonly text: string | null | undefined }) {
  return text == null ? <Nothing /> : <bdi className="foreign line-clamp-2 break-all" title={safeName(text, '—')}>{safeName(text, '—')}</bdi>
}

export function Identity({ node }: { readonly node: NodeDetail }) {
  return (
    <Facts>
      <Fact name={<Trans>Name</Trans>}><Foreign text={node.long_name} /></Fact>
      <Fact name={<Trans>Short name</Trans>}><Foreign text={node.short_name} /></Fact>
      <Fact name={<Trans>Hardware</Trans>}>{node.hardware == null ? <Nothing /> : <Foreign text={readable(node.hardware)} />}</Fact>
      <Fact name={<Trans>Role</Trans>}>{node.role == null ? <Nothing /> : <Foreign text={readable(node.role)} />}</Fact>
      <Fact name={<Trans>First heard</Trans>}><Age at={node.first_heard} /></Fact>
      <Fact name={<Trans>Last by radio</Trans>}>{node.heard_by_radio == null ? <Trans>never</Trans> : <Age at={node.heard_by_radio.at} />}</Fact>
      <Fact name={<Trans>Last over MQTT</Trans>}>{node.heard_over_mqtt == null ? <Trans>never</Trans> : <Age at={node.heard_over_mqtt.at} />}</Fact>
      {(node.licensed === true || node.unmessagable === true) && (
        <div className="col-span-2 mt-1 flex flex-wrap gap-1.5">
          {node.licensed === true && <Badge tone="info" icon={BadgeCheck}><Trans>Amateur licence: it sends unencrypted</Trans></Badge>}
          {node.unmessagable === true && <Badge icon={MessageSquareOff}><Trans>Nobody reads texts sent to it</Trans></Badge>}
        </div>
      )}
    </Facts>
  )
}

/** How far a degree reaches on the ground, in kilometres. */
const KM_PER_DEGREE = 111.2

export function Place({ node }: { readonly node: NodeDetail }) {
  const { altitude, distance } = useFormat()
  const { position } = node
  if (position == null) return <p className="text-sm text-muted"><Trans>It has told nobody, or not publicly.</Trans></p>
  const around = distance((position.precision_deg / 2) * KM_PER_DEGREE)
  return (
    <Facts>
      <Fact name={<Trans>About</Trans>}><Position node={node} /></Fact>
      <Fact name={<Trans>Rounded by up to</Trans>}><span className="tabular">{around}</span></Fact>
      <Fact name={<Trans>Altitude</Trans>}>{position.altitude_m == null ? <Nothing /> : <span className="tabular">{altitude(position.altitude_m)}</span>}</Fact>
      <Fact name={<Trans>Told</Trans>}><Age at={position.at} /></Fact>
    </Facts>
  )
}
