import { inkOf } from './draw'
import type { Form } from './panels'

/** A piece of a line, bar or arrow as the chart draws it. */
export function Key({ index, form }: { readonly index: number; readonly form: Form }) {
  const { stroke, dash } = inkOf(index)
  return (
    <svg aria-hidden width="18" height="10" className="shrink-0 self-center">
      {form === 'bars' && <rect x="3" y="1" width="12" height="8" style={{ fill: stroke }} />}
      {form === 'line' && <line x1="0" y1="5" x2="18" y2="5" style={{ stroke }} strokeWidth="2" strokeDasharray={dash.join(' ')} />}
      {form === 'arrows' && <path d="M2 5H15M11 1.5 15 5 11 8.5" fill="none" style={{ stroke }} strokeWidth="1.75" />}
    </svg>
  )
}
