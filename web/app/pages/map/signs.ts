import { barbOf, drawBarb } from './barbs'
import type { Ink } from './layers'

/** How many pixels of a picture stand for one of the page. */
const RATIO = 2
/** Side of the square of a bridge's sign. */
const BRIDGE = 16
/** A pin: its width, its height, and the radius of its head. Its point is the middle of the lower edge. */
const [WIDE, HIGH, HEAD] = [34, 42, 14]

/** A picture of the map, and how much finer it is than the page. */
export interface Sign {
  readonly image: ImageData
  readonly pixelRatio: number
}

/** Returns the name of the pin with this character in it; without one it has a dot. */
export function pinName(icon: string): string {
  return `pin:${icon}`
}

/** What the names of pins begin with that stand for several places; their number follows. */
export const PINS = 'pins:'

/** Draws the picture of a name: a barb, a bridge, a pin. Nothing if it is the name of none. */
export function drawSign(name: string, ink: Ink): Sign | null {
  const barb = barbOf(name)
  if (barb !== null) return made(drawBarb(barb, ink.text, ink.halo, RATIO))
  if (name === 'bridge-online' || name === 'bridge-offline') return made(drawBridge(name === 'bridge-online', ink))
  if (name.startsWith(PINS)) return made(drawPin(name.slice(PINS.length), true, ink))
  if (name.startsWith(pinName(''))) return made(drawPin(name.slice(pinName('').length), false, ink))
  return null
}

const made = (image: ImageData | null): Sign | null => (image === null ? null : { image, pixelRatio: RATIO })

function canvasOf(width: number, height: number): CanvasRenderingContext2D | null {
  const canvas = document.createElement('canvas')
  canvas.width = width * RATIO
  canvas.height = height * RATIO
  const context = canvas.getContext('2d')
  context?.scale(RATIO, RATIO)
  return context
}

const imageOf = (context: CanvasRenderingContext2D): ImageData => context.getImageData(0, 0, context.canvas.width, context.canvas.height)

/** A mast with waves, or a cross if it is not connected. */
function drawBridge(isOnline: boolean, ink: Ink): ImageData | null {
  const context = canvasOf(BRIDGE, BRIDGE)
  if (context === null) return null
  context.translate(BRIDGE / 2, BRIDGE / 2)
  context.strokeStyle = context.fillStyle = isOnline ? ink.accent : ink.bad
  context.lineWidth = 1.5
  context.lineCap = 'round'
  context.beginPath()
  if (isOnline) {
    context.moveTo(0, -1)
    context.lineTo(0, 5)
    for (const [from, to] of [[-0.9, 0.9], [Math.PI - 0.9, Math.PI + 0.9]] as const) {
      context.moveTo(4 * Math.cos(from), -2 + 4 * Math.sin(from))
      context.arc(0, -2, 4, from, to)
    }
  } else {
    context.moveTo(-3, -3)
    context.lineTo(3, 3)
    context.moveTo(3, -3)
    context.lineTo(-3, 3)
  }
  context.stroke()
  if (isOnline) {
    context.beginPath()
    context.arc(0, -2, 1.3, 0, 2 * Math.PI)
    context.fill()
  }
  return imageOf(context)
}

/** A pin with a character or a number in its head. A character may be any that somebody sent: it is made to fit. */
function drawPin(text: string, isNumber: boolean, ink: Ink): ImageData | null {
  const context = canvasOf(WIDE, HIGH)
  if (context === null) return null
  const [x, y] = [WIDE / 2, HEAD + 2]
  context.beginPath()
  context.arc(x, y, HEAD, 0.8 * Math.PI, 0.2 * Math.PI)
  context.lineTo(x, HIGH - 1)
  context.closePath()
  context.fillStyle = isNumber ? ink.accent : ink.surface
  context.strokeStyle = isNumber ? ink.surface : ink.accent
  context.lineWidth = 2
  context.lineJoin = 'round'
  context.fill()
  context.stroke()
  if (text === '') {
    context.beginPath()
    context.arc(x, y, 4.5, 0, 2 * Math.PI)
    context.fillStyle = ink.accent
    context.fill()
    return imageOf(context)
  }
  context.font = `${isNumber ? '600 12px' : '16px'} "Inter Variable", system-ui, sans-serif`
  context.textAlign = 'center'
  context.textBaseline = 'alphabetic'
  context.fillStyle = isNumber ? ink.surface : ink.text
  // What lies where in a character differs from one to the next: it is its ink that stands in the middle.
  const { actualBoundingBoxAscent: up, actualBoundingBoxDescent: down } = context.measureText(text)
  context.fillText(text, x, y + (up - down) / 2, 2 * HEAD - 6)
  return imageOf(context)
}
