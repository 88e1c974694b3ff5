// Steps → as many points as somebody wants to see: of each point the least, the largest and the mean of all values that came in its time. Pure.
//
// Points lie on a grid of the wall clock's, so that the same question a minute later has the same points and one more. A step counts where its middle is: with
// points as long as steps each step has its own, wherever the steps of that run of the gateway begin.
import type { Cells } from './cells.ts'

/** Wall milliseconds. */
export interface Grid {
  readonly startMs: number
  readonly pointMs: number
  readonly points: number
}

export interface Points {
  /** Unix seconds: when each begins. */
  readonly at: readonly number[]
  readonly mean: readonly (number | null)[]
  readonly min: readonly (number | null)[]
  readonly max: readonly (number | null)[]
}

/** A mean of 21.4 and 21.5 is 21.45, not 21.450000000000003. */
const DIGITS = 12

/** The last `forMs` in `pointsMax` points at most, each of whole steps; now is in the last. */
export function gridOf(nowMs: number, forMs: number, stepMs: number, pointsMax: number): Grid {
  const pointMs = stepMs * Math.max(1, Math.ceil(forMs / stepMs / pointsMax))
  const points = Math.ceil(forMs / pointMs)
  const endMs = (Math.floor(nowMs / pointMs) + 1) * pointMs
  return { startMs: endMs - points * pointMs, pointMs, points }
}

export class Chart {
  readonly #grid: Grid
  readonly #count: Float64Array
  readonly #sum: Float64Array
  readonly #min: Float64Array
  readonly #max: Float64Array

  constructor(grid: Grid) {
    this.#grid = grid
    this.#count = new Float64Array(grid.points)
    this.#sum = new Float64Array(grid.points)
    this.#min = new Float64Array(grid.points).fill(Infinity)
    this.#max = new Float64Array(grid.points).fill(-Infinity)
  }

  /** Steps of `stepMs` from `startMs` on (wall milliseconds). */
  add(startMs: number, stepMs: number, { count, mean, min, max }: Cells): void {
    const grid = this.#grid
    for (let i = 0; i < count.length; i++) {
      const n = count[i]!
      if (n === 0) continue
      const point = Math.floor((startMs + (i + 0.5) * stepMs - grid.startMs) / grid.pointMs)
      if (point < 0 || point >= grid.points) continue
      this.#count[point]! += n
      this.#sum[point]! += n * mean[i]!
      this.#min[point] = Math.min(this.#min[point]!, min[i]!)
      this.#max[point] = Math.max(this.#max[point]!, max[i]!)
    }
  }

  get points(): Points {
    const { startMs, pointMs, points } = this.#grid
    const of = (value: (i: number) => number) => Array.from({ length: points }, (_, i) => (this.#count[i] === 0 ? null : value(i)))
    return {
      at: Array.from({ length: points }, (_, i) => (startMs + i * pointMs) / 1000),
      mean: of((i) => Number((this.#sum[i]! / this.#count[i]!).toPrecision(DIGITS))),
      min: of((i) => this.#min[i]!),
      max: of((i) => this.#max[i]!),
    }
  }
}
