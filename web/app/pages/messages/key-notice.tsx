import { Plural, Trans } from '@lingui/react/macro'
import { KeyRound } from 'lucide-react'
import { useFormat } from '@/format/hooks'
import { parseTime } from '@/format/time'
import { Button } from '@/ui/button'
import { useConfirmKey, useNodeKey } from './data'

/** Texts to a node that shows another key wait until their writer says that they know it by that key. Nothing where none do. */
export function KeyNotice({ node, isWanted }: { readonly node: string; readonly isWanted: boolean }) {
  const { day } = useFormat()
  const { data } = useNodeKey(node, isWanted)
  const { mutate, isPending, error } = useConfirmKey(node)
  const key = data?.public_key
  if (data === undefined || key == null || !data.holds) return null
  const changed = parseTime(data.changed_at)
  const since = changed === null ? '' : day(changed)
  return (
    <section className="border-t border-line bg-warn-soft px-4 py-3 text-sm" data-testid="key-notice">
      <div className="mx-auto flex max-w-3xl flex-col gap-2">
        <p className="flex items-start gap-2 font-medium text-warn">
          <KeyRound aria-hidden className="mt-0.5 size-4 shrink-0" />
          <span>
            {since === '' ? <Trans>This node shows another key than when you wrote to it before.</Trans> : <Trans>Since {since} this node shows another key than when you wrote to it before.</Trans>}
            {data.held > 0 && <> <Plural value={data.held} one="# text waits until you confirm it." other="# texts wait until you confirm it." /></>}
          </span>
        </p>
        <p><Trans>A radio that was reset or replaced shows a new key; so does somebody who took its number. Ask its owner in another way, by voice for instance, and compare.</Trans></p>
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1 text-xs">
          <dt className="text-muted"><Trans>Key now</Trans></dt><dd><code className="break-all" data-testid="key">{key}</code></dd>
          {data.earlier[0] !== undefined && <><dt className="text-muted"><Trans>Key before</Trans></dt><dd><code className="break-all">{data.earlier[0].public_key}</code></dd></>}
        </dl>
        <div className="flex flex-wrap items-center gap-3">
          <Button onClick={() => { mutate(key) }} disabled={isPending}><Trans>It is theirs: send what waits</Trans></Button>
          {error !== null && <p role="status" className="text-bad"><Trans>That did not work: it may have changed again. Look at it once more.</Trans></p>}
        </div>
      </div>
    </section>
  )
}
