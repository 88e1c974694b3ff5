// What the bytes of one TCP connection cost on the wire, when nobody can count packets: IP bytes, headers and acknowledgements included.
//
// Taken for granted: IPv4, Ethernet's MTU of 1500, TCP timestamps (as Linux has them), nothing lost, nothing sent again. A segment carries up to
// 1448 bytes under 52 of headers. The receiver acknowledges every second segment at once, and a single one with what it sends itself
// within 40 ms, or with a packet of its own. Opening a connection takes three packets, its end four, a reset one.
//
// Good to a few percent against counted packets (test/bench/link counts them where it can). Bytes of TLS and MQTT are payload here.

/** What TCP carries in one packet: MTU 1500, IPv4 20, TCP 20, timestamps 12. */
export const SEGMENT_BYTES_MAX = 1448
/** IPv4 20, TCP 20, timestamps 12. */
export const HEADER_BYTES = 52
const SYN_BYTES = 60
const RESET_BYTES = 40
/** Linux' shortest delay of an acknowledgement. */
const DELAYED_ACK_MS = 40

export type Direction = 'up' | 'down'

/** IP bytes so far. */
export interface WireBytes {
  up: number
  down: number
}

export class WireEstimate {
  readonly #total: WireBytes
  /** Segments that the receiving side has not acknowledged, and since when. */
  readonly #owed: Record<Direction, { segments: number; sinceMs: number }> = { up: { segments: 0, sinceMs: 0 }, down: { segments: 0, sinceMs: 0 } }

  /** Adds to `total`, which connections may share. */
  constructor(total: WireBytes) {
    this.#total = total
  }

  opened(): void {
    this.#total.up += SYN_BYTES + HEADER_BYTES
    this.#total.down += SYN_BYTES
  }

  /** A segment in `direction` has arrived. */
  segment(direction: Direction, payloadBytes: number, nowMs: number): void {
    const back = direction === 'up' ? 'down' : 'up'
    this.settle(nowMs)
    this.#owed[back].segments = 0 // this segment acknowledges what came the other way
    this.#total[direction] += HEADER_BYTES + payloadBytes
    const owed = this.#owed[direction]
    if (owed.segments++ === 0) owed.sinceMs = nowMs
    if (owed.segments >= 2) this.#acknowledge(direction)
  }

  /** A FIN each way, and what acknowledges it. */
  ended(nowMs: number): void {
    this.settle(nowMs)
    this.#total.up += 2 * HEADER_BYTES
    this.#total.down += 2 * HEADER_BYTES
  }

  reset(direction: Direction): void {
    this.#total[direction] += RESET_BYTES
  }

  /** Acknowledgements that nothing took along until now have been sent. */
  settle(nowMs: number): void {
    for (const direction of ['up', 'down'] as const) {
      const owed = this.#owed[direction]
      if (owed.segments > 0 && nowMs - owed.sinceMs >= DELAYED_ACK_MS) this.#acknowledge(direction)
    }
  }

  #acknowledge(direction: Direction): void {
    this.#owed[direction].segments = 0
    this.#total[direction === 'up' ? 'down' : 'up'] += HEADER_BYTES
  }
}
