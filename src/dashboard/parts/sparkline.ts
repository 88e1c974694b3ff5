// A line without axes: how something went, beside what it is now.
import { s } from './dom.ts'
import type { Line } from './recent.ts'
import { HEIGHT, pathsOf, WIDTH } from './spark-paths.ts'

export class Sparkline {
  readonly #area = s('path', { class: 'area' })
  readonly #line = s('path', { class: 'line' })
  readonly element = s('svg', { class: 'sparkline', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, this.#area, this.#line)

  update({ at, values }: Line, forSec: number): void {
    const { line, area } = pathsOf(at, values, forSec)
    this.#line.setAttribute('d', line)
    this.#area.setAttribute('d', area)
  }
}
