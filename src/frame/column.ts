// One number after the other: what the next will be, how sure that is, and the bits for what it turned out to be.
//
//   trackers ──each guesses, the one that erred least is believed──► guess, spread ──► bits: hit? above? how far? ──► trackers learn
//
// Numbers are whole, up to NUMBER_MAX either way, so that also the distance of two is exact. Guesses are in 1/65,536 and relative to the last number. Integers only: `floor` is floor everywhere.
import { FrameError } from './error.ts'
import { NUMBER_MAX } from './number-format.ts'
import { type Counters, type Mixer, squash } from './probability.ts'

/** Fixed point. */
const ONE = 65536
/**
 * A tracker moves its level by error / level and its trend, if it has one, by error / trend. At first it follows the straight line through all
 * numbers (or, without a trend, their mean): as long as that goes farther. The first is always at the last number; it and LEVEL have the trend of
 * SLOW. MOVING has no trend, LED has nothing of its own.
 */
const TRACKERS = [
  { level: 1, trend: 0 },
  { level: 4, trend: 64 },
  { level: 2, trend: 2 },
  { level: 32, trend: 8192 },
  { level: 256, trend: 0 },
  { level: 16, trend: 0 },
  { level: 1, trend: 0 },
] as const
export const TRACKER_COUNT = TRACKERS.length
const SLOW = 3
const LEVEL = 4
/** Moves with something else: the time of the message before, or the clock. */
const MOVING = 5
/** The best of the others, and what is to be added when the number before in the message was off. */
const LED = 6
const SURPRISE_MAX = 1023
const ALONE = 256
/** Errors of the first numbers are averaged. */
const YOUNG = 128
const SAMPLES_MAX = 255
/** After a greater step the levels begin anew. */
const STEP_MAX = 2 ** 26
export const GUESS_MAX = STEP_MAX * ONE

/** Counters of a column: hit, above; then how far up and how far down. */
const NODES = 16
const ABOVE = 1
const UP = 2
const DOWN = 9
const FAR = 6
/** Contexts that all columns of a kind share: by node, and by how the last number was missed. */
export const SHARED_COUNTERS = NODES * 3
/** Mixing weights of a kind: hit, above, up, down. */
export const COLUMN_SETS = 4

/** Of the distance: so many steps have the same width, and each behind them twice that of the one before. */
const STEADY_STEPS = 8
const STEPS_MAX = STEADY_STEPS + 53
/** So likely it goes on, at least. */
const ON = 4096
const SPREAD_MIN = 16
/** Logits of a logistic distribution change evenly from here on. */
const TAIL = -1024

export class Column {
  static readonly COUNTERS = NODES
  /** Of its counters, the first. */
  readonly counters: number
  last = 0
  samples = 0
  readonly levels = new Float64Array(TRACKER_COUNT)
  readonly trends = new Float64Array(TRACKER_COUNT)
  readonly errors = new Float64Array(TRACKER_COUNT)
  /** How the last number was missed: 0 not, 1 above, 2 below. */
  missed = 0
  /** How much it goes with the number before it in the message: together / alone. */
  together = 0
  alone = ALONE

  constructor(counters: number, error: number) {
    this.counters = counters
    this.errors.fill(error * ONE)
  }

  /** What the tracker guesses that erred least and does not move with something else; see `guess`. */
  get steady(): number {
    const best = leastOf(this.errors)
    return this.levels[best]! + this.trends[best]!
  }

  /** The period of a column of times, in 1/65,536; 0 or less when it has none. */
  get period(): number {
    return this.trends[SLOW]!
  }
}

/** What comes next in a column. One for all columns, because only one is at work. */
export class ColumnCoder {
  readonly #mixer: Mixer
  readonly #counters: Counters
  readonly #guesses = new Float64Array(TRACKER_COUNT)
  /** The tracker that is believed, and the one that LED corrects. */
  #best = 0
  #base = 0
  /** By how much the number before in the message was off, in 1/256 of what is usual in its column; see `guess`. */
  #lead = 0
  #surprise = 0

