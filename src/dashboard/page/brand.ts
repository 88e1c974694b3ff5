// The mark: a sandpiper, as on the icon of the page.
import { s } from '../parts/dom.ts'

export function mark(): SVGSVGElement {
  return s('svg', { class: 'mark', viewBox: '0 0 32 32', 'aria-hidden': 'true' },
    s('path', { class: 'mark-lines', d: 'M4.5 11.5 11 10.2M17 21.5 16 27M20.5 21.5V27' }),
    s('path', { class: 'mark-body', d: 'M11 9.8a2.9 2.9 0 0 1 5.6-.8c1 2.5 3 3.2 5.4 4.6L27.5 17c-2.5 3.4-6 4.6-9.2 4.3-4-.4-6.5-3.5-6.2-7.3z' }))
}
