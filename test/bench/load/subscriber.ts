// Receives, checks and acknowledges. All acknowledgements of one read leave in one write.

import type { Socket } from 'node:net'
import { bytes, Client, view } from './client.ts'
import { Check } from './check.ts'

const ARENA_BYTES = 1 << 18

export class Subscriber extends Client {
  readonly check: Check
  /** Called once per read that brought messages. */
  onBatch: (() => void) | null = null
  /** Called for every message. */
  onMessage: ((publisher: number, sequence: number) => void) | null = null
  // Acknowledgements go into an arena that is only bumped, so that a write which has to wait can keep its slice.
  #arena = Buffer.alloc(0)
  #used = 0

  constructor(socket: Socket, publishers: number) {
    super(socket)
    this.check = new Check(publishers)
  }

  protected packets(start: number, end: number): number {
    const { check, onMessage } = this
    const before = check.received
    const ackFrom = this.#room(((end - start) >> 6) * 4 + 4)
    let at = start
    while (end - at >= 2) {
      const first = bytes[at]!
      const next = at + 2 + bytes[at + 1]! // one length byte: the bench's packets are short
      if (next > end) break
      if (first >> 4 === 3) {
        let payload = at + 4 + bytes[at + 3]!
        if ((first & 6) !== 0) {
          this.#acknowledge(payload)
          payload += 2
        }
        const publisher = view.getUint32(payload)
        const sequence = view.getUint32(payload + 4)
        check.take(publisher, sequence)
        if (onMessage !== null) onMessage(publisher, sequence)
      } else {
        this.control(at, next)
      }
      at = next
    }
    if (this.#used > ackFrom) this.write(this.#arena, ackFrom, this.#used)
    if (check.received > before) this.onBatch?.()
    return at
  }

  #acknowledge(packetIdAt: number): void {
    const arena = this.#arena
    const at = this.#used
    arena[at] = 0x40
    arena[at + 1] = 2
    arena[at + 2] = bytes[packetIdAt]!
    arena[at + 3] = bytes[packetIdAt + 1]!
    this.#used = at + 4
  }

  #room(needed: number): number {
    if (this.#used + needed > this.#arena.length) {
      this.#arena = Buffer.allocUnsafeSlow(Math.max(ARENA_BYTES, needed))
      this.#used = 0
    }
    return this.#used
  }
}
