import { useLingui } from '@lingui/react/macro'
import { useFormat } from '@/format/hooks'
import { beaufort, compassPoint } from '@/format/wind'
import type { Wind } from './model'

/** Says a wind in words: speed, the point of the compass that it comes from, and its force. */
export function useWindWords(): (wind: Wind | null) => string {
  const { t, i18n } = useLingui()
  const { text } = useFormat()
  return (wind) => {
    if (wind === null) return '—'
    const speed = text('wind_speed_ms', wind.speed)
    const force = beaufort(wind.speed)
    if (force === 0) return t`${speed}, calm`
    if (wind.direction === null) return t`${speed}, force ${force}`
    const point = i18n._(compassPoint(wind.direction))
    return t`${speed} from ${point}, force ${force}`
  }
}
