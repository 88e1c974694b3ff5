// SLIP, RFC 1055: a frame ends (and may begin) with END; END and ESC inside it are escaped.
// An escape that the RFC does not know costs its frame ("bad-escape"): what the device meant cannot be told. The next END begins anew, so
// that garbage before the first one costs one frame at most.
import type { Framer, FrameSink } from './frame.ts'
import { HeldBytes } from './held.ts'

const END = 0xc0
const ESC = 0xdb
const ESC_END = 0xdc
const ESC_ESC = 0xdd

export class SlipFramer implements Framer {
  readonly #sink: FrameSink
  readonly #held: HeldBytes
  #escaped = false
  /** This frame has been called out: it is skipped up to its END. */
  #bad = false

  constructor(bytesMax: number, sink: FrameSink) {
    this.#sink = sink
    this.#held = new HeldBytes(bytesMax)
  }

  push(chunk: Buffer): void {
    for (let i = 0; i < chunk.length; i++) this.#take(chunk[i]!)
  }

  reset(): void {
    this.#held.clear()
    this.#escaped = false
    this.#bad = false
  }

  #take(byte: number): void {
    if (byte === END) {
      this.#end()
    } else if (this.#bad) {
      return
    } else if (this.#escaped) {
      this.#escaped = false
      if (byte === ESC_END) this.#add(END)
      else if (byte === ESC_ESC) this.#add(ESC)
      else this.#callOut('bad-escape')
    } else if (byte === ESC) {
      this.#escaped = true
    } else {
      this.#add(byte)
    }
  }

  #end(): void {
    if (this.#escaped) this.#callOut('bad-escape')
    const { length } = this.#held
    const skip = this.#bad || length === 0
    this.reset()
    if (!skip) this.#sink.frame(this.#held.view(0, length))
  }

  #add(byte: number): void {
    if (!this.#held.add(byte)) this.#callOut('too-long')
  }

  #callOut(reason: 'too-long' | 'bad-escape'): void {
    this.#bad = true
    this.#sink.skipped(reason)
  }
}
