// What was read of one value in a window, and the one value that is made of it.
// Rules:
// - Values out of range take no part as long as there is one in range: a spike must not move a mean.
// - true, false and texts have no mean: the last one counts, whatever is asked for. What had no value does not count beside numbers.
// - Memory is bounded: of more than MEDIAN_MAX numbers a median is that of every second, fourth, eighth … one.
import type { WindowWord } from '../../config/config.ts'
import type { Value } from './shape.ts'

const MEDIAN_MAX = 1024

export class Window {
  readonly #of: WindowWord
  #last: Value | null = null
  #lastBad: Value | null = null
  #count = 0
  #sum = 0
  #min = Infinity
  #max = -Infinity
  #kept: number[] = []
  /** Every so many-th number is kept. */
  #stride = 1

  constructor(of: WindowWord) {
    this.#of = of
  }

  add(value: Value): void {
    if (!value.isInRange) {
      this.#lastBad = value
      return
    }
    this.#last = value
    if (typeof value.value !== 'number') return
    if (this.#of === 'median' && this.#count % this.#stride === 0) this.#keep(value.value)
    this.#count++
    this.#sum += value.value
    this.#min = Math.min(this.#min, value.value)
    this.#max = Math.max(this.#max, value.value)
  }

  /** The value of the window, which is empty then; null when there was none. `round` is for what is computed. */
  take(round: (value: number) => number | null): Value | null {
    const last = this.#last ?? this.#lastBad
    const value = last !== null && last.isInRange && this.#hasNumber(last) ? { ...last, value: round(this.#number()) } : last
    this.#last = null
    this.#lastBad = null
    this.#count = 0
    this.#sum = 0
    this.#min = Infinity
    this.#max = -Infinity
    this.#kept = []
    this.#stride = 1
    return value
  }

  #hasNumber({ value }: Value): boolean {
    return typeof value === 'number' || (value === null && this.#of !== 'last' && this.#count > 0)
  }

  #number(): number {
    switch (this.#of) {
      case 'last':
        return Number(this.#last!.value)
      case 'mean':
        return this.#sum / this.#count
      case 'median':
        return median(this.#kept)
      case 'min':
        return this.#min
      case 'max':
        return this.#max
    }
  }

  #keep(value: number): void {
    if (this.#kept.length === MEDIAN_MAX) {
      this.#kept = this.#kept.filter((_, i) => i % 2 === 0)
      this.#stride *= 2
      if (this.#count % this.#stride !== 0) return
    }
    this.#kept.push(value)
  }
}

/** Of an even number of values the mean of the middle two. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
