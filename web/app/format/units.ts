import type { Units } from '@/shell/preferences'
import { numberFormat } from './intl'
import { type Dimension, quantity, type Quantity } from './quantities'

/** How a unit of the API becomes one that a person reads. */
export interface Shown {
  readonly unit: string
  readonly decimals: number
  readonly of: (value: number) => number
}

type Rule = Omit<Shown, 'decimals'> & { readonly decimals: number | 'same' }
const same = (value: number) => value

const IMPERIAL: Partial<Record<Dimension, Rule>> = {
  temperature: { unit: '°F', decimals: 1, of: (celsius) => celsius * 1.8 + 32 },
  speed: { unit: 'mph', decimals: 1, of: (ms) => ms / 0.44704 },
  pressure: { unit: 'inHg', decimals: 2, of: (hpa) => hpa / 33.863_886_666_67 },
  rain: { unit: 'in', decimals: 2, of: (mm) => mm / 25.4 },
  length: { unit: 'in', decimals: 1, of: (mm) => mm / 25.4 },
  weight: { unit: 'lb', decimals: 1, of: (kg) => kg / 0.453_592_37 },
}
const METRIC: Partial<Record<Dimension, Rule>> = {
  duration: { unit: 'h', decimals: 1, of: (seconds) => seconds / 3600 },
  speed: { unit: 'km/h', decimals: 1, of: (ms) => ms * 3.6 },
}

/** Returns how a quantity is shown in a system of units. One that nobody knows is shown as it came. */
export function shown(name: Quantity, units: Units): Shown {
  const spec = quantity(name)
  if (spec === undefined) return { unit: '', decimals: 1, of: same }
  const rule = (units === 'imperial' ? IMPERIAL[spec.dimension] : undefined) ?? METRIC[spec.dimension] ?? { unit: spec.unit, decimals: 'same', of: same }
  return { unit: rule.unit, of: rule.of, decimals: rule.decimals === 'same' ? spec.decimals : rule.decimals }
}

/** Returns the number with this many decimals as the language writes it. */
export function formatNumber(value: number, decimals: number, locale: string): string {
  return numberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals, signDisplay: 'negative' }).format(value)
}

/** A value as a person reads it, in two parts: figures may be big and units small. */
export interface Formatted {
  readonly text: string
  readonly unit: string
}

/** Formats a value of the API. Nothing is not zero: without a value there is none to format. */
export function formatQuantity(name: Quantity, value: number | null | undefined, units: Units, locale: string): Formatted | null {
  if (value == null || !Number.isFinite(value)) return null
  const { unit, decimals, of } = shown(name, units)
  return { text: formatNumber(of(value), decimals, locale), unit }
}

/** Formats a distance of so many kilometres. */
export function formatDistance(km: number, units: Units, locale: string): string {
  if (units === 'imperial') return `${formatNumber(km / 1.609_344, 1, locale)} mi`
  return km < 1 ? `${formatNumber(km * 1000, 0, locale)} m` : `${formatNumber(km, 1, locale)} km`
}

/** Formats an altitude of so many metres. */
export function formatAltitude(metres: number, units: Units, locale: string): string {
  return units === 'imperial' ? `${formatNumber(metres / 0.3048, 0, locale)} ft` : `${formatNumber(metres, 0, locale)} m`
}

/** Formats a size, in the units of storage that people know. */
export function formatBytes(bytes: number, locale: string): string {
  const names = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let place = 0
  while (value >= 1000 && place < names.length - 1) {
    value /= 1000
    place += 1
  }
  return `${formatNumber(value, place === 0 || value >= 100 ? 0 : 1, locale)} ${names[place] ?? ''}`
}
