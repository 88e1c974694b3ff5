// How long a queue will take to empty: from what has been acknowledged of late. Pure.

interface Sample {
  readonly atMs: number
  readonly acknowledged: number
  readonly queued: number
}

const SAMPLES_MAX = 60
const WINDOW_MS = 120_000
/** Two looks closer together say nothing. */
const SPAN_MS_MIN = 3000

export class Drain {
  #samples: Sample[] = []

  add(atMs: number, acknowledged: number, queued: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && (acknowledged < last.acknowledged || atMs <= last.atMs)) this.#samples = [] // the gateway was started again
    this.#samples.push({ atMs, acknowledged, queued })
    this.#samples = this.#samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS).slice(-SAMPLES_MAX)
  }

  /** Acknowledged messages a second; null as long as nobody can say. */
  get perSec(): number | null {
    const [first] = this.#samples
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.atMs - first.atMs < SPAN_MS_MIN) return null
    return ((last.acknowledged - first.acknowledged) / (last.atMs - first.atMs)) * 1000
  }

  /** Until nothing waits, when it goes on like this; null when it does not get less, or nobody can say. */
  get leftSec(): number | null {
    const [first] = this.#samples
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || this.perSec === null) return null
    if (last.queued === 0) return 0
    const lessPerSec = ((first.queued - last.queued) / (last.atMs - first.atMs)) * 1000
    return lessPerSec > 0 ? last.queued / lessPerSec : null
  }
}
