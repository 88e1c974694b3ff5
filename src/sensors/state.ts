// What a sensor tells about itself: one record per sensor, which the gateway reads for `$SYS/broker/sensors/<name>/state`.
// Rules: counters only grow; `since` moves with `status` only; the callback is called when status or lastError changes, never
// per reading, so that a fast sensor costs the gateway nothing.

/**
 * starting: no result yet. ok: it gives readings. degraded: it gives some, or bad ones. gone: it cannot give any, and is tried again by
 * itself. stopped: for good.
 */
export const SENSOR_STATUSES = ['starting', 'ok', 'degraded', 'gone', 'stopped'] as const

export type SensorStatus = (typeof SENSOR_STATUSES)[number]

/**
 * Why something was not published. too-long, cut, bad-escape: bytes that made no frame. wrong-checksum: a frame that is not what was
 * sent. not-utf8, not-json, wrong-columns, no-match, wrong-length: what the decoder said. no-answer: nothing came in time when the
 * device was asked; unasked: something came when it was not. exception: a Modbus slave refused a request. not-written: a command that
 * did not go out. not-nmea: a line that is no sentence of NMEA 0183; unknown-sentence: one that nothing is known of,
 * or that has nothing in it. unreadable, fault, power-on, not-a-number: a chip of the kernel
 * that gave an error, has a fault, holds what it holds after power-on, or gave no number. missed: a reading whose time passed while the process
 * could not run, or while the one before was under way.
 */
export const SKIP_REASONS = [
  'too-long',
  'cut',
  'bad-escape',
  'wrong-checksum',
  'not-utf8',
  'not-json',
  'wrong-columns',
  'no-match',
  'wrong-length',
  'no-answer',
  'unasked',
  'exception',
  'not-written',
  'not-nmea',
  'unknown-sentence',
  'unreadable',
  'fault',
  'power-on',
  'not-a-number',
  'missed',
  'out-of-range',
  'too-many-values',
] as const

export type SkipReason = (typeof SKIP_REASONS)[number]

export interface SensorState {
  readonly name: string
  readonly status: SensorStatus
  /** When `status` began, in monotonic milliseconds (Clock.now). */
  readonly since: number
  /** Messages handed to the router since the start. */
  readonly readings: number
  readonly skipped: Readonly<Record<SkipReason, number>>
  /** How often it has become `degraded` or `gone`. */
  readonly troubles: number
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
  #troubles = 0
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
      troubles: this.#troubles,
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
    if (moved && (status === 'degraded' || status === 'gone')) this.#troubles++
    this.#status = status
    this.#lastError = lastError
    this.#changed(this.snapshot)
    return true
  }
}

function noneSkipped(): Record<SkipReason, number> {
  return Object.fromEntries(SKIP_REASONS.map((reason) => [reason, 0])) as Record<SkipReason, number>
}
