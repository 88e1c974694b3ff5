// Cuts the byte stream into packets by their fixed headers (MQTT 5.0 section 2.1); what is in them is decode.ts's business.
//
//   a packet that stands whole in a chunk is found in place, without a copy;
//   the packet that a chunk's end has cut is copied once into a buffer of its own, allocated when its length is known and allowed,
//   and reading goes on in place behind it;
//   a packet longer than the limit is refused when its fixed header is seen: nothing of it is buffered.
//
// So every byte is copied at most once, however small the chunks are, and what is held is bounded by the limit and the chunks pushed.
import { readVarint, varintSize } from './read.ts'
import { ProtocolError, Reason } from './reason.ts'

const NONE = Buffer.alloc(0)
const HEADER_BYTES_MAX = 5

export class Framer {
  /** The packet that next() found: `bytes[start, end)`, behind its fixed header from `body` on. Valid until the following next(). */
  bytes: Buffer = NONE
  start = 0
  body = 0
  end = 0

  #chunk: Buffer = NONE
  #at = 0
  /** Chunks pushed before the current one was read to its end. */
  #waiting: Buffer[] = []
  /** The cut packet: first what there is of its fixed header, then the whole of it with `filled` bytes received. */
  #head: Buffer | null = null
  #partial: Buffer | null = null
  #filled = 0
  /** Bytes of the stream so far. */
  #pushed = 0

  push(chunk: Buffer): void { // [MQTT-4.2-1]
    this.#pushed += chunk.length
    if (this.#at < this.#chunk.length) {
      this.#waiting.push(chunk)
    } else {
      this.#chunk = chunk
      this.#at = 0
    }
  }

  /** The first byte of the packet that next() would find, or -1 when none has come. */
  get firstByte(): number {
    const begun = this.#partial ?? this.#head
    if (begun !== null) return begun[0]!
    return this.#at < this.#chunk.length ? this.#chunk[this.#at]! : -1
  }

  /** Bytes held: chunks not read yet, and the cut packet at its full length. */
  get bufferedBytes(): number {
    return this.#unread + (this.#head?.length ?? 0) + (this.#partial?.length ?? 0)
  }

  /** Where in the stream the packet begins that next() has found, waits for, or has failed at. */
  get offset(): number {
    const begun = this.#partial === null ? (this.#head?.length ?? 0) : this.#filled
    return this.#pushed - this.#unread - (begun > 0 ? begun : this.end - this.start)
  }

  get #unread(): number {
    let n = this.#chunk.length - this.#at
    for (const chunk of this.#waiting) n += chunk.length
    return n
  }

  /** Steps to the next complete packet; false when more bytes are needed. Throws ProtocolError for a length of more than `sizeMax`. */
  next(sizeMax: number): boolean {
    try {
      do {
        if (this.#partial !== null || this.#head !== null ? this.#complete(sizeMax) : this.#cut(sizeMax)) return true
      } while (this.#nextChunk())
      return false
    } catch (error) {
      this.end = this.start // nothing was found: `offset` is where it stands
      throw error
    }
  }

  /** Lets go of everything. */
  clear(): void {
    this.#waiting = []
    this.#head = this.#partial = null
    this.#nextChunk()
  }

  #cut(sizeMax: number): boolean {
    const chunk = this.#chunk
    const start = this.#at
    const length = readVarint(chunk, start + 1, chunk.length)
    if (length < 0) {
      if (start < chunk.length) this.#head = Buffer.from(chunk.subarray(start))
      return false
    }
    const body = start + 1 + varintSize(length)
    const end = body + length
    if (end - start > sizeMax) throw tooLarge(end - start, sizeMax) // [MQTT-3.2.2-15]
    if (end > chunk.length) {
      this.#begin(end - start)
      return this.#fill()
    }
    this.bytes = chunk
    this.start = start
    this.body = body
    this.end = end
    this.#at = end
    return true
  }

  #complete(sizeMax: number): boolean {
    const head = this.#head
    if (head !== null) {
      const header = Buffer.concat([head, this.#chunk.subarray(this.#at, this.#at + HEADER_BYTES_MAX - head.length)])
      const length = readVarint(header, 1, header.length)
      if (length < 0) {
        this.#head = header
        this.#at = this.#chunk.length
        return false
      }
      const size = 1 + varintSize(length) + length
      if (size > sizeMax) throw tooLarge(size, sizeMax)
      this.#begin(size)
      this.#head = null
      this.#filled = head.copy(this.#partial!)
    }
    return this.#fill()
  }

  #begin(size: number): void {
    this.#partial = Buffer.allocUnsafeSlow(size)
    this.#filled = 0
  }

  #fill(): boolean {
    const partial = this.#partial!
    const copied = this.#chunk.copy(partial, this.#filled, this.#at)
    this.#filled += copied
    this.#at += copied
    if (this.#filled < partial.length) return false
    this.#partial = null
    this.bytes = partial
    this.start = 0
    this.body = 1 + varintSize(readVarint(partial, 1, partial.length))
    this.end = partial.length
    return true
  }

  #nextChunk(): boolean {
    const chunk = this.#waiting.shift()
    this.#at = 0
    this.#chunk = chunk ?? NONE
    this.bytes = NONE // an idle connection must not keep its last chunk alive
    return chunk !== undefined
  }
}

function tooLarge(size: number, sizeMax: number): ProtocolError {
  return new ProtocolError(Reason.packetTooLarge, `packet of ${size} bytes; the limit is ${sizeMax}`)
}
