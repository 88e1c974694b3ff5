// Reasons not to read from a connection, kept apart by name; while there is one, nothing of this client is read or handled:
//   receiver  somebody this client publishes to does not keep up; ends when that one has read, or has been given up on
//   flash     the store is behind
//   access    a proof of who the client is is being checked, on another thread
//   rate      it, or its tenant, has published as often as it may in a second
//   retained  what it has subscribed to is being looked for among the retained messages
//   refusal   it is refused, and hears it late
import type { Duplex } from 'node:stream'

/** Bits. */
export const Hold = { receiver: 1, flash: 2, access: 4, rate: 8, retained: 16, refusal: 32 } as const
export type Hold = (typeof Hold)[keyof typeof Hold]

export class Holds {
  readonly #stream: Duplex
  readonly #freed: () => void
  #bits = 0
  #over = false

  /** `freed`: the last reason is gone, and the stream flows again. */
  constructor(stream: Duplex, freed: () => void) {
    this.#stream = stream
    this.#freed = freed
  }

  get any(): boolean {
    return this.#bits !== 0
  }

  set(why: Hold): void {
    this.#bits |= why
    if (!this.#over) this.#stream.pause()
  }

  clear(why: Hold): void {
    if ((this.#bits & why) === 0) return
    this.#bits &= ~why
    if (this.#bits !== 0 || this.#over) return
    this.#stream.resume()
    this.#freed()
  }

  /** The connection is over: what still comes is read and thrown away, or the close would never be seen. */
  end(): void {
    this.#over = true
    this.#stream.resume()
  }
}
