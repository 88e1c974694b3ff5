// Load averages as Mosquitto publishes them: how much of something there is in a minute, as an exponentially weighted moving average
// over 1, 5 and 15 minutes. Pure: totals and elapsed time in, averages out.

/** The spans, by the name they have in a topic. */
export const SPANS = [
  ['1min', 60],
  ['5min', 300],
  ['15min', 900],
] as const

export class LoadAverage {
  readonly #perMinute: number[] = SPANS.map(() => 0)
  #total = 0

  /** Takes in what a total, counted from the start, is `elapsedMs` after the last call. */
  update(total: number, elapsedMs: number): void {
    if (elapsedMs <= 0) return // the difference is not lost: the next call has it
    const elapsedSec = elapsedMs / 1000
    const rate = ((total - this.#total) * 60) / elapsedSec
    this.#total = total
    SPANS.forEach(([, spanSec], i) => {
      const kept = Math.exp(-elapsedSec / spanSec)
      this.#perMinute[i] = rate + kept * (this.#perMinute[i]! - rate)
    })
  }

  /** One average for each of SPANS. */
  get perMinute(): readonly number[] {
    return this.#perMinute
  }
}
