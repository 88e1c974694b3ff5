// Whole numbers in as few bytes as they need: base 128, low group first, up to 2^53 (the shortest form is not asked for). Negative ones go between the others: 0, -1, 1, -2 …
import { FrameError } from './error.ts'

export class ByteWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(size = 256) {
    this.#bytes = new Uint8Array(size)
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  number(value: number): number {
    this.#room(8)
    let rest = value
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#length++] = rest
    return value
  }

  signed(value: number): number {
    this.number(value < 0 ? -2 * value - 1 : 2 * value)
    return value
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  bytes(bytes: Uint8Array): Uint8Array {
    this.number(bytes.length)
    this.raw(bytes)
    return bytes
  }

  #room(size: number): void {
    if (this.#length + size <= this.#bytes.length) return
    const larger = new Uint8Array(2 * (this.#length + size))
    larger.set(this.written)
    this.#bytes = larger
  }
}

/** Every read stays inside or throws FrameError. */
export class ByteReader {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  get left(): number {
    return this.#bytes.length - this.at
  }

  byte(): number {
    if (this.at === this.#bytes.length) throw new FrameError('the frame ends too early')
    return this.#bytes[this.at++]!
  }

  number(): number {
    let value = 0
    for (let unit = 1; unit < 2 ** 53; unit *= 128) {
      const byte = this.byte()
      value += (byte & 127) * unit
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break
        return value
      }
    }
    throw new FrameError('a number in the frame is too long')
  }

  signed(): number {
    const value = this.number()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  raw(size: number): Uint8Array {
    if (size > this.left) throw new FrameError('the frame ends too early')
    this.at += size
    return this.#bytes.subarray(this.at - size, this.at)
  }

  /** A copy. */
  bytes(): Uint8Array {
    return this.raw(this.number()).slice()
  }
}
