import { useLingui } from '@lingui/react/macro'
import { useMemo } from 'react'
import type { ColumnName, Show } from './columns'

/** What the columns are called. */
export function useColumnTitles(): Record<ColumnName, string> {
  const { t } = useLingui()
  return useMemo(() => ({
    name: t`Name`, id: t`Id`, hardware: t`Hardware`, role: t`Role`, radio: t`By radio`, mqtt: t`Over MQTT`, battery: t`Battery`,
    snr: t({ message: 'SNR', comment: 'signal to noise ratio' }), hops: t`Hops`, position: t`Position`, bridges: t`Bridges`, first: t`First heard`,
  }), [t])
}

/** What can be shown of the nodes. */
export function useShowTitles(): Record<Show, string> {
  const { t } = useLingui()
  return useMemo(() => ({
    all: t`All nodes`, stations: t`Weather stations`, radio: t`Heard by radio`, mqtt: t`Heard over MQTT alone`, silent: t`Silent for a day`, changed: t`Key changed`,
  }), [t])
}
