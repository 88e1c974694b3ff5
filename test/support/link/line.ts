// One direction of a link, shared by all its connections: it sends segment after segment at its rate.
//
// Times are performance.now(). When a segment leaves and arrives follows from what was handed over before it, not from when timers fire: a busy
// machine delivers late, and the rate stays right.
import type { Random } from '../../sim/random.ts'
import { HEADER_BYTES } from './wire-estimate.ts'

export interface LineShape {
  /** Of what is on the wire, headers included; Infinity for no bound. */
  readonly bitsPerSec: number
  /** One way. */
  readonly delayMs: number
  /** Each segment comes up to so much later. None overtakes another of its connection. */
  readonly jitterMs: number
  /** May wait in front of the line. The sender is not read from while more does. */
  readonly queueBytesMax: number
}

export class Line {
  shape: LineShape
  readonly #random: Random
  /** When all that was handed over has left. */
  #freeAtMs = 0

  constructor(shape: LineShape, random: Random) {
    this.shape = shape
    this.#random = random
  }

  /** Bytes come out as they go in. */
  get isIdeal(): boolean {
    const { bitsPerSec, delayMs, jitterMs } = this.shape
    return bitsPerSec === Infinity && delayMs === 0 && jitterMs === 0
  }

  /** When the queue takes another segment: `nowMs`, or later. */
  roomAtMs(nowMs: number): number {
    const { queueBytesMax } = this.shape
    const tooLateMs = this.#freeAtMs - nowMs - this.#sendMs(queueBytesMax)
    return tooLateMs <= 0 ? nowMs : nowMs + tooLateMs
  }

  /** Hands a segment over; answers when it would arrive. `notBeforeMs`: its connection is open then. */
  take(payloadBytes: number, nowMs: number, notBeforeMs: number): number {
    const { delayMs, jitterMs } = this.shape
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + this.#sendMs(payloadBytes + HEADER_BYTES)
    return Math.max(this.#freeAtMs, notBeforeMs) + delayMs + this.#random.next() * jitterMs
  }

  /** Nothing was sent until now: the link was down. */
  wasDown(nowMs: number, downMs: number): void {
    if (this.#freeAtMs > nowMs - downMs) this.#freeAtMs += downMs
  }

  #sendMs(bytes: number): number {
    return this.shape.bitsPerSec === Infinity ? 0 : (bytes * 8000) / this.shape.bitsPerSec
  }
}
