import type { Tone } from '@/ui/tone'

/** How well a signal is received: above the noise is easy, far below it is the end. */
export function toneOfSnr(snr: number): { readonly tone: Tone; readonly bars: number } {
  if (snr >= 0) return { tone: 'good', bars: 4 }
  if (snr >= -7) return { tone: 'good', bars: 3 }
  return snr >= -13 ? { tone: 'warn', bars: 2 } : { tone: 'bad', bars: 1 }
}
