// The ground's side of simulated Iridium modems: what has arrived from them, and what waits for one.
export interface Arrived {
  readonly momsn: number
  readonly bytes: Buffer
}

export class SbdGround {
  /** Every message up, in the order of its arrival; one that was sent twice stands here twice. */
  readonly arrived: Arrived[] = []
  /** Messages down that no modem has fetched; the oldest goes first. */
  readonly queue: Buffer[] = []
  /** Sessions that succeeded, and the credits they would be billed: 50 bytes of a message each, one for a session without. */
  sessions = 0
  credits = 0
  #mtmsn = 0
  #ring: () => void = () => {}

  /** Queues a message for the modem and rings it. */
  send(bytes: Buffer | string): void {
    this.queue.push(Buffer.from(bytes))
    this.#ring()
  }

  // ---- for the modem

  onRing(fn: () => void): void {
    this.#ring = fn
  }

  take(momsn: number, bytes: Buffer): void {
    this.arrived.push({ momsn, bytes })
  }

  /** The oldest message leaves the queue: the modem has acknowledged it. */
  deliver(): { readonly mtmsn: number; readonly bytes: Buffer } {
    this.#mtmsn = (this.#mtmsn + 1) % 65_536
    return { mtmsn: this.#mtmsn, bytes: this.queue.shift()! }
  }

  bill(upBytes: number, downBytes: number): void {
    this.sessions++
    this.credits += Math.max(1, Math.ceil(upBytes / 50) + Math.ceil(downBytes / 50))
  }
}
