import { Tabs as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

interface TabsProps<Name extends string> {
  readonly label: string
  readonly value: Name
  readonly onChange: (name: Name) => void
  readonly tabs: readonly { readonly name: Name; readonly title: ReactNode }[]
  /** The panels: `TabPanel`s. */
  readonly children: ReactNode
}

/** Tabs whose choice belongs to the page, which keeps it in the URL. */
export function Tabs<Name extends string>({ label, value, onChange, tabs, children }: TabsProps<Name>) {
  return (
    <Radix.Root value={value} onValueChange={(name) => { onChange(name as Name); }}>
      <Radix.List aria-label={label} className="flex gap-1 overflow-x-auto border-b border-line">
        {tabs.map(({ name, title }) => (
          <Radix.Trigger
            key={name} value={name}
            className="min-h-11 border-b-2 border-transparent px-3 text-sm font-medium whitespace-nowrap text-muted hover:text-ink focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:text-ink"
          >
            {title}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {children}
    </Radix.Root>
  )
}

export function TabPanel({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return <Radix.Content value={name} className="pt-4 focus-visible:outline-offset-4">{children}</Radix.Content>
}
