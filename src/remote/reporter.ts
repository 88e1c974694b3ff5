// When a report is sent.
//
//   every `every`         also when nothing has changed: that it comes is what tells that the gateway lives
//   something else now    and for STEADY_MS: at once, but GAP_MS after the one before at the earliest
//
// What is always true
//   1. One report waits in an uplink's queue at most. While it does, no other is made; when it has gone, one of now follows if it is due.
//   2. Reports have no more than `dayBytesMax` in any 24 hours (allowance.ts). Of what may go at once, the last part is for changes.
//   3. What could not go when it was due is counted (delayedReports), once for each time.
import type { Clock, Timer } from '../clock.ts'
import type { ReportConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { makeMessage } from '../message.ts'
import { Allowance, type AllowanceDeps } from './allowance.ts'
import type { Outlet } from './outlet.ts'
import { fitted, reportOf, type ReportSources, signatureOf } from './report.ts'

/** Of the payload: lists are cut until it fits. */
export const REPORT_BYTES_MAX = 480
const LOOK_MS = 5000
const STEADY_MS = 10_000
const GAP_MS = 60_000
const BURST = 0.25
/** Part of the burst that only changes may have. */
const KEPT_FOR_CHANGES = 0.5
const KEY = 'remote/report'

export interface ReporterDeps extends AllowanceDeps {
  readonly clock: Clock
  readonly counters: Counters
  readonly outlet: Outlet
  readonly sources: () => ReportSources
}

export class Reporter {
  readonly #config: ReportConfig
  readonly #deps: ReporterDeps
  readonly #allowance: Allowance
  #timer: Timer | null = null
  #startedAtMs = Infinity
  #sentAtMs = -Infinity
  /** Of the last report; null before the first. */
  #told: string | null = null
  /** What it is now, and since when. */
  #seen: string | null = null
  #seenSinceMs = 0
  #isDelayed = false

  constructor(config: ReportConfig, deps: ReporterDeps) {
    this.#config = config
    this.#deps = deps
    this.#allowance = new Allowance(KEY, config.dayBytesMax, BURST, deps)
  }

  start(): void {
    this.#startedAtMs = this.#deps.clock.now()
    this.#timer = this.#deps.clock.every(LOOK_MS, () => this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #look(): void {
    const { clock, counters } = this.#deps
    const nowMs = clock.now()
    const sources = this.#deps.sources()
    const signature = signatureOf(sources)
    if (signature !== this.#seen) {
      this.#seen = signature
      this.#seenSinceMs = nowMs
    }
    const isOther = signature !== this.#told && nowMs - this.#seenSinceMs >= STEADY_MS && nowMs - this.#sentAtMs >= GAP_MS
    const isDue = nowMs - this.#sentAtMs >= this.#config.everyMs && nowMs - this.#startedAtMs >= STEADY_MS
    if (!isOther && !isDue) return
    if (this.#send(sources, isOther)) {
      this.#told = signature
      this.#sentAtMs = nowMs
      this.#isDelayed = false
    } else if (!this.#isDelayed) {
      this.#isDelayed = true
      counters.delayedReports++
    }
  }

  #send(sources: ReportSources, isOther: boolean): boolean {
    const { outlet, numbers } = this.#deps
    const { topic } = this.#config
    const last = numbers.get(`${KEY}/sequence`)
    if (last !== undefined && outlet.waits(topic, last)) return false
    const message = makeMessage(topic, JSON.stringify(fitted((namesMax) => reportOf(sources, namesMax), REPORT_BYTES_MAX)), { qos: 1, retain: true })
    if (!this.#allowance.take(outlet.cost(message).total, isOther ? 0 : this.#allowance.most * KEPT_FOR_CHANGES)) return false
    const sequence = outlet.publish(message)
    if (sequence !== null) numbers.set(`${KEY}/sequence`, sequence)
    return true
  }
}
