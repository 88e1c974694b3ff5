// What has come already: for a day, and the last five hundred.
import type { Clock } from '../clock.ts'

const COUNT_MAX = 500
const AGE_MS_MAX = 86_400_000

export class Remembered {
  readonly #clock: Clock
  /** When each came: oldest first. */
  readonly #atMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(identity: string): boolean {
    const atMs = this.#atMs.get(identity)
    return atMs !== undefined && this.#clock.now() - atMs < AGE_MS_MAX
  }

  add(identity: string): void {
    this.#atMs.delete(identity)
    this.#atMs.set(identity, this.#clock.now())
    if (this.#atMs.size > COUNT_MAX) this.#atMs.delete(this.#atMs.keys().next().value!)
  }

  delete(identity: string): void {
    this.#atMs.delete(identity)
  }
}
