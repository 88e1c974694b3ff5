// Retained messages on their way to new subscriptions, of all sessions together, so much in a turn: ten thousand of them are looked
// through in milliseconds, but a client may ask for a thousand filters, and the next one too.
//
// What is always true
//   1. In one turn LOOKS_PER_TURN are looked at. What that is enough for is sent at once.
//   2. Who asks for more waits in line, with those that do; nothing is read from it meanwhile, so it stands there once.
import { Fifo } from '../fifo.ts'
import type { Flushable, Turn } from '../turn.ts'

const LOOKS_PER_TURN = 2000
/** Then it is the next one's turn. */
const LOOKS_IN_LINE = 200

/** What one SUBSCRIBE selects. */
export interface Selection {
  /** A step for each retained message that is looked at. */
  readonly looks: Iterator<void>
  /** It is not done at once. */
  hold(): void
  /** It is done, after it had to wait. */
  release(): void
}

export class RetainedFeed implements Flushable {
  readonly #turn: Turn
  readonly #line = new Fifo<Selection>()
  #left = LOOKS_PER_TURN
  #marked = false

  constructor(turn: Turn) {
    this.#turn = turn
  }

  add(selection: Selection): void {
    if (this.#line.length === 0 && this.#isDone(selection, LOOKS_PER_TURN)) return
    selection.hold()
    this.#line.push(selection)
  }

  flush(): void {
    this.#marked = false
    this.#left = LOOKS_PER_TURN
    this.#run()
  }

  #run(): void {
    while (this.#left > 0) {
      const selection = this.#line.shift()
      if (selection === undefined) return
      if (this.#isDone(selection, LOOKS_IN_LINE)) selection.release()
      else this.#line.push(selection)
    }
  }

  #isDone(selection: Selection, looksMax: number): boolean {
    if (!this.#marked) {
      this.#marked = true
      this.#turn.mark(this)
    }
    for (let looks = Math.min(looksMax, this.#left); looks > 0; looks--) {
      this.#left--
      if (selection.looks.next().done === true) return true
    }
    return false
  }
}
