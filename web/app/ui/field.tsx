import { Search, X } from 'lucide-react'
import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from 'react'
import { useLingui } from '@lingui/react/macro'
import { cx } from './cx'

const BOX = 'min-h-11 w-full rounded-lg border border-line-strong bg-surface px-3 text-base text-ink placeholder:text-muted sm:text-sm'

interface SearchFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange' | 'type'> {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
}

/** A field to search by; its label is read, its placeholder seen. */
export function SearchField({ label, value, onChange, className, ...rest }: SearchFieldProps) {
  const { t } = useLingui()
  return (
    <div className={cx('relative', className)}>
      <Search aria-hidden className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-muted" />
      <input
        type="search" aria-label={label} placeholder={label} value={value} maxLength={200} autoComplete="off" spellCheck={false}
        onChange={(event) => { onChange(event.target.value); }}
        className={cx(BOX, 'pr-10 pl-9 [&::-webkit-search-cancel-button]:hidden')} {...rest}
      />
      {value !== '' && (
        <button type="button" aria-label={t`Clear`} onClick={() => { onChange('') }} className="absolute top-0 right-0 grid size-11 place-items-center text-muted hover:text-ink">
          <X aria-hidden className="size-4" />
        </button>
      )}
    </div>
  )
}

interface SelectProps<Name extends string> extends Omit<SelectHTMLAttributes<HTMLSelectElement>, 'value' | 'onChange'> {
  readonly label: ReactNode
  readonly value: Name
  readonly onChange: (name: Name) => void
  readonly options: readonly { readonly name: Name; readonly title: string }[]
  /** Whether the label is only read out. */
  readonly hideLabel?: boolean
}

/** The browser's own list of choices, which every phone knows how to show. */
export function Select<Name extends string>({ label, value, onChange, options, hideLabel = false, className, ...rest }: SelectProps<Name>) {
  const id = useId()
  return (
    <div className={className}>
      <label htmlFor={id} className={hideLabel ? 'sr-only' : 'mb-1 block text-sm font-medium'}>{label}</label>
      <select id={id} value={value} onChange={(event) => { onChange(event.target.value as Name); }} className={BOX} {...rest}>
        {options.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
      </select>
    </div>
  )
}
