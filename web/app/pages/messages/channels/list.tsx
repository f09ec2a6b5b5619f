import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { Hash } from 'lucide-react'
import { safeName } from '@/format/names'
import { cx } from '@/ui/cx'
import { useChannels } from './data'

/** The channels that everybody may read; nothing where there are none. */
export function ChannelList({ chosen, className }: { readonly chosen: string | null; readonly className?: string }) {
  const { t } = useLingui()
  const { data } = useChannels()
  if (data === undefined || data.data.length === 0) return null
  return (
    <nav aria-label={t`Channels`} className={className} data-testid="channels">
      <h2 className="px-4 pt-3 pb-1 text-xs font-medium text-muted"><Trans>Channels, which everybody reads</Trans></h2>
      <ul>
        {data.data.map(({ id, name }) => (
          <li key={id}>
            <Link
              to="/messages/channels/$channel" params={{ channel: id }} aria-current={id === chosen ? 'page' : undefined}
              className={cx('flex min-h-11 items-center gap-2.5 px-4 py-1.5 text-sm font-medium hover:bg-sunken focus-visible:-outline-offset-2', id === chosen && 'bg-accent-soft hover:bg-accent-soft')}
            >
              <Hash aria-hidden className="size-4 shrink-0 text-muted" />
              <bdi className="foreign line-clamp-1 break-all">{safeName(name, id)}</bdi>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
