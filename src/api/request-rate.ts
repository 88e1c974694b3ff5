// How many requests an address may make in a minute: all of an IPv6 site's addresses are one.
import type { Clock } from '../clock.ts'
import { siteOf } from '../ip-address.ts'
import { SlidingWindow } from '../rate.ts'
import { Problem } from './problem.ts'

const WINDOW_MS = 60_000
/** Addresses whose requests are counted; the oldest are forgotten first. */
const ADDRESSES_MAX = 1024

export class RequestRate {
  readonly #clock: Clock
  readonly #perMinuteMax: number
  readonly #windows = new Map<string, SlidingWindow>()

  constructor(clock: Clock, perMinuteMax: number) {
    this.#clock = clock
    this.#perMinuteMax = perMinuteMax
  }

  /** One more from there. Throws a Problem when that is too many. */
  take(address: string): void {
    const nowMs = this.#clock.now()
    const name = siteOf(address)
    let window = this.#windows.get(name)
    if (window === undefined) {
      for (const [other, its] of this.#windows) {
        if (this.#windows.size < ADDRESSES_MAX && !its.isEmpty(nowMs)) break
        this.#windows.delete(other)
      }
      this.#windows.set(name, (window = new SlidingWindow(this.#perMinuteMax, WINDOW_MS)))
    }
    if (window.take(nowMs)) return
    const seconds = String(Math.ceil(window.waitMs(nowMs) / 1000))
    throw new Problem('too-many-requests', `${this.#perMinuteMax} requests in a minute are let through (http.maxRequestsPerMinute): wait ${seconds} s`, { headers: { 'retry-after': seconds } })
  }
}
