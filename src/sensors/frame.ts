// Bytes of a serial line → frames. Pure: chunks in, calls out; a chunk may be cut anywhere.
// Rules:
// - A frame ends at its delimiter; empty frames are none (a device's idle delimiters, "\r\n\r\n").
// - A frame longer than frameBytesMax is called out once, when it becomes too long, and skipped up to its delimiter. A line
//   at the wrong speed has no delimiter for minutes: it must be seen in the counters before that.
// - Memory is at most frameBytesMax and the delimiter; it is kept, so that a steady stream allocates nothing.
// - The frame given out is a view of that memory, valid during the call only.
import type { SerialSensorConfig } from '../config/config.ts'

export interface Framer {
  push(chunk: Buffer): void
  /** Forgets an unfinished frame: the port was opened anew, and what follows does not belong to it. */
  reset(): void
}

export interface FrameSink {
  frame(frame: Buffer): void
  tooLong(): void
}

export function makeFramer(frame: SerialSensorConfig['frame'], frameBytesMax: number, sink: FrameSink): Framer {
  return frame.kind === 'line'
    ? new DelimitedFramer(Buffer.of(LF), true, frameBytesMax, sink)
    : new DelimitedFramer(frame.delimiter, false, frameBytesMax, sink)
}

const CR = 0x0d
const LF = 0x0a
const HELD_BYTES_MIN = 256

class DelimitedFramer implements Framer {
  readonly #delimiter: Buffer
  /** One \r before the delimiter does not belong to the frame, nor to its length. */
  readonly #stripCr: boolean
  readonly #bytesMax: number
  readonly #heldMax: number
  readonly #sink: FrameSink
  /** For each length of a partial match, the next shorter one (Knuth-Morris-Pratt). "\r\r\n" holds "\r\n" without a look back. */
  readonly #fallback: number[]
  /** As many of the frame's first bytes as could still be published. */
  #held: Buffer
  /** Bytes since the last delimiter, kept or not. */
  #total = 0
  /** How many of the delimiter's bytes end the stream so far. */
  #matched = 0
  #tooLong = false

  constructor(delimiter: Buffer, stripCr: boolean, bytesMax: number, sink: FrameSink) {
    if (delimiter.length === 0) throw new RangeError('a frame delimiter needs at least one byte')
    this.#delimiter = Buffer.from(delimiter)
    this.#stripCr = stripCr
    this.#bytesMax = bytesMax
    this.#heldMax = bytesMax + delimiter.length + (stripCr ? 1 : 0)
    this.#sink = sink
    this.#fallback = fallbacks(delimiter)
    this.#held = Buffer.allocUnsafeSlow(Math.min(HELD_BYTES_MIN, this.#heldMax))
  }

  push(chunk: Buffer): void {
    const delimiter = this.#delimiter
    const lengthMax = this.#bytesMax + (this.#stripCr ? 1 : 0)
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (this.#total < this.#heldMax) this.#hold(byte)
      this.#total++
      while (this.#matched > 0 && byte !== delimiter[this.#matched]) this.#matched = this.#fallback[this.#matched]!
      if (byte === delimiter[this.#matched]) this.#matched++
      if (this.#matched === delimiter.length) this.#end()
      else if (this.#total - this.#matched > lengthMax) this.#callTooLong()
    }
  }

  reset(): void {
    this.#total = 0
    this.#matched = 0
    this.#tooLong = false
  }

  #hold(byte: number): void {
    if (this.#total === this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(2 * this.#held.length, this.#heldMax))
      this.#held.copy(grown)
      this.#held = grown
    }
    this.#held[this.#total] = byte
  }

  #end(): void {
    let length = this.#total - this.#delimiter.length
    if (this.#stripCr && length > 0 && length <= this.#held.length && this.#held[length - 1] === CR) length--
    if (length > this.#bytesMax) this.#callTooLong()
    const skip = this.#tooLong || length === 0
    this.reset()
    if (!skip) this.#sink.frame(this.#held.subarray(0, length))
  }

  #callTooLong(): void {
    if (this.#tooLong) return
    this.#tooLong = true
    this.#sink.tooLong()
  }
}

/** fallback[n]: the longest proper prefix of the delimiter that is also a suffix of its first n bytes. */
function fallbacks(delimiter: Buffer): number[] {
  const fallback = [0, 0]
  let length = 0
  for (let n = 1; n < delimiter.length; n++) {
    while (length > 0 && delimiter[n] !== delimiter[length]) length = fallback[length]!
    if (delimiter[n] === delimiter[length]) length++
    fallback.push(length)
  }
  return fallback
}
