// One answer for many: several things become safe or are refused, and somebody waits for all of them.
import type { Refusal, Waiter } from './append.ts'

export class AllOf implements Waiter {
  #left = 1
  #isRefused = false
  readonly #done: (refusal: Refusal | null) => void

  /** `done` hears once: null when all are safe, after `complete`; at once when one is refused. */
  constructor(done: (refusal: Refusal | null) => void) {
    this.#done = done
  }

  /** One more is waited for. Answers the waiter to hand on. */
  expect(): this {
    this.#left++
    return this
  }

  /** No more will be expected. */
  complete(): void {
    this.#hear()
  }

  durable(): void {
    this.#hear()
  }

  refused(why: Refusal): void {
    if (this.#isRefused) return
    this.#isRefused = true
    this.#done(why)
  }

  #hear(): void {
    if (--this.#left === 0 && !this.#isRefused) this.#done(null)
  }
}

/** Tells `waiter` what became of all. */
export function answerTo(waiter: Waiter | null): (refusal: Refusal | null) => void {
  return (refusal) => (refusal === null ? waiter?.durable() : waiter?.refused(refusal))
}
