// One number after the other: what the next will be, how sure that is, and the bits for what it turned out to be.
//
//   trackers ──each guesses, the one that erred least is believed──► guess, spread ──► bits: hit? above? how far? ──► trackers learn
//
// Numbers are whole, up to 2^53 either way. Guesses are in 1/65,536 and relative to the last number. Integers only: `floor` is floor everywhere.
import { FrameError } from './error.ts'
import { type Counters, EVEN, type Mixer, squash } from './probability.ts'

/** Fixed point. */
const ONE = 65536
/**
 * A tracker moves its level by error / level and its trend by error / trend; but it follows the straight line through all numbers (or, without a
 * trend, their mean) as long as that goes farther: for fewer than lineLevel and lineTrend numbers. Tracker 0 is always at the last number;
 * it and 6 have the trend of SLOW, MOVING has none. LED has nothing of its own.
 */
const TRACKERS = [
  { level: 1, trend: 0, lineLevel: 0, lineTrend: 0 },
  { level: 2, trend: 8, lineLevel: 7, lineTrend: 7 },
  { level: 2, trend: 64, lineLevel: 7, lineTrend: 20 },
  { level: 2, trend: 2, lineLevel: 7, lineTrend: 3 },
  { level: 32, trend: 1024, lineLevel: 127, lineTrend: 78 },
  { level: 32, trend: 8192, lineLevel: 127, lineTrend: 222 },
  { level: 128, trend: 0, lineLevel: 128, lineTrend: 0 },
  { level: 8, trend: 0, lineLevel: 8, lineTrend: 0 },
  { level: 1, trend: 0, lineLevel: 0, lineTrend: 0 },
] as const
const COUNT = TRACKERS.length
const SLOW = 5
/** Moves with something else: the time of the message before, the clock, the column before. */
const MOVING = 7
/** The best of the others, and what is to be added when the column before was off. */
const LED = 8
const SURPRISE_MAX = 1023
const ALONE = 256
/** Errors of the first numbers are averaged. */
const YOUNG = 128
const SAMPLES_MAX = 255
/** After a greater step the levels begin anew. */
const STEP_MAX = 2 ** 26
const GUESS_MAX = STEP_MAX * ONE

/** Counters of a column: hit, above; then how far up and how far down. */
const NODES = 16
const ABOVE = 1
const UP = 2
const DOWN = 9
const FAR = 6
/** Contexts that all columns of a kind share: by node, and by how the last two numbers were missed. */
export const SHARED_COUNTERS = NODES * 9
/** Mixing weights of a kind: hit, above, up, down. */
export const COLUMN_SETS = 4

/** Of the distance. */
const STEADY_STEPS = 8
const STEPS_MAX = STEADY_STEPS + 53
/** So likely it goes on at least, among the steady steps and behind. */
const ON_STEADY = 1311
const ON_BEHIND = 19660
const SPREAD_MIN = 30
/** Logits of a logistic distribution change evenly from here on. */
const TAIL = -1024

function within(p: number): number {
  return p < 22 ? 22 : p > 65514 ? 65514 : p
}

export class Column {
  static readonly COUNTERS = NODES
  /** Of its counters, the first. */
  readonly counters: number
  last = 0
  samples = 0
  readonly levels = new Float64Array(COUNT)
  readonly trends = new Float64Array(COUNT)
  readonly errors = new Float64Array(COUNT)
  /** How the last number and the one before were missed: 0 not, 1 above, 2 below. */
  missed = 0
  missedBefore = 0
  /** How much it goes with the column before it in the message: together / alone. */
  together = 0
  alone = ALONE

  constructor(counters: number, error: number) {
    this.counters = counters
    this.errors.fill(error * ONE)
  }

  /** Begins near to where `other` is. */
  takeAfter(other: Column): void {
    this.last = other.last
    for (let k = 0; k < COUNT; k++) this.errors[k] = bounded(other.errors[k]! * 4 + ONE)
  }

  /** Has the same period, but nobody knows when it is due. */
  takePeriod(other: Column): void {
    this.trends.set(other.trends)
  }

