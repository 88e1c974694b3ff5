// Numbers that have a common step their format does not know of: a column that was new had too few of them to tell.
import { divisor } from './formats.ts'
import type { NumberFormat } from './number-format.ts'
import type { NumberColumn } from './state.ts'

/** So many changes have to be multiples of the step: of two, it would be chance once in 65,536 columns. */
const CHANGES_MIN = 16
const STEP_END = 2 ** 32

interface Seen {
  last: number
  /** Divides all changes; 0 at first. */
  step: number
  changes: number
}

/** Of one frame. */
export class Steps {
  readonly #columns = new Map<NumberColumn, Seen>()

  /** The next number of a column: the format that it is better written in from here on; null: it may stay as it is. */
  next(number: NumberColumn, value: number): NumberFormat | null {
    const { format } = number
    if (format.factor !== 1 || format.halvings !== 0 || format.offset !== 0 || format.clock !== 0) return null
    const seen = this.#columns.get(number)
    if (seen === undefined) {
      this.#columns.set(number, { last: value, step: 0, changes: 0 })
      return null
    }
    if (seen.step === 1 || value === seen.last) return null
    seen.step = divisor(seen.step, Math.abs(value - seen.last))
    seen.last = value
    seen.changes++
    const { step } = seen
    if (step === 1 || step >= STEP_END || seen.changes < CHANGES_MIN) return null
    return { ...format, factor: step, offset: ((value % step) + step) % step }
  }
}
