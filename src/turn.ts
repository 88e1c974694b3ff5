// One turn of the event loop. What is read in the poll phase is written in the check phase that follows: one write per
// connection, one batch for the store, one reading of the clock.
import type { Clock } from './clock.ts'

export interface Flushable {
  /** Called once at the end of the turn in which it was marked. */
  flush(): void
}

/** A receiver that does not keep up with those who publish to it. */
export interface Pressing {
  /** Makes `publisher` wait until the receiver has read, or has been given up on. */
  holdBack(publisher: HeldBack): void
}

/** A publisher whose input can be left unread for a while. */
export interface HeldBack {
  holdForReceiver(): void
  releaseForReceiver(): void
}

export class Turn {
  readonly #clock: Clock
  readonly #ends: (() => void)[] = []
  #marked: Flushable[] = []
  #requested = false
  #nowMs = 0
  /** The receiver whose output ran over its mark while the current chunk was handled: its publisher is held back. */
  pressure: Pressing | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Monotonic milliseconds, read once per turn. */
  get nowMs(): number {
    if (!this.#requested) this.request()
    return this.#nowMs
  }

  /** `fn` runs at the end of every turn, before the marked ones are flushed. For set-up, not per message. */
  onEnd(fn: () => void): void {
    this.#ends.push(fn)
  }

  /** The receiver that pressed since the last call, if one did. */
  takePressure(): Pressing | null {
    const receiver = this.pressure
    if (receiver !== null) this.pressure = null
    return receiver
  }

  /** Flushes `what` at the end of this turn. Whoever marks keeps its own flag, so that it marks once. */
  mark(what: Flushable): void {
    this.#marked.push(what)
    if (!this.#requested) this.request()
  }

  /** Makes sure that this turn has an end. */
  request(): void {
    if (this.#requested) return
    this.#requested = true
    this.#nowMs = this.#clock.now()
    setImmediate(this.#end)
  }

  readonly #end = (): void => {
    for (const fn of this.#ends) fn()
    const marked = this.#marked
    this.#marked = []
    // Flushing may mark again (a drained queue gives more): that is the next turn's, so that no turn is endless.
    this.#requested = false
    for (const what of marked) what.flush()
  }
}
