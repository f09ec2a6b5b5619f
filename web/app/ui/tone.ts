/** What a colour says; an icon or words beside it say the same. */
export type Tone = 'neutral' | 'accent' | 'good' | 'warn' | 'bad' | 'info'

/** Ink on a soft ground. */
export const SOFT: Record<Tone, string> = {
  neutral: 'bg-sunken text-ink',
  accent: 'bg-accent-soft text-accent-ink',
  good: 'bg-good-soft text-good',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  info: 'bg-info-soft text-info',
}

/** Ink alone. */
export const INK: Record<Tone, string> = {
  neutral: 'text-muted', accent: 'text-accent-ink', good: 'text-good', warn: 'text-warn', bad: 'text-bad', info: 'text-info',
}

/** A full ground, for bars and dots. */
export const FILL: Record<Tone, string> = {
  neutral: 'bg-muted', accent: 'bg-accent', good: 'bg-good', warn: 'bg-warn', bad: 'bg-bad', info: 'bg-info',
}
