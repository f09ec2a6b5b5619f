// Making one of the browser's formatters takes as long as using it a hundred times, and a page shows hundreds of times and
// figures: each formatter is made once.

const kept = new Map<string, unknown>()

function once<Format>(key: string, make: () => Format): Format {
  const known = kept.get(key)
  if (known !== undefined) return known as Format
  const made = make()
  kept.set(key, made)
  return made
}

const keyOf = (kind: string, locale: string, options: object) => `${kind} ${locale} ${JSON.stringify(options)}`

export function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return once(keyOf('date', locale, options), () => new Intl.DateTimeFormat(locale, options))
}

export function numberFormat(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return once(keyOf('number', locale, options), () => new Intl.NumberFormat(locale, options))
}

export function ageFormat(locale: string, options: Intl.RelativeTimeFormatOptions): Intl.RelativeTimeFormat {
  return once(keyOf('age', locale, options), () => new Intl.RelativeTimeFormat(locale, options))
}

/** Orders names as people do: without regard to case, and 2 before 10. */
export function nameOrder(locale?: string): Intl.Collator {
  return once(`order ${locale ?? ''}`, () => new Intl.Collator(locale, { sensitivity: 'base', numeric: true }))
}
