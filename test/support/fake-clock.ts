// Time that only moves when a test moves it.
import type { Clock, Timer } from '../../src/clock.ts'

interface Pending {
  at: number
  readonly order: number
  readonly everyMs: number | null
  readonly fn: () => void
}

/** More timers in one moment wait for a time that does not come. */
const FIRED_AT_ONCE_MAX = 100_000

export class FakeClock implements Clock {
  #now = 1000
  #firedAtOnce = 0
  #order = 0
  readonly #pending = new Set<Pending>()
  /** Wall time of monotonic zero; set it to make the wall clock jump. */
  wallOffsetMs = Date.UTC(2026, 10, 21)

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.wallOffsetMs + this.#now
  }

  after(ms: number, fn: () => void): Timer {
    return this.#add(ms, null, fn)
  }

  every(ms: number, fn: () => void): Timer {
    return this.#add(ms, ms, fn)
  }

  /** Timers that would still fire. */
  get pending(): number {
    return this.#pending.size
  }

  /** Moves time on, firing what falls due in order. Promises that a timer resolves get their turn only with `await advanceAsync`. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (let due = this.#due(until); due !== null; due = this.#due(until)) this.#fire(due)
    this.#now = until
  }

  async advanceAsync(ms: number): Promise<void> {
    const until = this.#now + ms
    await settle()
    for (let due = this.#due(until); due !== null; due = this.#due(until)) {
      this.#fire(due)
      await settle()
    }
    this.#now = until
  }

  /** Time goes on while nothing runs: what fell due meanwhile is late. */
  standStill(ms: number): void {
    this.#now += ms
  }

  #add(ms: number, everyMs: number | null, fn: () => void): Timer {
    const entry: Pending = { at: this.#now + Math.max(0, ms), order: this.#order++, everyMs, fn }
    this.#pending.add(entry)
    return { cancel: () => void this.#pending.delete(entry) }
  }

  #due(until: number): Pending | null {
    let first: Pending | null = null
    for (const p of this.#pending) {
      if (p.at > until) continue
      if (first === null || p.at < first.at || (p.at === first.at && p.order < first.order)) first = p
    }
    return first
  }

  #fire(due: Pending): void {
    this.#firedAtOnce = due.at > this.#now ? 0 : this.#firedAtOnce + 1
    if (this.#firedAtOnce > FIRED_AT_ONCE_MAX) throw new Error(`timers keep firing at ${this.#now} ms: ${due.fn.toString().slice(0, 200)}`)
    this.#now = Math.max(this.#now, due.at)
    if (due.everyMs === null) this.#pending.delete(due)
    else due.at = this.#now + Math.max(1, due.everyMs)
    due.fn()
  }
}

/** Lets everything that is already resolved run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
