// How long a network lets a connection be silent before it forgets it: found out by trying, remembered over restarts.
//
//   min ≤ survived < tried < deadly ≤ ∞        tried = what the next silence may last
//
// A longer silence is tried after one that was survived, half-way to what was deadly once that is known, and not at all when the two are
// close. A death is blamed on the silence before it when that was longer than any survived; when it was not, only at the second time in a
// row: links die of other things too. What was deadly is tried again, carefully, after many silences: networks change, and blame may be wrong.

const GROWTH = 1.5
/** Deadly and survived that are closer are not told apart. */
const CLOSE = 1.1
const STRIKES = 2
/** Silences survived before what was deadly is doubted: twice as many each time, up to a bound. */
const DOUBT_AFTER_MIN = 200
const DOUBT_AFTER_MAX = 6400
const DOUBT = 1.2

/** Numbers that outlive a restart. */
export interface Values {
  get(key: string): number | undefined
  set(key: string, value: number): void
}

export interface SilenceBounds {
  readonly minSec: number
  readonly maxSec: number
}

export class Silence {
  readonly #bounds: SilenceBounds
  readonly #values: Values
  readonly #key: string
  #survived: number
  #deadly: number
  #strikes = 0
  #survivals = 0
  #doubtAfter = DOUBT_AFTER_MIN

  /** `key` is this silence's own among `values`. */
  constructor(bounds: SilenceBounds, values: Values, key: string) {
    this.#bounds = bounds
    this.#values = values
    this.#key = key
    const { minSec, maxSec } = bounds
    this.#survived = clamp(values.get(`${key}.survived`) ?? minSec, minSec, maxSec)
    const deadly = values.get(`${key}.deadly`) ?? 0
    this.#deadly = deadly > this.#survived ? deadly : Infinity
  }

  /** Seconds, whole: what the next silence may last. */
  get trySec(): number {
    const half = (this.#survived + this.#deadly) / 2
    if (this.#deadly < this.#survived * CLOSE) return this.#survived
    return Math.floor(Math.min(this.#bounds.maxSec, this.#survived * GROWTH, half))
  }

  /** The longest known to be harmless, in seconds. */
  get survivedSec(): number {
    return this.#survived
  }

  /** After `sec` of silence the other side was still there. */
  survived(sec: number): void {
    if (sec < this.#bounds.minSec) return
    this.#strikes = 0
    if (sec > this.#survived) this.#keep(Math.min(Math.floor(sec), this.#bounds.maxSec), sec >= this.#deadly ? Infinity : this.#deadly)
    else if (++this.#survivals >= this.#doubtAfter && this.#deadly !== Infinity) {
      this.#doubtAfter = Math.min(DOUBT_AFTER_MAX, 2 * this.#doubtAfter)
      this.#keep(this.#survived, this.#deadly * DOUBT)
    }
  }

  /** After `sec` of silence nobody answered any more. */
  died(sec: number): void {
    if (sec < this.#bounds.minSec) return
    if (sec > this.#survived) this.#keep(this.#survived, Math.min(this.#deadly, sec))
    else if (++this.#strikes >= STRIKES) this.#keep(Math.max(this.#bounds.minSec, Math.floor(sec / GROWTH)), sec)
  }

  #keep(survived: number, deadly: number): void {
    this.#survivals = 0
    this.#strikes = 0
    if (survived !== this.#survived) this.#values.set(`${this.#key}.survived`, survived)
    if (deadly !== this.#deadly) this.#values.set(`${this.#key}.deadly`, deadly === Infinity ? 0 : deadly)
    this.#survived = survived
    this.#deadly = deadly
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}
