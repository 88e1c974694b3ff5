// Tells of skipped frames without filling the log: a line at the wrong speed gives thousands a second.
// Rules: the first is told at once with a sample; what follows within QUIET_MS is counted and told in one line at its end.
// So at most one line per QUIET_MS and sensor, every skipped frame is in one of them, and a quiet line sets no timer.
import type { Clock, Timer } from '../clock.ts'
import type { SensorLog } from './sensor.ts'
import type { SkipReason } from './state.ts'

export const QUIET_MS = 10_000
const SAMPLE_BYTES_MAX = 60

export class GarbageLog {
  readonly #sensor: string
  readonly #clock: Clock
  readonly #log: SensorLog
  readonly #counts = new Map<SkipReason, number>()
  #sample = ''
  #quiet: Timer | null = null

  constructor(sensor: string, clock: Clock, log: SensorLog) {
    this.#sensor = sensor
    this.#clock = clock
    this.#log = log
  }

  /** `frame` null when its bytes are gone. */
  note(reason: SkipReason, frame: Buffer | null): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1)
    if (this.#counts.size === 1 && this.#counts.get(reason) === 1) this.#sample = sampleOf(frame)
    if (this.#quiet === null) this.#tell()
  }

  /** Tells what was counted and lets the timer go. */
  close(): void {
    this.#quiet?.cancel()
    this.#quiet = null
    if (this.#counts.size > 0) this.#write()
  }

  #tell(): void {
    this.#write()
    this.#quiet = this.#clock.after(QUIET_MS, () => {
      this.#quiet = null
      if (this.#counts.size > 0) this.#tell()
    })
  }

  #write(): void {
    const skipped = Object.fromEntries(this.#counts)
    const count = [...this.#counts.values()].reduce((sum, n) => sum + n, 0)
    this.#counts.clear()
    const frames = count === 1 ? 'a frame' : `${count} frames`
    this.#log.warn({ sensor: this.#sensor, skipped, sample: this.#sample }, `sensor "${this.#sensor}" skipped ${frames}`)
  }
}

/** Printable ASCII as it is, all else escaped: a terminal must not obey what a broken line sends. */
function sampleOf(frame: Buffer | null): string {
  if (frame === null) return ''
  let sample = ''
  for (const byte of frame.subarray(0, SAMPLE_BYTES_MAX)) {
    sample += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return frame.length > SAMPLE_BYTES_MAX ? `${sample}…` : sample
}
