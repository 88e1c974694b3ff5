// Writes on a slow link a segment at a time, at twice the rate that the link has. A large write given to TCP at once overruns the few packets that a modem
// queues; what is lost at its end is found out after a time-out of many round trips, in which the link stands still.
//
// On a link that is quick enough, or of which nothing is known, everything goes on as it comes.
import type { Clock, Timer } from '../../clock.ts'
import type { Sink } from '../../session/outbox.ts'
import { SEGMENT_BYTES } from './pacer.ts'

/** A quicker link empties its queue before TCP has filled it: 64 kbit/s. */
const SLOW_BYTES_PER_SEC = 8000
/** What is known of the rate may be too little: it must not keep itself so. */
const GAIN = 2

export interface TrickleDeps {
  readonly clock: Clock
  /** What the link carries, or null. */
  readonly bytesPerSec: () => number | null
  /** What was held back is written. */
  readonly drained: () => void
}

export class Trickle implements Sink {
  readonly #sink: Sink
  readonly #deps: TrickleDeps
  readonly #held: Uint8Array[] = []
  #heldBytes = 0
  /** When what was written has left, at the rate that it is written with. */
  #freeMs = -Infinity
  #timer: Timer | null = null

  constructor(sink: Sink, deps: TrickleDeps) {
    this.#sink = sink
    this.#deps = deps
  }

  get writableLength(): number {
    return this.#heldBytes + this.#sink.writableLength
  }

  write(bytes: Uint8Array): boolean {
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
    const taken = this.#timer === null && this.#pump()
    return taken && this.#heldBytes === 0
  }

  cork(): void {
    this.#sink.cork()
  }

  uncork(): void {
    this.#sink.uncork()
  }

  /** Holds nothing back any more. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    for (const bytes of this.#held.splice(0)) this.#sink.write(bytes)
    this.#heldBytes = 0
  }

  /** False: the sink has taken it, and wants no more for now. */
  #pump(): boolean {
    const nowMs = this.#deps.clock.now()
    let taken = true
    while (this.#heldBytes > 0) {
      const rate = this.#deps.bytesPerSec()
      const isSlow = rate !== null && rate < SLOW_BYTES_PER_SEC
      if (isSlow && nowMs < this.#freeMs) {
        this.#timer = this.#deps.clock.after(Math.ceil(this.#freeMs - nowMs), () => this.#onTimer())
        return taken
      }
      const piece = this.#take(isSlow ? SEGMENT_BYTES : Infinity)
      taken = this.#sink.write(piece)
      this.#freeMs = isSlow ? Math.max(this.#freeMs, nowMs) + (piece.length * 1000) / (rate * GAIN) : -Infinity
    }
    return taken
  }

  #onTimer(): void {
    this.#timer = null
    if (this.#pump() && this.#heldBytes === 0) this.#deps.drained()
  }

  /** The first that is held, at most `bytesMax` of it. */
  #take(bytesMax: number): Uint8Array {
    const first = this.#held[0]!
    if (first.length <= bytesMax) this.#held.shift()
    else this.#held[0] = first.subarray(bytesMax)
    const piece = first.subarray(0, bytesMax)
    this.#heldBytes -= piece.length
    return piece
  }
}
