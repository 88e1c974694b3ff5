// The small things a frame is made of, each as bits with their probabilities: flags, integers, texts.
import type { BitCoder } from './arithmetic.ts'
import { FrameError } from './error.ts'
import { EVEN, Mixer } from './probability.ts'
import { INTEGER_COUNTERS, Sets, Shared, type State } from './state.ts'
import { TextCoder } from './text.ts'

/** Kinds of integers. */
export const Integer = { gap: 0, length: 1, made: 2, format: 3 } as const
/** Flags, by their number among the shared counters. */
export const Flag = { ordinary: 0, inSequence: 1, regular: 2, fits: 3, reformatted: 4, kept: 5, topicKnown: 6, shapeKnown: 7, apart: 8 } as const
/** Texts of at most so many bytes are told bit by bit. */
const TOLD_BYTES_MAX = 65535

export class Bits {
  readonly mixer: Mixer
  readonly text: TextCoder
  readonly #state: State

  constructor(coder: BitCoder, state: State) {
    this.#state = state
    this.mixer = new Mixer(coder, state.weights)
    this.text = new TextCoder(coder, state.history)
  }

  flag(flag: number, is: boolean): boolean {
    this.mixer.contexts[0] = Shared.flags + flag
    return this.mixer.code(is ? 1 : 0, EVEN, this.#state.counters, 1, Sets.flags) === 1
  }

  /** A whole number from 0 to 2^53 - 2: how many bits value + 1 has behind the first, then these. */
  integer(kind: number, value: number): number {
    let exponent = 0
    for (; ; exponent++) {
      if (exponent === 53) throw new FrameError('a number is out of bounds')
      this.mixer.contexts[0] = Shared.integers + kind * INTEGER_COUNTERS + Math.min(exponent, INTEGER_COUNTERS - 1)
      if (this.mixer.code(value + 1 >= 2 ** (exponent + 1) ? 1 : 0, EVEN, this.#state.counters, 1, Sets.integers) === 0) break
    }
    let coded = 1
    for (let unit = 2 ** (exponent - 1); unit >= 1; unit /= 2) coded = coded * 2 + this.mixer.even(Math.floor((value + 1) / unit) % 2)
    return coded - 1
  }

  /** One of either sign. */
  signed(kind: number, value: number): number {
    const coded = this.integer(kind, value < 0 ? -2 * value - 1 : 2 * value)
    return coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2
  }

  /** `count` bits of which nothing is known, the most significant first. */
  even(value: number, count: number): number {
    let coded = 0
    for (let bit = count - 1; bit >= 0; bit--) coded = coded * 2 + this.mixer.even((value >> bit) & 1)
    return coded
  }

  /** A text with its length. What comes back is valid until the next one. */
  tell(bytes: Uint8Array | null): Uint8Array {
    const length = this.integer(Integer.length, bytes?.length ?? 0)
    if (length > TOLD_BYTES_MAX) throw new FrameError(`a text has ${length} bytes`)
    return this.text.code(bytes, length)
  }
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
