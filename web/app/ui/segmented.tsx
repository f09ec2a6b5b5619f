import { ToggleGroup } from 'radix-ui'
import type { ReactNode } from 'react'
import { cx } from './cx'

interface SegmentedProps<Name extends string> {
  readonly label: string
  readonly value: Name
  readonly onChange: (name: Name) => void
  readonly options: readonly { readonly name: Name; readonly title: ReactNode; readonly label?: string }[]
  readonly className?: string
}

/** One of a few, all of them in sight. */
export function Segmented<Name extends string>({ label, value, onChange, options, className }: SegmentedProps<Name>) {
  return (
    <ToggleGroup.Root
      type="single" value={value} aria-label={label}
      onValueChange={(name) => { if (name !== '') onChange(name as Name) }}
      className={cx('inline-flex rounded-lg bg-sunken p-0.5', className)}
    >
      {options.map((option) => (
        <ToggleGroup.Item
          key={option.name} value={option.name} aria-label={option.label}
          className="inline-flex min-h-10 flex-1 items-center justify-center gap-1.5 rounded-md px-3 text-sm font-medium whitespace-nowrap text-muted hover:text-ink data-[state=on]:bg-surface data-[state=on]:text-ink data-[state=on]:shadow-card"
        >
          {option.title}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  )
}
