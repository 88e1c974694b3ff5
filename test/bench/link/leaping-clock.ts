// Time for a recording of hours to be played in minutes, without changing what it costs.
//
// It runs at the speed of real time, so that kernels, the other end of the link and everything that passes between them keep their pace: bursts,
// delayed acknowledgements, retransmissions. When nothing has happened for a while and nothing is on the wire, it leaps to what comes next: a
// timer of the gateway, or the next reading of the recording. Whoever reads this clock sees every deadline, keep-alive and time stamp as in the field.
import type { Clock, Timer } from '../../../src/clock.ts'

interface Pending {
  dueMs: number
  readonly everyMs: number | null
  readonly fn: () => void
}

/** What a timer or a message sets off gets so many turns of the event loop to show on the wire. */
const SETTLE_TURNS = 4

export class LeapingClock implements Clock {
  readonly #wallAheadMs: number
  readonly #pending = new Set<Pending>()
  /** Whether packets have passed lately, in real time. */
  readonly #wireIsQuiet: () => boolean
  #aheadMs = 0
  #heldAtMs: number | null = null
  #turnsToSettle = 0

  /** `wallMs`: what the clock on the wall says now. */
  constructor(wallMs: number, wireIsQuiet: () => boolean) {
    this.#wallAheadMs = wallMs - performance.now()
    this.#wireIsQuiet = wireIsQuiet
  }

  now(): number {
    return this.#heldAtMs ?? performance.now() + this.#aheadMs
  }

  wall(): number {
    return Math.round(this.now() + this.#wallAheadMs)
  }

  /** The next time of now() at which the wall clock has no fraction: what is stamped at whole milliseconds from it is exact. */
  wholeMs(): number {
    return Math.ceil(this.now() + this.#wallAheadMs) - this.#wallAheadMs
  }

  after(ms: number, fn: () => void): Timer {
    return this.#add(ms, null, fn)
  }

  every(ms: number, fn: () => void): Timer {
    return this.#add(ms, Math.max(1, ms), fn)
  }

  /** Goes on to this time of now(), leaping over what is empty, and stands still there until `release`. */
  async holdAt(ms: number): Promise<void> {
    for (;;) {
      this.#fire()
      if (this.now() >= ms) break
      if (this.#turnsToSettle > 0) {
        this.#turnsToSettle--
        await turn()
      } else if (this.#wireIsQuiet()) this.#leap(Math.min(ms, this.#nextDueMs()))
      else await pause()
    }
    this.#heldAtMs = Math.min(ms, this.now())
  }

  release(): void {
    if (this.#heldAtMs === null) return
    this.#aheadMs = this.#heldAtMs - performance.now()
    this.#heldAtMs = null
    this.#turnsToSettle = SETTLE_TURNS
  }

  /** At the speed of real time until something has come true that others bring about. */
  async until(condition: () => boolean, what: string, timeoutMs = 30_000): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    while (!condition()) {
      if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms for ${what}`)
      this.#fire()
      await pause()
    }
  }

  #add(ms: number, everyMs: number | null, fn: () => void): Timer {
    const entry: Pending = { dueMs: this.now() + Math.max(0, ms), everyMs, fn }
    this.#pending.add(entry)
    return { cancel: () => void this.#pending.delete(entry) }
  }

  #nextDueMs(): number {
    let next = Infinity
    for (const { dueMs } of this.#pending) if (dueMs < next) next = dueMs
    return next
  }

  #fire(): void {
    const nowMs = this.now()
    for (const due of [...this.#pending].filter((p) => p.dueMs <= nowMs).sort((a, b) => a.dueMs - b.dueMs)) {
      if (!this.#pending.has(due)) continue
      if (due.everyMs === null) this.#pending.delete(due)
      else due.dueMs = Math.max(nowMs, due.dueMs + due.everyMs)
      this.#turnsToSettle = SETTLE_TURNS
      due.fn()
    }
  }

  #leap(toMs: number): void {
    const nowMs = this.now()
    if (toMs > nowMs) this.#aheadMs += toMs - nowMs
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}
