// What has come in the steps of the block that is being filled: a row for each series, in a few long arrays. A value costs an addition and two comparisons.
import { type Cells, makeCells } from './cells.ts'

const ROWS_MIN = 16

export class Columns {
  readonly steps: number
  #rows = 0
  #count = new Uint32Array(0)
  #sum = new Float64Array(0)
  #min = new Float64Array(0)
  #max = new Float64Array(0)

  constructor(steps: number) {
    this.steps = steps
  }

  /** `step`: of the block, from 0. */
  add(row: number, step: number, value: number): void {
    if (row >= this.#rows) this.#grow(row + 1)
    const i = row * this.steps + step
    if (this.#count[i]!++ === 0) {
      this.#sum[i] = this.#min[i] = this.#max[i] = value
      return
    }
    this.#sum[i]! += value
    if (value < this.#min[i]!) this.#min[i] = value
    else if (value > this.#max[i]!) this.#max[i] = value
  }

  /** Of one series, as they are now. */
  cellsOf(row: number): Cells {
    const cells = makeCells(this.steps)
    if (row >= this.#rows) return cells
    const from = row * this.steps
    const to = from + this.steps
    cells.count.set(this.#count.subarray(from, to))
    cells.min.set(this.#min.subarray(from, to))
    cells.max.set(this.#max.subarray(from, to))
    for (let i = 0; i < this.steps; i++) if (cells.count[i]! > 0) cells.mean[i] = this.#sum[from + i]! / cells.count[i]!
    return cells
  }

  /** All of it: the next block begins. */
  clear(): void {
    this.#count.fill(0)
  }

  #grow(needed: number): void {
    this.#rows = Math.max(needed, ROWS_MIN, 2 * this.#rows)
    const length = this.#rows * this.steps
    this.#count = grown(this.#count, new Uint32Array(length))
    this.#sum = grown(this.#sum, new Float64Array(length))
    this.#min = grown(this.#min, new Float64Array(length))
    this.#max = grown(this.#max, new Float64Array(length))
  }
}

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
