// Bytes that are like earlier bytes: topics, templates, strings in payloads. Each bit is expected from none, one and two of the bytes before, and
// from how it went on when the last three bytes were the same.
import type { BitCoder } from './arithmetic.ts'
import { Counters, EVEN, firstWeights, Mixer } from './probability.ts'

/** The end of what was told; longer is cut at the front between frames. */
export const HISTORY_MAX = 8192
const COUNTERS = 65536
/** Without a match, and with one. */
const SETS = 2
/** A longer match is as good. */
const LONG = 16

export class TextCoder {
  readonly mixer: Mixer
  /** Made when the first text comes: most frames have none. */
  #counters: Counters | null = null
  #history: Uint8Array
  #length: number
  /** Where it went on after these three bytes. */
  #after: Map<number, number> | null = null

  /** `history`: what was told in frames before. */
  constructor(coder: BitCoder, history: Uint8Array) {
    this.mixer = new Mixer(coder, firstWeights(SETS))
    this.#history = history
    this.#length = history.length
  }

  /** All there was, the oldest first. */
  get history(): Uint8Array {
    return this.#history.subarray(0, this.#length)
  }

  append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#history.length) {
      const larger = new Uint8Array(2 * (this.#length + bytes.length))
      larger.set(this.history)
      this.#history = larger
    }
    this.#history.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Codes `length` bytes; an encoder gives them as `bytes`. What comes back is valid until the next call. */
  code(bytes: Uint8Array | null, length: number): Uint8Array {
    this.#counters ??= new Counters(COUNTERS)
    this.#after ??= this.#index()
    const start = this.#length
    this.append(new Uint8Array(length))
    let before = 0
    let match = 0
    let matched = 0
    for (let i = 0; i < length; i++) {
      const at = start + i
      const byte = this.#byte(bytes === null ? 0 : bytes[i]!, before, match > 0 ? this.#history[match]! : -1, matched)
      this.#history[at] = byte
      before = ((before << 8) | byte) & 0xffffff
      if (match > 0 && this.#history[match] === byte) {
        match++
        matched++
      } else {
        match = 0
        matched = 0
      }
      if (i < 2) continue
      if (match === 0) match = this.#after.get(before) ?? 0
      this.#after.set(before, at + 1)
    }
    return this.#history.subarray(start, this.#length)
  }

  #byte(value: number, before: number, expected: number, matched: number): number {
    const counters = this.#counters!
    const { contexts } = this.mixer
    const one = hash(before & 0xff, 1)
    const two = hash(before & 0xffff, 2)
    let part = 1
    for (let bit = 7; bit >= 0; bit--) {
      contexts[0] = slot(0, part)
      contexts[1] = slot(one, part)
      contexts[2] = slot(two, part)
      const agrees = expected >= 0 && (expected | 256) >> (bit + 1) === part
      if (agrees) contexts[3] = slot(1, Math.min(matched, LONG) * 2 + ((expected >> bit) & 1))
      part = part * 2 + this.mixer.code((value >> bit) & 1, EVEN, counters, agrees ? 4 : 3, agrees ? 1 : 0)
    }
    return part & 255
  }

  #index(): Map<number, number> {
    const after = new Map<number, number>()
    for (let at = 3; at <= this.#length; at++) {
      after.set((this.#history[at - 3]! << 16) | (this.#history[at - 2]! << 8) | this.#history[at - 1]!, at)
    }
    return after
  }
}

function hash(bytes: number, order: number): number {
  return Math.imul(bytes + order * 0x1000000, 0x2c1b3c6d) >>> 0
}

function slot(context: number, part: number): number {
  return Math.imul(context + part * 0x10001, 0x9e3779b1) >>> 16
}
