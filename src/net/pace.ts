// How often one client may publish: what its listener says of it, and its tenant of all its clients together. After so many messages in a
// second the next one waits.
import type { Clock } from '../clock.ts'
import { SlidingWindow } from '../rate.ts'
import { Hold, type Holds } from './holds.ts'

const WINDOW_MS = 1000

export class Pace {
  readonly #clock: Clock
  readonly #holds: Holds
  /** null where that has no limit. */
  readonly #own: SlidingWindow | null
  /** The tenant's, as soon as it is known. */
  tenant: SlidingWindow | null = null

  constructor(clock: Clock, holds: Holds, perSecondMax: number) {
    this.#clock = clock
    this.#holds = holds
    this.#own = perSecondMax === Infinity ? null : new SlidingWindow(perSecondMax, WINDOW_MS)
  }

  get isFree(): boolean {
    return this.#own === null && this.tenant === null
  }

  /** Counts a message. True when the next one has to wait: it is not read until there is room. */
  take(nowMs: number): boolean {
    this.#own?.take(nowMs)
    this.tenant?.take(nowMs)
    if (this.#waitMs(nowMs) === 0) return false
    this.#holds.set(Hold.rate)
    this.#await()
    return true
  }

  #await(): void {
    const waitMs = this.#waitMs(this.#clock.now())
    if (waitMs === 0) this.#holds.clear(Hold.rate)
    else this.#clock.after(Math.ceil(waitMs), () => this.#await())
  }

  #waitMs(nowMs: number): number {
    return Math.max(this.#own?.waitMs(nowMs) ?? 0, this.tenant?.waitMs(nowMs) ?? 0)
  }
}
