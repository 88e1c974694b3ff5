// Frames that end at a delimiter. One \r before the \n of a line does not belong to the frame, nor to its length.
import type { Framer, FrameSink } from './frame.ts'
import { HeldBytes } from './held.ts'
import { Matcher } from './matcher.ts'

const CR = 0x0d

export class DelimitedFramer implements Framer {
  readonly #delimiter: Matcher
  readonly #stripCr: boolean
  readonly #bytesMax: number
  readonly #sink: FrameSink
  /** As many of the frame's first bytes as could still be published. */
  readonly #held: HeldBytes
  /** Bytes since the last delimiter, kept or not. */
  #total = 0
  #tooLong = false

  constructor(delimiter: Buffer, stripCr: boolean, bytesMax: number, sink: FrameSink) {
    this.#delimiter = new Matcher(delimiter)
    this.#stripCr = stripCr
    this.#bytesMax = bytesMax
    this.#sink = sink
    this.#held = new HeldBytes(bytesMax + delimiter.length + (stripCr ? 1 : 0))
  }

  push(chunk: Buffer): void {
    const lengthMax = this.#bytesMax + (this.#stripCr ? 1 : 0)
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      this.#held.add(byte)
      this.#total++
      if (this.#delimiter.push(byte)) this.#end()
      else if (this.#total - this.#delimiter.matched > lengthMax) this.#callTooLong()
    }
  }

  reset(): void {
    this.#held.clear()
    this.#delimiter.reset()
    this.#total = 0
    this.#tooLong = false
  }

  #end(): void {
    let length = this.#total - this.#delimiter.length
    if (this.#stripCr && length > 0 && length <= this.#held.length && this.#held.at(length - 1) === CR) length--
    if (length > this.#bytesMax) this.#callTooLong()
    const skip = this.#tooLong || length === 0
    this.reset()
    if (!skip) this.#sink.frame(this.#held.view(0, length))
  }

  #callTooLong(): void {
    if (this.#tooLong) return
    this.#tooLong = true
    this.#sink.skipped('too-long')
  }
}
