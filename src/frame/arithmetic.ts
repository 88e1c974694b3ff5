// A binary arithmetic coder: bits with their probabilities ↔ bytes. The interval is [low, high] of 32 bits, both ends included; a carry cannot
// happen, and the byte that both ends begin with is shifted out.
import { FrameError } from './error.ts'

/** The model asks for bits by it, whether they are written or read. */
export interface BitCoder {
  /** `one`: the probability that the bit is 1, of 65,536, in 1 to 65,535. An encoder answers with `bit`, a decoder does not look at it. */
  code(bit: number, one: number): number
}

/** Few bytes may stand for very many bits: a frame has at most so many, and so many more for each of its bytes. */
const STEPS = 1 << 20
const STEPS_BYTE = 32

/** As few bytes as it takes to be in the interval when zeros follow, and of these the least. */
function endOf(low: number, high: number): number[] {
  const end: number[] = []
  for (let unit = 2 ** 32; ; unit /= 256) {
    const value = Math.ceil(low / unit) * unit
    if (value > high) continue
    for (let shift = 24; unit < 2 ** (shift + 8); shift -= 8) end.push((value >>> shift) & 255)
    return end
  }
}

export class ArithmeticEncoder implements BitCoder {
  #bytes = new Uint8Array(1024)
  #length = 0
  #steps = 0
  #low = 0
  #high = 0xffffffff

  /** A decoder would take no more bits. */
  get isFull(): boolean {
    return this.#steps > STEPS + STEPS_BYTE * this.#length
  }

  /** So many bytes it would have if it ended here, or one less. */
  get length(): number {
    return this.#length + 2
  }

  code(bit: number, one: number): number {
    this.#steps++
    const middle = this.#low + Math.floor(((this.#high - this.#low) * one) / 65536)
    if (bit === 1) this.#high = middle
    else this.#low = middle + 1
    while (((this.#low ^ this.#high) & 0xff000000) === 0) {
      this.#put(this.#high >>> 24)
      this.#low = (this.#low << 8) >>> 0
      this.#high = ((this.#high << 8) | 255) >>> 0
    }
    return bit
  }

  /** All bytes. */
  finish(): Uint8Array {
    for (const byte of endOf(this.#low, this.#high)) this.#put(byte)
    return this.#bytes.subarray(0, this.#length)
  }

  #put(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = byte
  }
}

/** What a decoder reads ahead; behind the end there are zeros. */
const AHEAD_BYTES = 4

export class ArithmeticDecoder implements BitCoder {
  readonly #bytes: Uint8Array
  readonly #stepsMax: number
  #at: number
  #steps = 0
  #low = 0
  #high = 0xffffffff
  #value = 0

  /** Reads `bytes` from `at` on. */
  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
    this.#stepsMax = STEPS + STEPS_BYTE * bytes.length
    for (let i = 0; i < AHEAD_BYTES; i++) this.#value = this.#value * 256 + this.#next()
  }

  /** The bytes end here, as an encoder ends them: not one could be missing, or be another. */
  get isAtEnd(): boolean {
    const rest = this.#bytes.subarray(this.#at - AHEAD_BYTES)
    const end = endOf(this.#low, this.#high)
    return rest.length === end.length && end.every((byte, i) => byte === rest[i])
  }

  code(_bit: number, one: number): number {
    if (++this.#steps > this.#stepsMax) throw new FrameError('the frame takes more steps to decode than a frame may')
    const middle = this.#low + Math.floor(((this.#high - this.#low) * one) / 65536)
    const bit = this.#value <= middle ? 1 : 0
    if (bit === 1) this.#high = middle
    else this.#low = middle + 1
    while (((this.#low ^ this.#high) & 0xff000000) === 0) {
      this.#low = (this.#low << 8) >>> 0
      this.#high = ((this.#high << 8) | 255) >>> 0
      this.#value = ((this.#value << 8) | this.#next()) >>> 0
    }
    return bit
  }

  #next(): number {
    if (this.#at < this.#bytes.length) return this.#bytes[this.#at++]!
    if (this.#at++ >= this.#bytes.length + AHEAD_BYTES) throw new FrameError('the frame ends too early')
    return 0
  }
}
