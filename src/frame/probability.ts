// How likely the next bit is. Counters remember what came in a context; a mixer weighs them, and learns whom to believe.
// Integers only, so that every implementation has the same numbers. Probabilities are of 65,536; their logits (ln(p / (1 - p))) are in 1/256.
import type { BitCoder } from './arithmetic.ts'
import { FrameError } from './error.ts'

/** The logistic function at -8, -7.5, … 8. Between them it is a straight line. */
const KNOTS = [
  22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816,
  65097, 65269, 65374, 65438, 65476, 65500, 65514,
]
const LOGIT_MAX = 2047

/** By logit + 2047, which is LOGIT_MAX. */
const SQUASH = new Uint16Array(2 * LOGIT_MAX + 1)
for (let i = 0; i < SQUASH.length; i++) {
  const part = (i + 1) & 127
  SQUASH[i] = (KNOTS[(i + 1) >> 7]! * (128 - part) + KNOTS[((i + 1) >> 7) + 1]! * part + 64) >> 7
}

/** By probability >> 4: the least logit whose probability is not below. */
const STRETCH = new Int16Array(4096).fill(LOGIT_MAX)
for (let logit = -LOGIT_MAX, from = 0; logit <= LOGIT_MAX; logit++) {
  for (const to = SQUASH[logit + LOGIT_MAX]! >> 4; from <= to; from++) STRETCH[from] = logit
}

export function squash(logit: number): number {
  return SQUASH[(logit > LOGIT_MAX ? LOGIT_MAX : logit < -LOGIT_MAX ? -LOGIT_MAX : logit) + LOGIT_MAX]!
}

/** By how often a counter was used: how fast it learns (of 16,384), and how much it has to say (of 256). */
const COUNT_MAX = 255
const RATE = new Uint16Array(COUNT_MAX + 1)
const WORTH = new Uint16Array(COUNT_MAX + 1)
for (let n = 0; n <= COUNT_MAX; n++) {
  RATE[n] = Math.floor(32768 / (2 * n + 3))
  WORTH[n] = Math.floor((256 * n) / (n + 1))
}

export const EVEN = 32768

/** Counters by number. */
export class Counters {
  one: Uint16Array
  seen: Uint8Array

  constructor(size: number) {
    this.one = new Uint16Array(size).fill(EVEN)
    this.seen = new Uint8Array(size)
  }

  /** Makes room for numbers below `size`. */
  grow(size: number): void {
    if (size <= this.one.length) return
    const { one, seen } = this
    this.one = new Uint16Array(Math.max(size, one.length * 2)).fill(EVEN)
    this.seen = new Uint8Array(this.one.length)
    this.one.set(one)
    this.seen.set(seen)
  }
}

/** A weight of 1. */
const UNIT = 16384
const WEIGHT_MAX = 8 * UNIT - 1
const WEIGHT_FIRST = 8000

/** Of the expectation, and of up to four counters. */
const INPUTS_MAX = 5

/** Those of `sets` sets that have learned nothing. */
export function firstWeights(sets: number): Int32Array {
  return new Int32Array(sets * INPUTS_MAX).map((_, i) => (i % INPUTS_MAX === 0 ? UNIT : WEIGHT_FIRST))
}

export class Mixer {
  readonly #coder: BitCoder
  readonly weights: Int32Array
  readonly #inputs = new Int32Array(INPUTS_MAX)
  /** The contexts of the next bit: numbers of counters. */
  readonly contexts = new Int32Array(INPUTS_MAX - 1)

  /** `weights`: of all sets, one behind the other. */
  constructor(coder: BitCoder, weights: Int32Array) {
    this.#coder = coder
    this.weights = weights
  }

  /** Codes a bit of which nothing is known. */
  even(bit: number): number {
    return this.#coder.code(bit, EVEN)
  }

  /** One of `items`, by its place, in as few even bits as that takes. */
  oneOf<T>(items: readonly T[], place: number): T {
    let coded = 0
    for (let bit = items.length === 1 ? -1 : Math.floor(Math.log2(items.length - 1)); bit >= 0; bit--) coded = coded * 2 + this.even((place >> bit) & 1)
    if (coded >= items.length) throw new FrameError(`the frame has number ${coded} of ${items.length}`)
    return items[coded]!
  }

  /** Codes a bit that is expected to be 1 with a probability of `expected`, as corrected by the first `count` of `contexts`, weighed by `set`. */
  code(bit: number, expected: number, counters: Counters, count: number, set: number): number {
    const { weights, contexts } = this
    const inputs = this.#inputs
    const { one, seen } = counters
    const base = set * INPUTS_MAX
    const logit = STRETCH[expected >> 4]!
    let sum = weights[base]! * logit
    for (let i = 0; i < count; i++) {
      const context = contexts[i]!
      const input = ((STRETCH[one[context]! >> 4]! - logit) * WORTH[seen[context]!]!) >> 8
      inputs[i] = input
      sum += weights[base + 1 + i]! * input
    }
    sum = Math.floor(sum / UNIT)
    const p = SQUASH[(sum > LOGIT_MAX ? LOGIT_MAX : sum < -LOGIT_MAX ? -LOGIT_MAX : sum) + LOGIT_MAX]!
    const coded = this.#coder.code(bit, p)
    const error = (coded === 1 ? 65536 : 0) - p
    this.#learn(base, logit, error)
    for (let i = 0; i < count; i++) {
      this.#learn(base + 1 + i, inputs[i]!, error)
      const context = contexts[i]!
      const n = seen[context]!
      one[context] = one[context]! + ((((coded === 1 ? 65535 : 0) - one[context]!) * RATE[n]! + 8192) >> 14)
      if (n < COUNT_MAX) seen[context] = n + 1
    }
    return coded
  }

  #learn(weight: number, input: number, error: number): void {
    const value = this.weights[weight]! + ((input * error + 32768) >> 16)
    this.weights[weight] = value > WEIGHT_MAX ? WEIGHT_MAX : value < -WEIGHT_MAX ? -WEIGHT_MAX : value
  }
}