  /** `counters`: those of the columns, and before them the shared ones. */
  constructor(mixer: Mixer, counters: Counters) {
    this.#mixer = mixer
    this.#counters = counters
  }

  /** The next number is one that goes with no other of its message. */
  begin(): void {
    this.#surprise = 0
  }

  /**
   * Guesses the next number; the first one is as `last` is. `moved`: by how much what the column moves with has moved since its last number, in
   * 1/65,536. For a column of times, `now` is the time of the message before: a number that is overdue by half a period or more is expected a
   * period later.
   */
  guess(column: Column, moved: number, now: number | null): void {
    const { levels, trends, errors } = column
    const guesses = this.#guesses
    this.#lead = column.samples === 0 ? 0 : this.#surprise
    if (column.samples === 0) {
      guesses.fill(0)
      this.#base = 0
      this.#best = 0
      return
    }
    for (let k = 0; k < MOVING; k++) guesses[k] = levels[k]! + trends[k]!
    guesses[MOVING] = levels[MOVING]! + moved
    const best = leastOf(errors)
    if (now !== null) {
      const late = missedPeriods(column, guesses[best]!, now)
      if (late > 0) for (let k = 0; k < MOVING; k++) guesses[k]! += late
    }
    const base = errors[MOVING]! < errors[best]! ? MOVING : best
    guesses[LED] = guesses[base]! + Math.floor((surpriseOf(Math.floor((this.#lead * column.together) / column.alone)) * errors[base]!) / 256)
    for (let k = 0; k < TRACKER_COUNT; k++) guesses[k] = bounded(guesses[k]!)
    this.#base = base
    this.#best = errors[LED]! < errors[base]! ? LED : base
  }

  /** Codes the number that was guessed, in the contexts of `kind`; an encoder gives it as `value`. */
  code(column: Column, value: number, kind: number): number {
    const guess = this.#guesses[this.#best]!
    const rounded = Math.floor((guess + ONE / 2) / ONE)
    const off = this.#distance(column, value - column.last - rounded, guess - rounded * ONE, kind)
    const coded = column.last + rounded + off
    if (Math.abs(coded) > NUMBER_MAX) throw new FrameError('a number is out of bounds')
    this.#learn(column, coded - column.last)
    column.missed = off === 0 ? 0 : off > 0 ? 1 : 2
    column.last = coded
    return coded
  }

  /** Codes `off`, the distance to the rounded guess; `part` is what the rounding left, -1/2 to 1/2. */
  #distance(column: Column, off: number, part: number, kind: number): number {
    // A logistic distribution around the guess. `spread` is its scale, in 1/256.
    const spread = SPREAD_MIN + Math.floor((column.errors[this.#best]! * 44) / 16384)
    const above = squash(Math.floor((part - ONE / 2) / spread))
    const hit = within(squash(Math.floor((part + ONE / 2) / spread)) - above)
    if (this.#bit(column, kind, 0, 0, off === 0 ? 1 : 0, hit) === 1) return 0
    const up = this.#bit(column, kind, ABOVE, 1, off > 0 ? 1 : 0, within(Math.floor((above * 65536) / (65536 - hit))))
    const node = up === 1 ? UP : DOWN
    const set = up === 1 ? 2 : 3
    const beyond = Math.abs(off) - 1
    // Steps of a power of two, from half the spread to all of it.
    let width = 1
    while (width * 512 <= spread) width *= 2
    let fall = Math.floor((width * ONE) / spread)
    let logit = Math.floor(((up === 1 ? part : -part) - ONE / 2) / spread)
    let passed = 0
    for (let step = 0; ; step++) {
      if (step === STEPS_MAX) throw new FrameError('a number is out of bounds')
      if (logit < TAIL) logit = TAIL
      const likely = Math.floor((squash(logit - fall) * 65536) / squash(logit))
      const goesOn = this.#bit(column, kind, node + (step < FAR ? step : FAR), set, beyond >= passed + width ? 1 : 0, within(likely < ON ? ON : likely))
      if (goesOn === 0) break
      passed += width
      logit -= fall
      if (step < STEADY_STEPS) continue
      width *= 2
      fall *= 2
    }
    let rest = 0
    for (let unit = width / 2; unit >= 1; unit /= 2) {
      if (this.#mixer.even(Math.floor((beyond - passed) / unit) % 2) === 1) rest += unit
    }
    return up === 1 ? 1 + passed + rest : -1 - passed - rest
  }

  #bit(column: Column, kind: number, node: number, set: number, bit: number, expected: number): number {
    const { contexts } = this.#mixer
    contexts[0] = column.counters + node
    contexts[1] = kind * SHARED_COUNTERS + node * 3 + column.missed
    return this.#mixer.code(bit, expected, this.#counters, 2, kind * COLUMN_SETS + set)
  }

  /** The column has gone on by `step`. */
  #learn(column: Column, step: number): void {
    const { levels, trends, errors } = column
    const guesses = this.#guesses
    this.#surprise = 0
    if (column.samples < SAMPLES_MAX) column.samples++
    const m = column.samples
    if (m === 1 || Math.abs(step) > STEP_MAX) {
      levels.fill(0)
      return
    }
    const moved = step * ONE
    this.#surprise = surpriseOf(Math.floor(((moved - guesses[this.#base]!) * 256) / (errors[this.#base]! + 1)))
    if (this.#lead !== 0) goTogether(column, this.#lead, this.#surprise)
    const most = errors[this.#best]! * 16 + 2 * ONE
    const line = m * (m + 1)
    for (let k = 0; k < TRACKER_COUNT; k++) {
      const error = moved - guesses[k]!
      const size = Math.min(Math.abs(error), GUESS_MAX)
      if (m < 4) errors[k] = size + ONE / 4
      else errors[k] = errors[k]! + Math.floor(((Math.min(size, most) - errors[k]!) * 2) / (m < YOUNG ? 2 * m + 1 : 2 * YOUNG))
      const { level, trend } = TRACKERS[k]!
      levels[k] = (4 * m - 2) * level > line ? lineStep(error, m, trend) - error : Math.floor(error / level) - error
      if (trend !== 0) trends[k] = bounded(trends[k]! + Math.floor(6 * trend > line ? (error * 6) / line : error / trend))
    }
    trends[0] = trends[SLOW]!
    trends[LEVEL] = trends[SLOW]!
  }
}

/** Of the trackers before MOVING. */
function leastOf(errors: Float64Array): number {
  let best = 0
  for (let k = 1; k < MOVING; k++) if (errors[k]! < errors[best]!) best = k
  return best
}

/** How far a level goes when it is the mean of all numbers so far, or the end of the straight line through them. */
function lineStep(error: number, m: number, trend: number): number {
  return trend === 0 ? Math.floor(error / m) : Math.floor((error * (4 * m - 2)) / (m * (m + 1)))
}

/** By how much a number that `guess` says is overdue at `now`, in whole periods; 0 when it is not. */
function missedPeriods(column: Column, guess: number, now: number): number {
  const { period } = column
  const late = now - column.last
  if (period <= 0 || late <= 0 || late > STEP_MAX) return 0
  const periods = Math.floor((2 * (late * ONE - guess) + period) / (2 * period))
  return periods > 0 ? periods * period : 0
}

/** A number and the one before it were off by so much at the same time. */
function goTogether(column: Column, lead: number, surprise: number): void {
  column.together += Math.floor((lead * surprise - column.together) / 32)
  column.alone += Math.floor((lead * lead - column.alone) / 32) + 1
}

function surpriseOf(value: number): number {
  return value > SURPRISE_MAX ? SURPRISE_MAX : value < -SURPRISE_MAX ? -SURPRISE_MAX : value
}

function bounded(value: number): number {
  return value > GUESS_MAX ? GUESS_MAX : value < -GUESS_MAX ? -GUESS_MAX : value
}

function within(p: number): number {
  return p < 22 ? 22 : p > 65514 ? 65514 : p
}
