// How often something may happen: at most so many times in any stretch of time of the window's length (a sliding window). Pure: who
// asks says what time it is, on Clock.now().
//
//   |<------------------ window ------------------>|
//   | 1/16 | 1/16 | 1/16 |  …                | 1/16 | now: a slot of its own
//
// Counts are kept per sixteenth of the window, and one of them more: memory does not grow with the rate, and no stretch of the window's
// length ever has more than the maximum. Room comes back up to a sixteenth of the window late.

const SLOTS = 16

export class SlidingWindow {
  readonly #max: number
  readonly #slotMs: number
  /** Events of the last 17 slots; a slot's place is its number modulo 17. */
  readonly #counts: number[] = Array.from({ length: SLOTS + 1 }, () => 0)
  #slot = 0
  #total = 0

  constructor(max: number, windowMs: number) {
    this.#max = max
    this.#slotMs = windowMs / SLOTS
  }

  /** Counts one event; false, and nothing is counted, when there is no room for it. */
  take(nowMs: number): boolean {
    this.#moveTo(nowMs)
    if (this.#total >= this.#max) return false
    this.#counts[this.#slot % this.#counts.length]!++
    this.#total++
    return true
  }

  /** Milliseconds until there is room for one event; 0 when there is now. */
  waitMs(nowMs: number): number {
    this.#moveTo(nowMs)
    let left = this.#total
    if (left < this.#max) return 0
    let oldest = this.#slot - SLOTS
    for (; left >= this.#max; oldest++) left -= this.#counts[(oldest + this.#counts.length) % this.#counts.length]!
    // The slot before `oldest` has to be out of the window.
    return (oldest + SLOTS) * this.#slotMs - nowMs
  }

  /** Nothing that was counted matters any more. */
  isEmpty(nowMs: number): boolean {
    this.#moveTo(nowMs)
    return this.#total === 0
  }

  #moveTo(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs)
    const steps = Math.min(slot - this.#slot, this.#counts.length)
    for (let i = 1; i <= steps; i++) {
      const place = (this.#slot + i) % this.#counts.length
      this.#total -= this.#counts[place]!
      this.#counts[place] = 0
    }
    if (slot > this.#slot) this.#slot = slot
  }
}
