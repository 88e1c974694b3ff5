// What one connection sends in a turn, as ranges of buffers that others share, and one write of it at the turn's end.
import type { Counters } from '../counters.ts'
import { Slab } from '../mqtt/slab.ts'
import type { Turn } from '../turn.ts'

/** Ranges shorter than this on average are copied together; a longer one is cheaper to hand over as it is. */
const COPY_BYTES_MAX = 16 * 1024
/** So much is written before the turn's end: a larger write saves nothing. */
const WRITE_EARLY_BYTES = 64 * 1024

/** Where small ranges are gathered; shared, because nothing in it is kept once the kernel has it. */
const gather = new Slab()

/** What is written to: a stream, or what stands before one. */
export interface Sink {
  /** False: no more for now, please. */
  write(bytes: Uint8Array): boolean
  /** Bytes that are not on their way yet. */
  readonly writableLength: number
  cork(): void
  uncork(): void
}

export class Outbox {
  readonly #stream: Sink
  readonly #turn: Turn
  readonly #counters: Pick<Counters, 'bytesSent'>
  /** Finished ranges: buffer, start, end, buffer, start, end, … */
  #ranges: (Buffer | number)[] = []
  // The last range is kept apart, because most often the next one continues it.
  #bytes: Buffer | null = null
  #start = 0
  #end = 0
  #marked = false
  #waiting = 0
  #backlog = 0
  #closed = false

  constructor(stream: Sink, turn: Turn, counters: Pick<Counters, 'bytesSent'>) {
    this.#stream = stream
    this.#turn = turn
    this.#counters = counters
  }

  /** Bytes that the kernel has not taken. */
  get length(): number {
    return this.#waiting + this.#backlog
  }

  /** The kernel has taken everything. */
  drained(): void {
    this.#backlog = 0
  }

  append(bytes: Buffer, start: number, end: number): void {
    if (this.#bytes === bytes && this.#end === start) this.#end = end
    else {
      if (this.#bytes !== null) this.#ranges.push(this.#bytes, this.#start, this.#end)
      this.#bytes = bytes
      this.#start = start
      this.#end = end
    }
    this.#waiting += end - start
    if (!this.#marked) {
      this.#marked = true
      this.#turn.mark(this)
    }
    if (this.#waiting >= WRITE_EARLY_BYTES) this.write()
  }

  flush(): void {
    this.#marked = false
    this.write()
  }

  write(): void {
    const last = this.#bytes
    if (last === null) return
    this.#bytes = null
    const size = this.#waiting
    this.#waiting = 0
    if (this.#closed) {
      this.#ranges = []
      return
    }
    this.#counters.bytesSent += size
    const taken = this.#ranges.length === 0 ? this.#stream.write(last.subarray(this.#start, this.#end)) : this.#writeRanges(last, size)
    this.#backlog = taken ? 0 : this.#stream.writableLength
  }

  /** Nothing is written any more. */
  close(): void {
    this.#closed = true
    this.#bytes = null
    this.#ranges = []
    this.#waiting = 0
  }

  #writeRanges(last: Buffer, size: number): boolean {
    const ranges = this.#ranges
    ranges.push(last, this.#start, this.#end)
    this.#ranges = []
    if (size <= COPY_BYTES_MAX * (ranges.length / 3)) {
      let at = gather.take(size)
      const { bytes, start, end } = gather
      for (let i = 0; i < ranges.length; i += 3) at += (ranges[i] as Buffer).copy(bytes, at, ranges[i + 1] as number, ranges[i + 2] as number)
      return this.#stream.write(bytes.subarray(start, end))
    }
    let taken = true
    this.#stream.cork()
    for (let i = 0; i < ranges.length; i += 3) {
      taken = this.#stream.write((ranges[i] as Buffer).subarray(ranges[i + 1] as number, ranges[i + 2] as number))
    }
    this.#stream.uncork()
    return taken
  }
}
