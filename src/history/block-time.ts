// When the steps of a block are: begun at a whole step of the stored time, gone on with by the monotonic clock. Pure.
import { readStored } from '../stored-time.ts'

/** A stored time that is further off than this part of a step is that of a clock that was set. */
const JUMP = 0.5
/** A step that would end so soon after it began is not begun. */
const SHORT = 0.25

export class BlockTime {
  readonly #stepMs: number
  /** Of the first step, as Clock.now. */
  readonly #startedMs: number
  /** The same moment as a stored time. */
  readonly startedAtMs: number

  /** Now, by both clocks. */
  constructor(stepMs: number, nowMs: number, storedMs: number) {
    const moment = readStored(storedMs)
    const into = (moment.kind === 'wall' ? moment.wallMs : moment.sinceBootMs) % stepMs
    const sinceMs = into > (1 - SHORT) * stepMs ? into - stepMs : into
    this.#stepMs = stepMs
    this.#startedMs = Math.floor(nowMs - sinceMs) // of fractions the end of a step could be a moment that still belongs to it
    this.startedAtMs = storedMs - sinceMs
  }

  stepAt(nowMs: number): number {
    return Math.max(0, Math.floor((nowMs - this.#startedMs) / this.#stepMs))
  }

  /** As Clock.now. */
  endOf(step: number): number {
    return this.#startedMs + (step + 1) * this.#stepMs
  }

  /** The clock was set, or is known to be right by now: what comes is at another time than this block would have it. */
  hasJumped(nowMs: number, storedMs: number): boolean {
    const is = readStored(storedMs)
    const was = readStored(this.startedAtMs + nowMs - this.#startedMs)
    if (is.kind === 'boot') return was.kind !== 'boot' || was.slot !== is.slot
    return was.kind !== 'wall' || Math.abs(is.wallMs - was.wallMs) > JUMP * this.#stepMs
  }
}
