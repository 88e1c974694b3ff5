// Times as they are kept on flash: one number, whether or not the clock was set when it was written.
//
//   at or after RELEASE_DATE_MS   milliseconds since 1970
//   below                         SPAN_MS times the slot of a start of the machine, plus milliseconds since that start
//
// A board without a clock battery comes up with the time of its last commit or build: a likely date, and days behind. Such a time must never be
// taken for one that can be compared with another. Slots are given by the timekeeper, which knows later what they meant; slot 0 is nobody's.
import { type Clock, RELEASE_DATE_MS, type Timer, wallIsSet } from './clock.ts'

/** 397 days: longer than a machine runs without its clock being set. */
const SPAN_MS = 2 ** 35
/** Of starts of the machine: below what a set clock shows. */
export const SLOTS = Math.floor(RELEASE_DATE_MS / SPAN_MS)

/** When something was written: since 1970, or since a start of the machine. */
export type StoredMoment = { readonly kind: 'wall'; readonly wallMs: number } | { readonly kind: 'boot'; readonly slot: number; readonly sinceBootMs: number }

/** `slot` is 1 to SLOTS - 1. */
export function storedSinceBoot(slot: number, sinceBootMs: number): number {
  return slot * SPAN_MS + Math.min(Math.max(0, sinceBootMs), SPAN_MS - 1)
}

export function readStored(storedMs: number): StoredMoment {
  if (wallIsSet(storedMs)) return { kind: 'wall', wallMs: storedMs }
  const slot = Math.floor(storedMs / SPAN_MS)
  return { kind: 'boot', slot, sinceBootMs: storedMs - slot * SPAN_MS }
}

/**
 * Milliseconds between two stored times. Where they do not count from the same moment the difference is unknown, and 0 is the answer that
 * loses nothing.
 */
export function elapsedBetween(thenMs: number, nowMs: number): number {
  const then = readStored(thenMs)
  const now = readStored(nowMs)
  const areOfOneClock = then.kind === 'wall' ? now.kind === 'wall' : now.kind === 'boot' && then.slot === now.slot
  return areOfOneClock ? Math.max(0, nowMs - thenMs) : 0
}

/** A clock whose `wall()` is the time to be kept on flash, for those who write it there. As long as nobody is followed it is the system's. */
export class StoredClock implements Clock {
  readonly #clock: Clock
  #storedMs: (() => number) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  follow(storedMs: () => number): void {
    this.#storedMs = storedMs
  }

  now(): number {
    return this.#clock.now()
  }

  wall(): number {
    return this.#storedMs === null ? this.#clock.wall() : this.#storedMs()
  }

  after(ms: number, fn: () => void): Timer {
    return this.#clock.after(ms, fn)
  }

  every(ms: number, fn: () => void): Timer {
    return this.#clock.every(ms, fn)
  }
}
