import { useLingui } from '@lingui/react/macro'
import { ChevronLeft, ChevronRight, Pause, Play } from 'lucide-react'
import { useFormat } from '@/format/hooks'
import { dateFormat } from '@/format/intl'
import { IconButton } from '@/ui/button'
import { cx } from '@/ui/cx'
import { HOURS } from './data'
import { HOUR } from './model'
import { SPEEDS, type usePlayer } from './player'

interface TimeSliderProps {
  /** The hour that is shown, counted from the beginning of the week; `HOURS` is the present. */
  readonly place: number
  /** When the week begins. */
  readonly start: number
  readonly player: ReturnType<typeof usePlayer>
  readonly isLoading: boolean
  /** Somebody is about to move it. */
  readonly onTouch: () => void
}

/** A week of hours to move through, by hand, by key or by itself. At its end is the present, which goes on by itself. */
export function TimeSlider({ place, start, player, isLoading, onTouch }: TimeSliderProps) {
  const { t } = useLingui()
  const format = useFormat()
  const isLive = place >= HOURS
  const at = start + place * HOUR
  const said = isLive ? t`Live` : `${format.day(at)}, ${format.time(at)}–${format.time(at + HOUR)}`
  return (
    // Who comes near is about to move it: the past is asked for meanwhile.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <section aria-label={t`Time`} className="flex items-center gap-1 rounded-xl border border-line bg-raised/95 p-1 shadow-pop" onPointerEnter={onTouch} onFocus={onTouch}>
      <IconButton label={player.isPlaying ? t`Pause` : t`Play the last week`} onClick={player.toggle}>
        {player.isPlaying ? <Pause aria-hidden className="size-5" /> : <Play aria-hidden className="size-5" />}
      </IconButton>
      <IconButton label={t`One hour back`} onClick={() => { player.step(-1) }} disabled={place <= 0} className="max-sm:hidden"><ChevronLeft aria-hidden className="size-5" /></IconButton>
      <div className="min-w-0 flex-1 px-1">
        <div className="tabular flex items-baseline justify-between gap-2 text-xs">
          <span data-testid="time" className={cx('truncate font-medium', isLoading && 'animate-pulse text-muted')}>{said}</span>
          {!isLive && <span className="hidden shrink-0 text-muted sm:inline">{t({ message: 'hourly means', comment: 'what the map shows of the past' })}</span>}
        </div>
        <div className="relative">
          <input
            type="range" min={0} max={HOURS} step={1} value={place} aria-label={t`Hour`} aria-valuetext={said}
            onChange={(event) => { player.go(Number(event.target.value)) }}
            className="block h-6 w-full cursor-pointer accent-(--accent)"
          />
          <Days start={start} />
        </div>
      </div>
      <IconButton label={t`One hour on`} onClick={() => { player.step(1) }} disabled={isLive} className="max-sm:hidden"><ChevronRight aria-hidden className="size-5" /></IconButton>
      <button
        type="button" className="tabular min-h-11 min-w-11 rounded-lg px-1 text-xs font-medium text-muted hover:bg-sunken hover:text-ink max-sm:hidden"
        onClick={() => { player.setSpeed(SPEEDS[(SPEEDS.indexOf(player.speed) + 1) % SPEEDS.length] ?? SPEEDS[0]) }}
        aria-label={t`Speed: ${player.speed} hours a second`} title={t`Speed: ${player.speed} hours a second`}
      >
        {player.speed}×
      </button>
      <button
        type="button" aria-pressed={isLive} onClick={() => { player.go(HOURS) }}
        className={cx('inline-flex min-h-11 items-center gap-1.5 rounded-lg px-3 text-sm font-semibold', isLive ? 'bg-accent-soft text-accent-ink' : 'text-muted hover:bg-sunken hover:text-ink')}
      >
        <span aria-hidden className={cx('size-2 rounded-full', isLive ? 'bg-accent' : 'bg-muted')} />
        {t`Live`}
      </button>
    </section>
  )
}

/** The midnights of the week, under the slider. */
function Days({ start }: { readonly start: number }) {
  const { locale } = useFormat()
  const days: { at: number; name: string }[] = []
  const midnight = new Date(start)
  midnight.setHours(24, 0, 0, 0)
  const weekday = dateFormat(locale, { weekday: 'short' })
  for (let day = 0; day < 7; day += 1, midnight.setDate(midnight.getDate() + 1)) {
    const at = (midnight.getTime() - start) / HOUR / HOURS
    if (at < 0.97) days.push({ at, name: weekday.format(midnight) })
  }
  return (
    <div aria-hidden className="relative mx-2 h-3.5 text-[0.625rem] leading-none text-muted max-sm:hidden">
      {days.map(({ at, name }) => <span key={at} className="absolute -translate-x-1/2" style={{ left: `${String(at * 100)}%` }}>{name}</span>)}
    </div>
  )
}
