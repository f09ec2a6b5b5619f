import { Link } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'
import { nodeName, safeName } from '@/format/names'
import { toneOfSnr } from '@/format/signal'
import { cx } from '@/ui/cx'
import { type Layout, layoutOf, type Spot } from './layout'
import type { Place, Topology } from './model'

/** Up to so many nodes have their names beside them, and up to so many their short ones. */
const NAMED = 60
const SHORT = 250
/** Room for names beside the outermost ring, and for its dots above and below. */
const BESIDE = 130
const ABOVE = 30

const STROKE = { good: 'stroke-good', warn: 'stroke-warn', bad: 'stroke-bad', info: 'stroke-info', neutral: 'stroke-line-strong', accent: 'stroke-accent' } as const
const dash = (snr: number | null) => (snr === null ? '1 4' : { good: undefined, warn: '8 4', bad: '3 4' }[toneOfSnr(snr).tone as 'good' | 'warn' | 'bad'])

interface GraphProps {
  readonly topology: Topology
  /** The way that is looked at: a node, and those through which it reaches its bridge. */
  readonly way: readonly Place[]
  readonly label: string
  /** 1 shows all of it, more looks closer. */
  readonly zoom: number
}

/** The mesh as rings around its bridges. It says nothing that the table beside it does not, and is hidden from who reads that. */
export function Graph({ topology, way, label, zoom }: GraphProps) {
  const layout = useMemo(() => layoutOf(topology.places), [topology.places])
  const onWay = useMemo(() => new Set(way.map(({ id }) => id)), [way])
  const [width, height] = [layout.radius + BESIDE, layout.radius + ABOVE]
  const dimmed = onWay.size > 0
  return (
    <div className="max-h-[70vh] overflow-auto" data-testid="graph">
      <svg aria-hidden viewBox={`${String(-width)} ${String(-height)} ${String(2 * width)} ${String(2 * height)}`} className="mx-auto block" style={{ width: `${String(zoom * 100)}%`, maxWidth: `${String(zoom * 52)}rem` }}>
        <title>{label}</title>
        {layout.rings.map((radius, hops) => (radius === 0 ? null : <circle key={hops} r={radius} className="fill-none stroke-line" strokeWidth={1} />))}
        <Edges topology={topology} layout={layout} onWay={onWay} />
        {topology.places.map((place) => {
          const spot = layout.spots.get(place.id)
          return spot === undefined ? null : <Dot key={place.id} place={place} spot={spot} count={layout.spots.size} isDimmed={dimmed && !onWay.has(place.id)} isChosen={way[0]?.id === place.id} />
        })}
      </svg>
    </div>
  )
}

function Edges({ topology, layout, onWay }: { readonly topology: Topology; readonly layout: Layout; readonly onWay: ReadonlySet<string> }) {
  const next = useMemo(() => new Map(topology.places.map(({ id, next: to }) => [id, to])), [topology.places])
  const lines: { readonly line: ReactNode; readonly isWay: boolean }[] = topology.edges.flatMap(({ a, b, snr }) => {
    const [from, to] = [layout.spots.get(a), layout.spots.get(b)]
    if (from === undefined || to === undefined) return []
    const isWay = next.get(a) === b || next.get(b) === a
    const isChosen = isWay && onWay.has(a) && onWay.has(b)
    const look = isWay ? cx(snr === null ? 'stroke-muted' : STROKE[toneOfSnr(snr).tone], onWay.size > 0 && !isChosen && 'opacity-25') : cx('stroke-line-strong', onWay.size > 0 ? 'opacity-15' : 'opacity-50')
    const line = <line key={`${a}${b}`} x1={from.x} y1={from.y} x2={to.x} y2={to.y} className={look} strokeWidth={isChosen ? 4 : isWay ? 2 : 1} strokeDasharray={isWay ? dash(snr) : '1 5'} strokeLinecap="round" />
    return [{ line, isWay }]
  })
  // The ways lie over what is heard besides.
  return <>{lines.filter(({ isWay }) => !isWay).map(({ line }) => line)}{lines.filter(({ isWay }) => isWay).map(({ line }) => line)}</>
}

interface DotProps {
  readonly place: Place
  readonly spot: Spot
  readonly count: number
  readonly isDimmed: boolean
  readonly isChosen: boolean
}

function Dot({ place, spot, count, isDimmed, isChosen }: DotProps) {
  const { id, node, isBridge, dependents } = place
  const named = node ?? { node_id: id }
  const text = count <= NAMED ? nodeName(named) : count <= SHORT ? safeName(node?.short_name, id.slice(-4)) : ''
  const radius = isBridge ? 13 : dependents > 0 ? 11 : 7
  // Names lie outside, on the side of the picture where there is room for them.
  const isRight = Math.cos(spot.angle) >= 0
  const isMiddle = Math.hypot(spot.x, spot.y) < 1
  return (
    <Link to="/network/topology" search={{ node: isChosen ? undefined : id }} replace resetScroll={false} tabIndex={-1} className={cx('cursor-pointer', isDimmed && 'opacity-35')}>
      <title>{nodeName(named)}</title>
      {/* What a finger hits. */}
      <circle cx={spot.x} cy={spot.y} r={18} className="fill-transparent" />
      <circle
        cx={spot.x} cy={spot.y} r={radius} strokeWidth={isChosen ? 4 : 2}
        className={isBridge ? 'fill-accent stroke-surface' : dependents > 0 ? 'fill-warn-soft stroke-warn' : node?.station === true ? 'fill-accent-soft stroke-accent' : 'fill-sunken stroke-muted'}
      />
      {dependents > 0 && <text x={spot.x} y={spot.y} dy="0.36em" textAnchor="middle" className={cx('tabular text-[11px] font-semibold', isBridge ? 'fill-on-accent' : 'fill-warn')}>{dependents}</text>}
      <text
        x={isMiddle ? 0 : spot.x + (isRight ? radius + 5 : -radius - 5)} y={isMiddle ? radius + 16 : spot.y} dy={isMiddle ? 0 : '0.36em'} textAnchor={isMiddle ? 'middle' : isRight ? 'start' : 'end'}
        className="foreign fill-ink stroke-surface text-[12px] font-medium [paint-order:stroke]" strokeWidth={3}
      >
        {text.length > 18 ? `${Array.from(text).slice(0, 17).join('')}…` : text}
      </text>
    </Link>
  )
}
