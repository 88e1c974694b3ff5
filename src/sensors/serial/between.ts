// Frames from their start bytes to their end bytes, for text: there are no escapes, so neither may stand inside a frame.
// Rules:
// - What stands between two frames is no frame. When more than frameBytesMax of it come without a start, it is called out as one that is
//   too long: a line at the wrong speed has no start.
// - A start inside a frame means that its end was lost: the frame is called out as cut and the new one begins there.
// - Start and end may be the same bytes. Then each of them ends a frame and begins the next.
// - The length of a frame is that of the bytes between, included or not.
import type { Framer, FrameSink } from './frame.ts'
import { HeldBytes } from './held.ts'
import { Matcher } from './matcher.ts'

interface Between {
  readonly start: Buffer
  readonly end: Buffer
  readonly include: boolean
}

export class BetweenFramer implements Framer {
  readonly #frame: Between
  readonly #same: boolean
  readonly #start: Matcher
  readonly #end: Matcher
  readonly #bytesMax: number
  readonly #sink: FrameSink
  readonly #held: HeldBytes
  #inside = false
  /** Bytes since the last end, while no start has come. */
  #outside = 0

  constructor(frame: Between, bytesMax: number, sink: FrameSink) {
    this.#frame = frame
    this.#same = frame.start.equals(frame.end)
    this.#start = new Matcher(frame.start)
    this.#end = new Matcher(frame.end)
    this.#bytesMax = bytesMax
    this.#sink = sink
    this.#held = new HeldBytes(frame.start.length + bytesMax + frame.end.length)
  }

  push(chunk: Buffer): void {
    for (let i = 0; i < chunk.length; i++) this.#take(chunk[i]!)
  }

  reset(): void {
    this.#held.clear()
    this.#start.reset()
    this.#end.reset()
    this.#inside = false
    this.#outside = 0
  }

  #take(byte: number): void {
    if (!this.#inside) {
      this.#search(byte)
      return
    }
    const kept = this.#held.add(byte)
    if (this.#end.push(byte)) {
      this.#finish()
    } else if (!this.#same && this.#start.push(byte)) {
      this.#sink.skipped('cut')
      this.#begin()
    } else if (!kept || this.#between() - this.#end.matched > this.#bytesMax) {
      this.#sink.skipped('too-long')
      this.#inside = false
    }
  }

  #search(byte: number): void {
    if (this.#start.push(byte)) {
      this.#begin()
    } else if (++this.#outside > this.#bytesMax + this.#frame.start.length) {
      this.#outside = 0
      this.#sink.skipped('too-long')
    }
  }

  #begin(): void {
    this.#inside = true
    this.#outside = 0
    this.#end.reset()
    this.#start.reset()
    this.#held.clear()
    for (const byte of this.#frame.start) this.#held.add(byte)
  }

  /** Bytes behind the start so far. */
  #between(): number {
    return this.#held.length - this.#frame.start.length
  }

  #finish(): void {
    const { start, end, include } = this.#frame
    const between = this.#between() - end.length
    const all = this.#held.length
    this.#inside = false
    this.#held.clear()
    this.#start.reset()
    // The view stays what it is: nothing is added before the call has returned, except the start bytes that are there already.
    if (this.#same) this.#begin()
    if (between > this.#bytesMax) this.#sink.skipped('too-long')
    else if (between > 0) this.#sink.frame(include ? this.#held.view(0, all) : this.#held.view(start.length, start.length + between))
  }
}
