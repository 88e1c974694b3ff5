// What a sensor tells about itself: one record per sensor, which the gateway reads for `$SYS/broker/sensors/<name>/state`.
// Rules: counters only grow; `since` moves with `status` only; the callback is called when status or lastError changes, never
// per reading, so that a fast sensor costs the gateway nothing.

/** starting: no result yet. ok: it can give readings. lost: it cannot, and tries again by itself. stopped: for good. */
export type SensorStatus = 'starting' | 'ok' | 'lost' | 'stopped'

/**
 * Why something was not published. too-long: over frameBytesMax. not-utf8, not-json, wrong-columns, no-match: what the
 * decoder said. missed: a simulated reading whose time passed while the process could not run.
 */
export const SKIP_REASONS = ['too-long', 'not-utf8', 'not-json', 'wrong-columns', 'no-match', 'missed'] as const

export type SkipReason = (typeof SKIP_REASONS)[number]

export interface SensorState {
  readonly name: string
  readonly status: SensorStatus
  /** When `status` began, in monotonic milliseconds (Clock.now). */
  readonly since: number
  /** Messages handed to the router since the start. */
  readonly readings: number
  readonly skipped: Readonly<Record<SkipReason, number>>
  /** What went wrong last, in words for the operator; null when nothing has. It stays when the sensor is well again. */
  readonly lastError: string | null
}

/** The one writable copy behind a SensorState; belongs to one sensor. */
export class SensorRecord {
  readonly #name: string
  readonly #changed: (state: SensorState) => void
  readonly #skipped = noneSkipped()
  #status: SensorStatus = 'starting'
  #since: number
  #readings = 0
  #lastError: string | null = null

  constructor(name: string, nowMs: number, changed: (state: SensorState) => void) {
    this.#name = name
    this.#since = nowMs
    this.#changed = changed
  }

  get status(): SensorStatus {
    return this.#status
  }

  get readings(): number {
    return this.#readings
  }

  /** A copy: it does not change under its reader. */
  get snapshot(): SensorState {
    return {
      name: this.#name,
      status: this.#status,
      since: this.#since,
      readings: this.#readings,
      skipped: { ...this.#skipped },
      lastError: this.#lastError,
    }
  }

  countReading(): void {
    this.#readings++
  }

  countSkipped(reason: SkipReason, count = 1): void {
    this.#skipped[reason] += count
  }

  /** Returns whether anything changed; the callback has then been called once. */
  set(status: SensorStatus, nowMs: number, lastError: string | null = this.#lastError): boolean {
    const moved = status !== this.#status
    if (!moved && lastError === this.#lastError) return false
    if (moved) this.#since = nowMs
    this.#status = status
    this.#lastError = lastError
    this.#changed(this.snapshot)
    return true
  }
}

function noneSkipped(): Record<SkipReason, number> {
  return { 'too-long': 0, 'not-utf8': 0, 'not-json': 0, 'wrong-columns': 0, 'no-match': 0, missed: 0 }
}
