import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { cx } from './cx'

type Look = 'primary' | 'secondary' | 'quiet' | 'danger'

const LOOKS: Record<Look, string> = {
  primary: 'bg-accent text-on-accent hover:brightness-110 border-transparent',
  secondary: 'bg-surface text-ink border-line-strong hover:bg-sunken',
  quiet: 'bg-transparent text-ink border-transparent hover:bg-sunken',
  danger: 'bg-bad-soft text-bad border-transparent hover:brightness-95 dark:hover:brightness-125',
}

const BASE = 'inline-flex min-h-11 items-center justify-center gap-2 rounded-lg border text-sm font-medium whitespace-nowrap select-none transition-[background,filter] disabled:opacity-55'

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: Look
}

/** A button, at least 44 pixels high. */
export function Button({ look = 'secondary', className, type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={cx(BASE, 'px-4', LOOKS[look], className)} {...rest} />
}

export interface IconButtonProps extends Omit<ButtonProps, 'children'> {
  /** What it does; its name for those who do not see it, and its tooltip. */
  readonly label: string
  readonly children: ReactNode
}

/** A button that shows an icon alone. */
export function IconButton({ look = 'quiet', label, className, type = 'button', ...rest }: IconButtonProps) {
  return <button type={type} aria-label={label} title={label} className={cx(BASE, 'min-w-11', LOOKS[look], className)} {...rest} />
}
