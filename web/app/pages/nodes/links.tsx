import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { Cloud, RadioTower } from 'lucide-react'
import { useMemo } from 'react'
import type { NodeDetail } from '@/api/schema'
import { useFormat } from '@/format/hooks'
import type { Named } from '@/format/names'
import { Age } from '@/ui/age'
import { NodeName } from '@/ui/node-name'
import { Snr } from '@/ui/snr'
import { EmptyState } from '@/ui/states'
import { Table, Td, Th, Tr } from '@/ui/table'
import { Nothing } from './cells'
import { type Heard, type Peer, peersOf } from './peers'

/** Finds what a node that is spoken of calls itself. */
export function useNames(node: NodeDetail): (id: string) => Named {
  return useMemo(() => {
    const names = new Map(node.names.map((name) => [name.node_id, name]))
    return (id) => (id === node.node_id ? node : names.get(id) ?? { node_id: id })
  }, [node])
}

/** Everybody who hears this node or is heard by it, both directions on one line. */
export function Links({ node }: { readonly node: NodeDetail }) {
  const { t } = useLingui()
  const peers = useMemo(() => peersOf(node), [node])
  const named = useNames(node)
  if (peers.length === 0) return <EmptyState title={t`Nobody has told of hearing it`} />
  return (
    <Table label={t`Who hears it, and whom it hears`}>
      <thead>
        <tr>
          <Th><Trans>Other end</Trans></Th>
          <Th align="right"><Trans>It is heard with</Trans></Th>
          <Th align="right"><Trans>Hops</Trans></Th>
          <Th align="right"><Trans>When</Trans></Th>
          <Th align="right"><Trans>It hears the other with</Trans></Th>
          <Th align="right"><Trans>When</Trans></Th>
        </tr>
      </thead>
      <tbody>
        {peers.map((peer) => (
          <Tr key={peer.key}>
            <th scope="row" className="max-w-56 px-3 py-2 text-left font-medium"><End peer={peer} named={named} /></th>
            <Td numeric><Strength heard={peer.hearsIt} /></Td>
            <Td numeric>{peer.hearsIt?.hops == null ? <Nothing /> : peer.hearsIt.hops === 0 ? <Trans>direct</Trans> : peer.hearsIt.hops}</Td>
            <Td numeric>{peer.hearsIt === null ? <Nothing /> : <Age at={peer.hearsIt.at} />}</Td>
            <Td numeric><Strength heard={peer.heardByIt} /></Td>
            <Td numeric>{peer.heardByIt === null ? <Nothing /> : <Age at={peer.heardByIt.at} />}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  )
}

function End({ peer, named }: { readonly peer: Peer; readonly named: (id: string) => Named }) {
  if (peer.node !== null) {
    return <Link to="/nodes/$id" params={{ id: peer.node }} className="inline-flex min-h-11 items-center hover:text-accent-ink sm:min-h-8"><NodeName node={named(peer.node)} /></Link>
  }
  const Icon = peer.hearsIt?.viaMqtt === true ? Cloud : RadioTower
  return (
    <span className="inline-flex items-center gap-1.5">
      <Icon aria-hidden className="size-4 text-muted" />
      {peer.hearsIt?.viaMqtt === true ? <Trans>Bridge {peer.bridge}, over MQTT</Trans> : <Trans>Bridge {peer.bridge}</Trans>}
    </span>
  )
}

function Strength({ heard }: { readonly heard: Heard | null }) {
  const { number } = useFormat()
  if (heard === null || heard.viaMqtt) return <Nothing />
  return <span className="inline-flex flex-col items-end"><Snr value={heard.snr} />{heard.rssi !== null && <span className="tabular text-xs text-muted">{number(heard.rssi)}&#x202f;dBm</span>}</span>
}
