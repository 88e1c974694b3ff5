// The only place that reads a clock or sets a timer.
// Deadlines run on monotonic time: boards have no clock battery, and wall time jumps when NTP answers.

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds, with a fraction. Zero is arbitrary; only differences mean something. */
  now(): number
  /** Milliseconds since 1970 as the system believes them now. For time stamps that people or the store read, never for deadlines. */
  wall(): number
  /** Calls `fn` once, `ms` from now. A pending timer does not keep the process alive. */
  after(ms: number, fn: () => void): Timer
  /** Calls `fn` every `ms`. */
  every(ms: number, fn: () => void): Timer
}

/** Before this date the system clock has certainly not been set: it is when this release was made. */
export const RELEASE_DATE_MS = Date.UTC(2026, 10, 1)

/** True when a wall time can be compared with another one: the clock has been set since power-on. */
export function wallIsSet(wallMs: number): boolean {
  return wallMs >= RELEASE_DATE_MS
}

/** What has to be added to `systemClock.now()` for milliseconds since the machine was started. */
export const bootOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

// A longer delay than this overflows the runtime's timer and would fire at once.
const TIMER_MS_MAX = 0x7fffffff

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(0, ms), TIMER_MS_MAX))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, fn) {
    const timer = setInterval(fn, Math.min(ms, TIMER_MS_MAX))
    timer.unref()
    return { cancel: () => clearInterval(timer) }
  },
}
