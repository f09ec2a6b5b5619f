import { barb } from '@/format/wind'

// Wind barbs after the WMO's station model (Manual on the GDPFS, WMO-No. 485, appendix 2.2.3): the staff lies on the side
// that the wind comes from, and the feathers on the side of low pressure, which is left of the wind's way in the north and
// right of it in the south. Calm is a ring around the station.

/** Where the staff leaves the station's disc, and where it ends. */
const [FOOT, TOP] = [16, 46]
const [FEATHER, SLANT, STEP] = [13, 4, 5]
/** What strokes and their halo need around them. */
const PAD = 3
/** A picture holds the barb and no more, so that names keep off the barb, and off nothing else. */
const [WIDE, HIGH] = [FEATHER + 2 * PAD, TOP + SLANT - FOOT + 2 * PAD]
/** The radius of the ring of a calm, and the side of the square that it is drawn in. */
const RING = FOOT + 2
const CALM = 2 * (RING + PAD)

/** How far the middle of a barb's picture lies from the station, in CSS pixels, for wind from the north. */
export const BARB_OFFSET = { northern: [FEATHER / 2, -(TOP + SLANT + FOOT) / 2], southern: [-FEATHER / 2, -(TOP + SLANT + FOOT) / 2] } as const

export type Point = readonly [number, number]

/** What a barb is drawn of, around (0, 0), for wind from the north: x to the right, y down. */
export interface BarbShape {
  readonly lines: readonly (readonly [Point, Point])[]
  readonly pennants: readonly (readonly [Point, Point, Point])[]
  readonly calm: boolean
}

/** Returns the barb of a wind in multiples of 5 knots. */
export function barbShape(fives: number, isSouthern: boolean): BarbShape {
  if (fives <= 0) return { lines: [], pennants: [], calm: true }
  const side = isSouthern ? -1 : 1
  const lines: (readonly [Point, Point])[] = [[[0, -FOOT], [0, -TOP]]]
  const pennants: (readonly [Point, Point, Point])[] = []
  let y = -TOP
  for (let left = Math.floor(fives / 10); left > 0; left -= 1) {
    pennants.push([[0, y], [side * FEATHER, y + STEP / 2], [0, y + STEP]])
    y += STEP + 1
  }
  for (let left = Math.floor((fives % 10) / 2); left > 0; left -= 1) {
    lines.push([[0, y], [side * FEATHER, y - SLANT]])
    y += STEP
  }
  if (fives % 2 === 1) {
    // A half feather alone stands a step down, so that it cannot be taken for a whole one.
    if (fives === 1) y += STEP
    lines.push([[0, y], [(side * FEATHER) / 2, y - SLANT / 2]])
  }
  return { lines, pennants, calm: false }
}

/** The most that a barb shows: 250 knots, more than any wind. */
const MOST = 50

/** Returns the name of the picture of a wind, which [`barbOf`] reads. */
export function barbName(ms: number, latitude: number): string {
  const { pennants, feathers, halves } = barb(Math.min(MOST * 5, Math.max(0, ms)))
  return `barb-${latitude < 0 ? 's' : 'n'}-${String(Math.min(MOST, pennants * 10 + feathers * 2 + halves))}`
}

/** Returns the barb that a picture's name stands for. */
export function barbOf(name: string): BarbShape | null {
  const match = /^barb-([ns])-(\d{1,2})$/.exec(name)
  return match === null ? null : barbShape(Number(match[2]), match[1] === 's')
}

/** Draws a barb, with a halo of the ground's colour so that it stands out from what lies under it. */
export function drawBarb(shape: BarbShape, ink: string, halo: string, ratio: number): ImageData | null {
  const canvas = document.createElement('canvas')
  const [width, height] = shape.calm ? [CALM, CALM] : [WIDE, HIGH]
  canvas.width = width * ratio
  canvas.height = height * ratio
  const context = canvas.getContext('2d')
  if (context === null) return null
  context.scale(ratio, ratio)
  const isSouthern = shape.lines.some(([, [x]]) => x < 0) || shape.pennants.some(([, [x]]) => x < 0)
  const [x, y] = isSouthern ? BARB_OFFSET.southern : BARB_OFFSET.northern
  context.translate(width / 2 - (shape.calm ? 0 : x), height / 2 - (shape.calm ? 0 : y))
  context.lineCap = 'round'
  context.lineJoin = 'round'
  for (const [colour, width] of [[halo, 4.5], [ink, 1.8]] as const) {
    context.strokeStyle = context.fillStyle = colour
    context.lineWidth = width
    context.beginPath()
    if (shape.calm) context.arc(0, 0, RING, 0, 2 * Math.PI)
    for (const [from, to] of shape.lines) {
      context.moveTo(...from)
      context.lineTo(...to)
    }
    context.stroke()
    for (const [a, b, c] of shape.pennants) {
      context.beginPath()
      context.moveTo(...a)
      context.lineTo(...b)
      context.lineTo(...c)
      context.closePath()
      context.fill()
      context.stroke()
    }
  }
  return context.getImageData(0, 0, canvas.width, canvas.height)
}
