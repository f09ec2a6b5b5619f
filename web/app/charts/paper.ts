/**
 * What uPlot draws upon: SVG instead of a canvas. The first stroke upon a canvas waits for a context in the graphics process, a
 * quarter of a second in which no key is heard where that process draws in software; SVG is drawn with the rest of the page. Its colours
 * are the theme's by themselves, and its letters those of the font once that is there. The build puts both names into uPlot, in place
 * of `Path2D` and of the canvas's context (`vite.config.ts`); of either there is what uPlot and the forms of `draw.ts` use.
 */
const SVG = 'http://www.w3.org/2000/svg'
const ANCHORS: Readonly<Record<string, string>> = { center: 'middle', right: 'end', end: 'end' }
const BASELINES: Readonly<Record<string, string>> = { top: 'text-before-edge', middle: 'central', bottom: 'text-after-edge' }

/** Clip paths have ids that are one chart's alone. */
let clips = 0

/** A hundredth of a pixel is finer than anything that is seen. */
const short = (value: number) => Math.round(value * 100) / 100

/** Lines that are collected, then stroked, filled or cut along. */
export class Path {
  /** As the attribute `d` of SVG takes them. */
  d: string

  constructor(other?: Path) { this.d = other?.d ?? '' }

  moveTo(x: number, y: number): void { this.d += `M${String(short(x))} ${String(short(y))}` }
  lineTo(x: number, y: number): void { this.d += `${this.d === '' ? 'M' : 'L'}${String(short(x))} ${String(short(y))}` }
  closePath(): void { this.d += 'z' }

  rect(x: number, y: number, width: number, height: number): void {
    this.d += `M${String(short(x))} ${String(short(y))}h${String(short(width))}v${String(short(height))}h${String(short(-width))}z`
  }

  /** A whole circle: uPlot asks for no other arc. */
  arc(x: number, y: number, radius: number): void {
    const half = (at: number) => `A${String(short(radius))} ${String(short(radius))} 0 1 1 ${String(short(at))} ${String(short(y))}`
    this.d += `M${String(short(x + radius))} ${String(short(y))}${half(x - radius)}${half(x + radius)}z`
  }
}

interface Pen {
  readonly strokeStyle: string
  readonly fillStyle: string
  readonly lineWidth: number
  readonly lineCap: string
  readonly lineJoin: string
  readonly globalAlpha: number
  readonly dash: readonly number[]
  readonly shift: readonly [number, number]
  readonly group: Element
}

/** Takes what a canvas's context takes, as far as charts need it, and shows it as SVG. */
export class Paper {
  /** What is seen, which stands where the canvas would. */
  readonly svg: SVGSVGElement
  strokeStyle = 'none'
  fillStyle = 'none'
  lineWidth = 1
  lineCap = 'butt'
  lineJoin = 'miter'
  globalAlpha = 1
  font = ''
  textAlign = 'start'
  textBaseline = 'alphabetic'
  private dash: readonly number[] = []
  private shift: readonly [number, number] = [0, 0]
  private path = new Path()
  private layer: Element
  private group: Element
  private readonly saved: Pen[] = []

  constructor(private readonly canvas: { readonly width: number; readonly height: number }) {
    this.svg = document.createElementNS(SVG, 'svg')
    this.svg.setAttribute('class', 'relative block size-full')
    this.svg.setAttribute('preserveAspectRatio', 'none')
    this.layer = document.createElementNS(SVG, 'g')
    this.group = this.layer
  }

  /** Begins anew. What was shown stays until `show`. */
  clearRect(): void {
    this.layer = document.createElementNS(SVG, 'g')
    this.group = this.layer
  }

  /** Shows what was drawn since the last `clearRect`, all at once. */
  show(): void {
    this.svg.setAttribute('viewBox', `0 0 ${String(this.canvas.width)} ${String(this.canvas.height)}`)
    this.svg.replaceChildren(this.layer)
  }

  save(): void {
    const { strokeStyle, fillStyle, lineWidth, lineCap, lineJoin, globalAlpha, dash, shift, group } = this
    this.saved.push({ strokeStyle, fillStyle, lineWidth, lineCap, lineJoin, globalAlpha, dash, shift, group })
  }

  restore(): void { Object.assign(this, this.saved.pop()) }

  translate(x: number, y: number): void { this.shift = [this.shift[0] + x, this.shift[1] + y] }
  setLineDash(dash: readonly number[]): void { this.dash = dash }
  beginPath(): void { this.path = new Path() }
  moveTo(x: number, y: number): void { this.path.moveTo(x, y) }
  lineTo(x: number, y: number): void { this.path.lineTo(x, y) }
  rect(x: number, y: number, width: number, height: number): void { this.path.rect(x, y, width, height) }

  /** Until `restore`, nothing is seen outside of this. */
  clip(path: Path = this.path): void {
    clips += 1
    const id = `chart-clip-${String(clips)}`
    const clip = this.add('clipPath', this.group)
    clip.id = id
    this.moved(this.add('path', clip)).setAttribute('d', path.d)
    this.group = this.add('g', this.group)
    this.group.setAttribute('clip-path', `url(#${id})`)
  }

  stroke(path: Path = this.path): void {
    if (path.d === '' || isNothing(this.strokeStyle)) return
    const line = this.inked('path')
    line.setAttribute('d', path.d)
    line.setAttribute('stroke-width', String(this.lineWidth))
    line.setAttribute('stroke-linecap', this.lineCap)
    line.setAttribute('stroke-linejoin', this.lineJoin)
    if (this.dash.length > 0) line.setAttribute('stroke-dasharray', this.dash.join(' '))
    line.style.fill = 'none'
    line.style.stroke = this.strokeStyle
  }

  fill(path: Path = this.path): void {
    if (path.d === '' || isNothing(this.fillStyle)) return
    const area = this.inked('path')
    area.setAttribute('d', path.d)
    area.style.fill = this.fillStyle
  }

  fillText(text: string, x: number, y: number): void {
    const words = this.inked('text')
    words.setAttribute('x', String(short(x)))
    words.setAttribute('y', String(short(y)))
    words.setAttribute('text-anchor', ANCHORS[this.textAlign] ?? 'start')
    words.setAttribute('dominant-baseline', BASELINES[this.textBaseline] ?? 'auto')
    words.style.font = this.font
    words.style.fill = this.fillStyle
    words.textContent = text
  }

  private inked(name: 'path' | 'text'): SVGElement {
    const element = this.moved(this.add(name, this.group))
    if (this.globalAlpha !== 1) element.setAttribute('opacity', String(this.globalAlpha))
    return element
  }

  private moved(element: SVGElement): SVGElement {
    const [x, y] = this.shift
    if (x !== 0 || y !== 0) element.setAttribute('transform', `translate(${String(x)} ${String(y)})`)
    return element
  }

  private add(name: 'path' | 'text' | 'g' | 'clipPath', parent: Element): SVGElement {
    return parent.appendChild(document.createElementNS(SVG, name))
  }
}

/** Ink that leaves nothing behind, as uPlot and this app write it. */
function isNothing(style: string): boolean {
  return style === 'none' || style === 'transparent' || style === '#0000'
}
