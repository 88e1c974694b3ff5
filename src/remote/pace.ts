// How fast uplinks have carried of late: a guess of when all that waits will have gone, by the bytes that were sent. Where messages travel in frames it is
// too long, for what is packed takes fewer.
import type { Clock, Timer } from '../clock.ts'

export interface Carried {
  readonly name: string
  /** Over the link since the start. */
  readonly bytesSent: number
}

interface Sample {
  readonly atMs: number
  readonly bytes: number
}

const EVERY_MS = 30_000
/** Five minutes. */
const SAMPLES = 10

export class Pace {
  readonly #clock: Clock
  readonly #carried: () => readonly Carried[]
  readonly #samples = new Map<string, Sample[]>()
  #timer: Timer | null = null

  constructor(clock: Clock, carried: () => readonly Carried[]) {
    this.#clock = clock
    this.#carried = carried
  }

  start(): void {
    this.#sample()
    this.#timer = this.#clock.every(EVERY_MS, () => this.#sample())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Seconds until `bytes` have gone as the last minutes went; 0 for none, null while nothing goes. */
  drainSec(name: string, bytes: number): number | null {
    if (bytes === 0) return 0
    const oldest = this.#samples.get(name)?.[0]
    const now = this.#carried().find((one) => one.name === name)
    if (oldest === undefined || now === undefined) return null
    const sent = now.bytesSent - oldest.bytes
    const ms = this.#clock.now() - oldest.atMs
    return sent <= 0 || ms <= 0 ? null : Math.ceil((bytes * ms) / sent / 1000)
  }

  #sample(): void {
    for (const { name, bytesSent } of this.#carried()) {
      const samples = this.#samples.get(name) ?? []
      samples.push({ atMs: this.#clock.now(), bytes: bytesSent })
      if (samples.length > SAMPLES) samples.shift()
      this.#samples.set(name, samples)
    }
  }
}
