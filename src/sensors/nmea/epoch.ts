// One reading of the several sentences that a receiver tells of one moment.
// Rules:
// - Sentences with the same UTC belong together, and those without one to what is being gathered. It is given out when a sentence of another time
//   comes, or when nothing has come for QUIET_MS, whichever is first.
// - What comes late, after its moment was given out, and what comes from instruments without a time, waits for the next moment, or until SECOND_MS
//   after the last reading.
// - Gathered is at most one value of each field.
import type { Clock, Timer } from '../../clock.ts'
import type { Fields, Raw } from '../sensor.ts'

/** At 4,800 baud a sentence takes 170 ms, and the next follows at once. */
export const QUIET_MS = 250
export const SECOND_MS = 1000

export class Epochs {
  readonly #clock: Clock
  readonly #give: (fields: Fields, atMs: number) => void
  #fields: Record<string, Raw> = {}
  #isEmpty = true
  #startedAtMs = 0
  /** The moment that is being gathered, and the last that was given out. */
  #time: string | null = null
  #given: string | null = null
  #givenAtMs = -Infinity
  #quiet: Timer | null = null

  /** `give` gets what was gathered, and when its first sentence came. */
  constructor(clock: Clock, give: (fields: Fields, atMs: number) => void) {
    this.#clock = clock
    this.#give = give
  }

  /** `time`: UTC of day as the sentence has it; null when it has none. */
  add(fields: Readonly<Record<string, Raw>>, time: string | null): void {
    const nowMs = this.#clock.now()
    const isAnother = time !== null && time !== this.#time
    if (isAnother && this.#time !== null && this.#time !== this.#given) this.#flush(nowMs)
    if (isAnother) this.#time = time
    if (this.#isEmpty || isAnother) this.#startedAtMs = nowMs
    Object.assign(this.#fields, fields)
    this.#isEmpty = false
    this.#quiet?.cancel()
    this.#quiet = this.#clock.after(QUIET_MS, () => this.#onQuiet())
  }

  /** Gives out what is unfinished. */
  close(): void {
    this.#flush(this.#clock.now())
    this.#time = null
    this.#given = null
  }

  #onQuiet(): void {
    const nowMs = this.#clock.now()
    const isNew = this.#time !== null && this.#time !== this.#given
    const waitMs = isNew ? 0 : this.#givenAtMs + SECOND_MS - nowMs
    if (waitMs <= 0) this.#flush(nowMs)
    else this.#quiet = this.#clock.after(waitMs, () => this.#flush(this.#clock.now()))
  }

  #flush(nowMs: number): void {
    this.#quiet?.cancel()
    this.#quiet = null
    if (this.#isEmpty) return
    const fields = this.#fields
    this.#fields = {}
    this.#isEmpty = true
    this.#given = this.#time
    this.#givenAtMs = nowMs
    this.#give(fields, this.#startedAtMs)
  }
}
