import { Trans, useLingui } from '@lingui/react/macro'
import { EarOff } from 'lucide-react'
import { useFormat } from '@/format/hooks'
import type { Missing } from './story'
import { GAP } from './words'

/** Where a day begins. */
export function Day({ at }: { readonly at: number }) {
  const { day } = useFormat()
  return <li className="my-2 flex items-center gap-3 text-xs font-medium text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">{day(at)}</li>
}

/** When nobody listened, so that texts may be missing. */
export function GapLine({ gap }: { readonly gap: Missing }) {
  const { i18n } = useLingui()
  const { time, dateTime } = useFormat()
  const isOneDay = gap.until === null || new Date(gap.from).toDateString() === new Date(gap.until).toDateString()
  const at = (moment: number) => (isOneDay ? time(moment) : dateTime(moment))
  const from = at(gap.from)
  const until = gap.until === null ? '' : at(gap.until)
  return (
    <li className="mx-auto my-1 flex max-w-md items-start gap-2 rounded-lg bg-warn-soft px-3 py-2 text-xs text-warn" data-testid="gap">
      <EarOff aria-hidden className="mt-px size-4 shrink-0" />
      <span>
        {gap.bridge === null
          ? gap.until === null
            ? <Trans>Texts may be missing since {from}: no bridge is listening.</Trans>
            : <Trans>Texts may be missing from {from} to {until}: no bridge was listening.</Trans>
          : gap.until === null
            ? <Trans>Bridge {gap.bridge} has not been listening since {from}. Texts that only it could hear may be missing.</Trans>
            : <Trans>Bridge {gap.bridge} was not listening from {from} to {until}. Texts that only it could hear may be missing.</Trans>}
        {gap.reason !== null && <> {i18n._(GAP[gap.reason])}</>}
      </span>
    </li>
  )
}
