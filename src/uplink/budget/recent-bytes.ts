// How many bytes were spent in the last so many milliseconds, up to a span: for the day when the clock turns out to have been wrong.
// Pure, on Clock.now(). A ring of slots; the answer is too high by what the oldest slot has outside of the time asked for.

const SLOTS = 24

export class RecentBytes {
  readonly #slotMs: number
  readonly #slots: number[] = Array.from({ length: SLOTS + 1 }, () => 0)
  #slot = 0

  constructor(spanMs: number) {
    this.#slotMs = spanMs / SLOTS
  }

  add(bytes: number, nowMs: number): void {
    this.#moveTo(nowMs)
    this.#slots[this.#slot % this.#slots.length]! += bytes
  }

  within(ms: number, nowMs: number): number {
    this.#moveTo(nowMs)
    const oldest = Math.max(Math.floor((nowMs - ms) / this.#slotMs), this.#slot - SLOTS)
    let bytes = 0
    for (let slot = oldest; slot <= this.#slot; slot++) bytes += this.#slots[(slot + this.#slots.length) % this.#slots.length]!
    return bytes
  }

  #moveTo(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs)
    const steps = Math.min(slot - this.#slot, this.#slots.length)
    for (let i = 1; i <= steps; i++) this.#slots[(this.#slot + i) % this.#slots.length] = 0
    if (slot > this.#slot) this.#slot = slot
  }
}