  /** What the tracker guesses that erred least and does not move with something else; see `guess`. */
  get steady(): number {
    const best = leastOf(this.errors)
    return (best === 0 ? 0 : this.levels[best]!) + this.trends[best === 0 || best === 6 ? SLOW : best]!
  }

  /** The period of a column of times, in 1/65,536; 0 or less when it has none. */
  get period(): number {
    return this.samples < 2 ? 0 : this.trends[SLOW]!
  }
}

/** What comes next in a column. One for all columns, because only one is at work. */
export class ColumnCoder {
  readonly #mixer: Mixer
  readonly #counters: Counters
  readonly #guesses = new Float64Array(COUNT)
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

  /** The next number is the first of its message that others may go with. */
  begin(): void {
    this.#surprise = 0
  }

  /**
   * Guesses the next number; the first one is as `last` is. `moved`: by how much what the column moves with has moved since its last number, in 1/65,536. For a column of
   * times, `now` is the time of the message before: a number that is overdue by half a period or more is expected a period later.
   */
  guess(column: Column, moved: number, now: number | null): void {
    const { levels, trends, errors } = column
    const guesses = this.#guesses
    if (column.samples === 0) {
      guesses.fill(0)
      this.#lead = 0
      this.#base = 0
      this.#best = 0
      return
    }
    guesses[0] = trends[SLOW]!
    for (let k = 1; k <= SLOW; k++) guesses[k] = levels[k]! + trends[k]!
    guesses[6] = levels[6]! + trends[SLOW]!
    guesses[MOVING] = levels[MOVING]! + moved
    const best = leastOf(errors)
    if (now !== null) {
      const late = missedPeriods(column, guesses[best]!, now)
      if (late > 0) for (let k = 0; k < MOVING; k++) guesses[k]! += late
    }
    const base = errors[MOVING]! < errors[best]! ? MOVING : best
    const lead = this.#surprise
    guesses[LED] = guesses[base]! + Math.floor((surpriseOf(Math.floor((lead * column.together) / column.alone)) * errors[base]!) / 256)
    for (let k = 0; k < COUNT; k++) guesses[k] = bounded(guesses[k]!)
    this.#lead = lead
    this.#base = base
    this.#best = errors[LED]! < errors[base]! ? LED : base
  }

  /** Codes the number that was guessed, in the contexts of `kind`; an encoder gives it as `value`. */
  code(column: Column, value: number, kind: number): number {
    const guess = this.#guesses[this.#best]!
    const rounded = Math.floor((guess + ONE / 2) / ONE)
    const off = this.#distance(column, value - column.last - rounded, guess - rounded * ONE, kind)
    const coded = column.last + rounded + off
    if (!Number.isSafeInteger(coded)) throw new FrameError('a number is out of bounds')
    this.#learn(column, coded - column.last)
    column.missedBefore = column.missed
    column.missed = off === 0 ? 0 : off > 0 ? 1 : 2
    column.last = coded
    return coded
  }

