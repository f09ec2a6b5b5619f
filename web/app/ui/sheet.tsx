import { useLingui } from '@lingui/react/macro'
import { X } from 'lucide-react'
import { type MouseEvent, type ReactNode, useEffect, useId, useRef } from 'react'
import { IconButton } from './button'
import { cx } from './cx'

interface SheetProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly title: ReactNode
  readonly children: ReactNode
  /** From the bottom on a phone; on a wider screen from the right, or in the middle. */
  readonly side?: 'right' | 'middle'
}

/** A dialog over the page: the browser's own, so that focus, Escape and what lies under it are right. */
export function Sheet({ open, onClose, title, children, side = 'right' }: SheetProps) {
  const { t } = useLingui()
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const element = dialog.current
    if (open && element !== null && !element.open) element.showModal()
    if (!open && element?.open === true) element.close()
  }, [open])
  // A press that begins inside and ends outside, like marking a text, closes nothing.
  const onBackdrop = (event: MouseEvent) => { if (event.target === dialog.current) onClose() }
  return (
    // Escape closes a dialog by itself: the press is an extra for those with a pointer.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <dialog
      ref={dialog} aria-labelledby={id} onClose={onClose} onMouseDown={onBackdrop}
      className={cx(
        'max-h-[88dvh] w-full max-w-none overflow-hidden bg-raised text-ink shadow-pop backdrop:bg-black/45 open:flex open:flex-col',
        'mt-auto mb-0 animate-[slide-up_.2s_ease-out] rounded-t-2xl',
        side === 'right'
          ? 'sm:mt-0 sm:mr-0 sm:ml-auto sm:h-dvh sm:max-h-dvh sm:max-w-md sm:animate-[slide-left_.2s_ease-out] sm:rounded-none sm:rounded-l-2xl'
          : 'sm:m-auto sm:max-w-lg sm:animate-[rise_.15s_ease-out] sm:rounded-2xl',
      )}
    >
      <div className="flex shrink-0 items-center justify-between gap-3 border-b border-line py-1 pr-2 pl-5">
        <h2 id={id} className="text-base font-semibold">{title}</h2>
        <IconButton label={t`Close`} onClick={onClose}><X aria-hidden className="size-5" /></IconButton>
      </div>
      <div className="min-h-0 overflow-y-auto overscroll-contain px-5 py-4 pb-[max(1rem,env(safe-area-inset-bottom))]">{open && children}</div>
    </dialog>
  )
}
