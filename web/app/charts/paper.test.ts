import { describe, expect, it } from 'vitest'
import { Paper, Path } from './paper'

const shown = (draw: (paper: Paper) => void) => {
  const paper = new Paper({ width: 200, height: 100 })
  paper.clearRect()
  draw(paper)
  paper.show()
  return paper.svg
}

describe('a path', () => {
  it('says in SVG what was drawn, and goes on from another', () => {
    const line = new Path()
    line.moveTo(1, 2)
    line.lineTo(3.14159, 4)
    const area = new Path(line)
    area.lineTo(3, 9)
    expect(line.d).toBe('M1 2L3.14 4')
    expect(area.d).toBe('M1 2L3.14 4L3 9')
  })

  it('begins where a line is drawn to first, as Path2D does', () => {
    const line = new Path()
    line.lineTo(5, 6)
    expect(line.d).toBe('M5 6')
  })

  it('has rectangles and circles', () => {
    const path = new Path()
    path.rect(1, 2, 10, 20)
    path.arc(5, 5, 2)
    expect(path.d).toBe('M1 2h10v20h-10zM7 5A2 2 0 1 1 3 5A2 2 0 1 1 7 5z')
  })
})

describe('paper', () => {
  it('shows lines with the ink they were drawn with', () => {
    const svg = shown((paper) => {
      paper.strokeStyle = 'red'
      paper.lineWidth = 2
      paper.setLineDash([7, 3])
      paper.translate(0.5, 0.5)
      paper.beginPath()
      paper.moveTo(0, 0)
      paper.lineTo(10, 10)
      paper.stroke()
    })
    const line = svg.querySelector('path')
    expect(svg.getAttribute('viewBox')).toBe('0 0 200 100')
    expect(line?.getAttribute('d')).toBe('M0 0L10 10')
    expect(line?.style.stroke).toBe('red')
    expect(line?.getAttribute('stroke-dasharray')).toBe('7 3')
    expect(line?.getAttribute('transform')).toBe('translate(0.5 0.5)')
  })

  it('cuts off what is clipped until it is restored', () => {
    const [inside, outside] = [new Path(), new Path()]
    inside.rect(0, 0, 5, 5)
    outside.rect(9, 9, 5, 5)
    const svg = shown((paper) => {
      paper.fillStyle = 'blue'
      paper.save()
      paper.clip(inside)
      paper.fill(outside)
      paper.restore()
      paper.fill(outside)
    })
    const [cut, whole] = [...svg.querySelectorAll<SVGElement>('path[style]')]
    const id = /url\(#(.+)\)/.exec(cut?.closest('g[clip-path]')?.getAttribute('clip-path') ?? '')?.[1] ?? '?'
    expect(svg.querySelector(`#${id} path`)?.getAttribute('d')).toBe(inside.d)
    expect(whole?.closest('g[clip-path]')).toBeNull()
  })

  it('writes text as text, and draws nothing with ink that is not seen', () => {
    const svg = shown((paper) => {
      paper.fillStyle = 'black'
      paper.textAlign = 'right'
      paper.fillText('<b>20 °C</b>', 50, 10)
      paper.strokeStyle = 'transparent'
      paper.beginPath()
      paper.lineTo(1, 1)
      paper.stroke()
    })
    expect(svg.querySelector('text')?.textContent).toBe('<b>20 °C</b>')
    expect(svg.querySelector('text')?.getAttribute('text-anchor')).toBe('end')
    expect(svg.querySelectorAll('path, b')).toHaveLength(0)
  })

  it('keeps what is shown until the next drawing is done', () => {
    const paper = new Paper({ width: 200, height: 100 })
    paper.fillStyle = 'black'
    paper.clearRect()
    paper.fillText('before', 0, 0)
    paper.show()
    paper.clearRect()
    paper.fillText('after', 0, 0)
    expect(paper.svg.textContent).toBe('before')
    paper.show()
    expect(paper.svg.textContent).toBe('after')
  })
})
