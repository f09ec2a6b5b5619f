import { useNow } from '@/format/hooks'
import { parseTime } from '@/format/time'

/**
 * The server's time, as far as an answer tells it: its time when it answered, and what has passed since. Whether a bridge is
 * silent must not hang on the clock of a phone.
 */
export function useServerNow(answer: { readonly at: string } | undefined, readAt: number): number {
  const now = useNow()
  return serverNow(answer?.at, readAt, now)
}

/** The same for a moment of this device's clock. */
export function serverNow(answeredAt: string | undefined, readAt: number, now: number): number {
  const answered = parseTime(answeredAt)
  return answered === null ? now : answered + Math.max(0, now - readAt)
}
