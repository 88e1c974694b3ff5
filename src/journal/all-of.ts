// One answer for many: several things become safe or are refused, and somebody waits for all of them.
import type { Refusal, Waiter } from './append.ts'

export class AllOf implements Waiter {
  #left = 1
  #refusal: Refusal | null = null
  readonly #done: (refusal: Refusal | null) => void

  /** `done` hears once, after `complete`: null when all are safe. */
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
    this.#refusal = why
    this.#hear()
  }

  #hear(): void {
    if (--this.#left === 0) this.#done(this.#refusal)
  }
}

/** Tells `waiter` what became of all. */
export function answerTo(waiter: Waiter | null): (refusal: Refusal | null) => void {
  return (refusal) => (refusal === null ? waiter?.durable() : waiter?.refused(refusal))
}