  /** Codes `off`, the distance to the rounded guess; `part` is what the rounding left, -1/2 to 1/2. */
  #distance(column: Column, off: number, part: number, kind: number): number {
    // A logistic distribution around the guess. `spread` is its scale, in 1/256.
    const spread = Math.max(SPREAD_MIN, Math.floor((column.errors[this.#best]! * 44) / 16384))
    const notBelow = squash(Math.floor((part + ONE / 2) / spread))
    const above = squash(Math.floor((part - ONE / 2) / spread))
    const hit = within(notBelow - above)
    if (this.#bit(column, kind, 0, 0, off === 0 ? 1 : 0, hit) === 1) return 0
    const up = this.#bit(column, kind, ABOVE, 1, off > 0 ? 1 : 0, within(Math.floor((above * 65536) / (65536 - hit))))
    const node = up === 1 ? UP : DOWN
    const set = up === 1 ? 2 : 3
    const beyond = Math.abs(off) - 1
    // Steps of 2^bits, of about half the spread; behind the steady ones each is twice as wide as the one before.
    let bits = 0
    for (let width = Math.floor(spread / 362); width > 1; width = Math.floor(width / 2)) bits++
    let width = 2 ** bits
    let fall = Math.floor((width * ONE) / spread)
    let logit = Math.floor(((up === 1 ? part : -part) - ONE / 2) / spread)
    let passed = 0
    for (let step = 0; ; step++) {
      if (step === STEPS_MAX) throw new FrameError('a number is out of bounds')
      if (logit < TAIL) logit = TAIL
      const steady = step < STEADY_STEPS
      const likely = Math.floor((squash(logit - fall) * 65536) / squash(logit))
      const expected = within(Math.max(likely, steady ? ON_STEADY : ON_BEHIND))
      if (this.#bit(column, kind, node + (step < FAR ? step : FAR), set, beyond >= passed + width ? 1 : 0, expected) === 0) break
      passed += width
      logit -= fall
      if (steady) continue
      width *= 2
      fall *= 2
      bits++
    }
    let rest = 0
    for (let unit = width / 2; unit >= 1; unit /= 2) {
      if (this.#mixer.code(Math.floor((beyond - passed) / unit) % 2, EVEN, this.#counters, 0, 0) === 1) rest += unit
    }
    const distance = passed + rest + 1
    return up === 1 ? distance : -distance
  }

  #bit(column: Column, kind: number, node: number, set: number, bit: number, expected: number): number {
    const { contexts } = this.#mixer
    contexts[0] = column.counters + node
    contexts[1] = kind * SHARED_COUNTERS + node * 9 + column.missed * 3 + column.missedBefore
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
    for (let k = 0; k < COUNT; k++) {
      const error = moved - guesses[k]!
      const size = Math.min(Math.abs(error), GUESS_MAX)
      if (m < 4) errors[k] = Math.min(2 * size + ONE / 4, GUESS_MAX)
      else errors[k] = errors[k]! + Math.floor(((Math.min(size, most) - errors[k]!) * 2) / (m < YOUNG ? 2 * m + 1 : 2 * YOUNG))
      if (k === 0 || k === LED) continue
      const { level, trend, lineLevel, lineTrend } = TRACKERS[k]!
      levels[k] = guesses[k]! + (m < lineLevel ? lineStep(error, m, trend) : Math.floor(error / level)) - moved
      if (trend !== 0) trends[k] = bounded(trends[k]! + (m < lineTrend ? Math.floor((error * 6) / (m * (m + 1))) : Math.floor(error / trend)))
    }
  }
}

function surpriseOf(value: number): number {
  return value > SURPRISE_MAX ? SURPRISE_MAX : value < -SURPRISE_MAX ? -SURPRISE_MAX : value
}

/** A column and the one before it were off by so much at the same time. */
function goTogether(column: Column, lead: number, surprise: number): void {
  column.together += Math.floor((lead * surprise - column.together) / 32)
  column.alone += Math.floor((lead * lead - column.alone) / 32) + 1
}

/** Of the trackers but MOVING. */
function leastOf(errors: Float64Array): number {
  let best = 0
  for (let k = 1; k < MOVING; k++) if (errors[k]! < errors[best]!) best = k
  return best
}

/** How far a level goes when it is the mean of all numbers so far, or the end of the straight line through them. */
function lineStep(error: number, m: number, trend: number): number {
  return trend === 0 ? Math.floor(error / m) : Math.floor((error * (4 * m - 2)) / (m * (m + 1)))
}

export function bounded(value: number): number {
  return value > GUESS_MAX ? GUESS_MAX : value < -GUESS_MAX ? -GUESS_MAX : value
}

/** By how much a number that `guess` says is overdue at `now`, in whole periods; 0 when it is not. */
function missedPeriods(column: Column, guess: number, now: number): number {
  const { period } = column
  const late = now - column.last
  if (period <= 0 || late <= 0 || late > STEP_MAX) return 0
  const periods = Math.floor((2 * (late * ONE - guess) + period) / (2 * period))
  return periods > 0 ? periods * period : 0
}
