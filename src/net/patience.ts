// How long a receiver that does not read may make others wait. It is "pressing" while its publishers wait, and "shedding" when it has made
// them wait too long: then its QoS 0 messages are dropped and counted until it reads again.
import type { HeldBack } from '../turn.ts'

const PATIENCE_MS = 1000

export class Patience {
  /** Publishers that wait. */
  #waiting: HeldBack[] = []
  #sinceMs = 0
  #shedding = false

  get shedding(): boolean {
    return this.#shedding
  }

  /** Somebody waits, or has waited in vain. */
  get tried(): boolean {
    return this.#shedding || this.#waiting.length > 0
  }

  holdBack(publisher: HeldBack, nowMs: number): void {
    if (this.#waiting.length === 0) this.#sinceMs = nowMs
    this.#waiting.push(publisher)
    publisher.holdForReceiver()
  }

  /** The receiver has read, or is gone. */
  over(): void {
    this.#shedding = false
    this.#release()
  }

  check(nowMs: number): void {
    if (this.#waiting.length === 0 || nowMs - this.#sinceMs <= PATIENCE_MS) return
    this.#shedding = true
    this.#release()
  }

  #release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const publisher of waiting) publisher.releaseForReceiver()
  }
}
