// How many bytes may still go in a day. A bucket that leaks: what was spent is its level.
//
// What is always true
//   1. In any 24 hours, whenever they begin and however often the gateway is started in them, no more than `dayBytesMax` are spent: a part of it at once
//      (`burst`), the rest as time goes by. Both together are `dayBytesMax`.
//   2. What is spent is kept in the same batch as what it was spent for. How long the gateway was away counts where it is known, and else not.
import type { Clock } from '../clock.ts'
import { elapsedBetween } from '../stored-time.ts'

const DAY_MS = 86_400_000

/** Numbers that survive a restart. */
export interface KeptNumbers {
  get(key: string): number | undefined
  set(key: string, value: number): void
}

export interface AllowanceDeps {
  readonly clock: Clock
  readonly numbers: KeptNumbers
  /** Now, as it is kept on flash (stored-time.ts). */
  readonly storedWallMs: () => number
}

export class Allowance {
  readonly #deps: AllowanceDeps
  readonly #key: string
  readonly #burstBytes: number
  readonly #bytesPerMs: number
  #level: number
  #atMs: number

  /** `key`: of its numbers. `burst`: the part of a day's bytes that may go at once. */
  constructor(key: string, dayBytesMax: number, burst: number, deps: AllowanceDeps) {
    this.#deps = deps
    this.#key = key
    this.#burstBytes = dayBytesMax * burst
    this.#bytesPerMs = (dayBytesMax - this.#burstBytes) / DAY_MS
    this.#level = deps.numbers.get(`${key}/spent`) ?? 0
    this.#atMs = deps.clock.now() - elapsedBetween(deps.numbers.get(`${key}/at`) ?? 0, deps.storedWallMs())
  }

  /** Bytes that may go now. */
  get left(): number {
    return Math.max(0, Math.floor(this.#burstBytes - this.#levelNow()))
  }

  /** Of `burst`, in bytes. */
  get most(): number {
    return this.#burstBytes
  }

  /** Counts what goes; false, and nothing is counted, when less than `keep` would be left. */
  take(bytes: number, keep = 0): boolean {
    const level = this.#levelNow()
    if (level + bytes + keep > this.#burstBytes) return false
    const { clock, numbers, storedWallMs } = this.#deps
    this.#level = level + bytes
    this.#atMs = clock.now()
    numbers.set(`${this.#key}/spent`, Math.ceil(this.#level))
    numbers.set(`${this.#key}/at`, storedWallMs())
    return true
  }

  /** Until so many may go; Infinity for more than ever may. */
  waitMs(bytes: number): number {
    if (bytes > this.#burstBytes) return Infinity
    return Math.max(0, Math.ceil((this.#levelNow() + bytes - this.#burstBytes) / this.#bytesPerMs))
  }

  #levelNow(): number {
    return Math.max(0, this.#level - (this.#deps.clock.now() - this.#atMs) * this.#bytesPerMs)
  }
}
