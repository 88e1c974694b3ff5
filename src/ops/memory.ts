// Memory that nobody uses is given back to the system when the gateway is quiet. V8 alone collects when it wants to allocate, and keeps
// the pages: after a burst of a million messages 50 MB would stay until the next one. main.ts starts Node with --expose-gc for this.
import type { Clock, Timer } from '../clock.ts'
import type { Counters } from '../counters.ts'

const CHECK_MS = 1000
/** Fewer packets in a second are quiet: the collection takes 15 to 25 ms, and holds up hardly anybody then. */
const QUIET_PACKETS = 100
/** Growth that is worth a collection, over what was left by the last one. */
const GROWTH_BYTES = 8 * 1024 * 1024

export class Memory {
  readonly #clock: Clock
  readonly #counters: Counters
  #timer: Timer | null = null
  #packets = 0
  #leftBytes = 0

  constructor(clock: Clock, counters: Counters) {
    this.#clock = clock
    this.#counters = counters
  }

  /** Gives back what start-up left behind, and from now on what every burst does. */
  start(): void {
    this.#giveBack()
    this.#timer = this.#clock.every(CHECK_MS, () => this.#check())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #check(): void {
    const { packetsReceived, publishSent } = this.#counters
    const packets = packetsReceived + publishSent
    const quiet = packets - this.#packets < QUIET_PACKETS
    this.#packets = packets
    if (quiet && process.memoryUsage.rss() - this.#leftBytes > GROWTH_BYTES) this.#giveBack()
  }

  #giveBack(): void {
    void globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    this.#leftBytes = process.memoryUsage.rss()
  }
}
