// A total that survives: counts of a line that may be opened many times, on top of what was saved. Pure.
// Rules:
// - A pulse is counted once: what is saved is a total, and a line that is opened anew counts from 0 on top of what was known by then.
// - What a power cut costs is what was counted since the last save; it is due `saveMs` after the first pulse that was not saved.
// - The total goes round to 0 after TOTAL_MAX, which is 285,000 years at 1 kHz.
// - A rate is pulses per second between two looks; the first look of a line has none.

/** The largest whole number that JSON carries everywhere. */
export const TOTAL_MAX = Number.MAX_SAFE_INTEGER

export interface Count {
  readonly total: number
  readonly rate: number | null
}

export class PulseCounter {
  readonly #saveMs: number
  #total: number
  /** What the open line has counted by the last look; null while there is none. */
  #seen: number | null = null
  #seenAtMs = 0
  #saved: number
  #unsavedSinceMs: number | null = null

  constructor(saved: number | undefined, saveMs: number) {
    this.#total = saved ?? 0
    this.#saved = this.#total
    this.#saveMs = saveMs
  }

  get total(): number {
    return this.#total
  }

  opened(nowMs: number): void {
    this.#seen = 0
    this.#seenAtMs = nowMs
  }

  /** The line is gone: what it counted since the last look is lost with it. */
  closed(): void {
    this.#seen = null
  }

  /** `count`: what the open line has counted since it was opened. */
  look(count: number, nowMs: number): Count {
    const pulses = count - (this.#seen ?? count)
    const elapsedMs = nowMs - this.#seenAtMs
    this.#seen = count
    this.#seenAtMs = nowMs
    const room = TOTAL_MAX - this.#total
    this.#total = pulses <= room ? this.#total + pulses : pulses - room - 1
    if (this.#total !== this.#saved) this.#unsavedSinceMs ??= nowMs
    return { total: this.#total, rate: elapsedMs > 0 ? Math.round((pulses / elapsedMs) * 1e6) / 1e3 : null }
  }

  /** From now on the total is this, and it is due to be saved. */
  set(total: number, nowMs: number): void {
    this.#total = total
    this.#unsavedSinceMs = nowMs - this.#saveMs
  }

  /** The total, when it is due to be saved: it is taken for saved then. `now`: even if there would be time. */
  due(nowMs: number, now = false): number | null {
    if (this.#unsavedSinceMs === null || (!now && nowMs - this.#unsavedSinceMs < this.#saveMs)) return null
    this.#unsavedSinceMs = null
    this.#saved = this.#total
    return this.#total
  }
}

/** What a command makes of the total: nothing or a whole number. Null when it is neither. */
export function totalOf(payload: Buffer): number | null {
  const text = payload.length > 32 ? 'too long' : payload.toString('utf8').trim()
  if (text === '') return 0
  const total = /^\d+$/.test(text) ? Number(text) : NaN
  return total <= TOTAL_MAX ? total : null
}
