import { useLingui } from '@lingui/react'
import { useMemo, useSyncExternalStore } from 'react'
import { usePreferences } from '@/shell/preferences'
import { formatAltitude, formatBytes, formatDistance, formatNumber, formatQuantity } from './units'
import { formatAge, formatDateTime, formatDay, formatDuration, formatSecond, formatTime, regional } from './time'
import { quantity, type Quantity } from './quantities'

/** Every formatter, in the chosen language and units. */
export function useFormat() {
  const { i18n } = useLingui()
  const { units } = usePreferences()
  const locale = regional(i18n.locale)
  return useMemo(
    () => ({
      locale,
      units,
      number: (value: number, decimals = 0) => formatNumber(value, decimals, locale),
      quantity: (name: Quantity, value: number | null | undefined) => formatQuantity(name, value, units, locale),
      /** Like `18.2 °C`; an em dash where there is no value. */
      text: (name: Quantity, value: number | null | undefined) => {
        const formatted = formatQuantity(name, value, units, locale)
        return formatted === null ? '—' : `${formatted.text}${formatted.unit === '' || formatted.unit === '°' ? '' : '\u202f'}${formatted.unit}`
      },
      label: (name: Quantity) => {
        const spec = quantity(name)
        return spec === undefined ? name : i18n._(spec.label)
      },
      distance: (km: number) => formatDistance(km, units, locale),
      altitude: (metres: number) => formatAltitude(metres, units, locale),
      bytes: (bytes: number) => formatBytes(bytes, locale),
      age: (ms: number, style: 'long' | 'narrow' = 'narrow') => formatAge(ms, locale, style),
      duration: (ms: number) => formatDuration(ms, locale),
      dateTime: (at: number) => formatDateTime(at, locale),
      time: (at: number) => formatTime(at, locale),
      second: (at: number) => formatSecond(at, locale),
      day: (at: number) => formatDay(at, locale),
    }),
    [i18n, locale, units],
  )
}

/** One clock for everything that shows an age, which rests while nobody looks. */
const clock = { now: Date.now(), timer: 0, listeners: new Set<() => void>() }

function tick(): void {
  if (document.hidden) return
  clock.now = Date.now()
  clock.listeners.forEach((listener) => { listener(); })
}
document.addEventListener('visibilitychange', tick)

function subscribe(listener: () => void): () => void {
  if (clock.listeners.size === 0) {
    clock.now = Date.now()
    clock.timer = window.setInterval(tick, 5000)
  }
  clock.listeners.add(listener)
  return () => {
    clock.listeners.delete(listener)
    if (clock.listeners.size === 0) window.clearInterval(clock.timer)
  }
}

/** The time of day, to five seconds. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => clock.now)
}
