// How much may be written to flash: so many bytes a day, ten minutes' worth of them at once. Whoever writes more waits longer to share a write.
// Pure; milliseconds of one monotonic clock.
//
// At ten messages a second each would be a commit of its own: 5 GB a day, most of it pages that are written again and again. Spread over a day a
// card stands 1 GB for years.
const DAY_MS = 86_400_000
const SAVED_MS = 600_000

export class FlashBudget {
  readonly #bytesPerMs: number
  /** May be negative: a batch is as large as it is. Neither savings nor debts are carried on for longer than SAVED_MS. */
  #balance: number
  #atMs: number
  #written = 0

  constructor(bytesPerDay: number, nowMs: number) {
    this.#bytesPerMs = bytesPerDay / DAY_MS
    this.#balance = this.#bytesPerMs * SAVED_MS
    this.#atMs = nowMs
  }

  /** `written`: bytes in all, since the start. */
  update(written: number, nowMs: number): void {
    const most = this.#bytesPerMs * SAVED_MS
    const saved = Math.min(most, this.#balance + (nowMs - this.#atMs) * this.#bytesPerMs)
    this.#balance = Math.max(-most, saved - (written - this.#written))
    this.#written = written
    this.#atMs = nowMs
  }

  /** When the next batch is within the budget; in the past when it is now. */
  get dueMs(): number {
    return this.#atMs - this.#balance / this.#bytesPerMs
  }
}
