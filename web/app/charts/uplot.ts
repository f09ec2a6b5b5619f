// The library is a chunk of its own: the board is there, with its buttons and figures, before the drawing is.
import 'uplot/dist/uPlot.min.css'

export { default } from 'uplot'
