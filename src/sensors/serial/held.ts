// The bytes of a frame that is not complete yet. Memory grows to `bytesMax` and is kept, so that a steady stream allocates nothing.
const BYTES_MIN = 256

export class HeldBytes {
  readonly #bytesMax: number
  #bytes: Buffer
  #length = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(BYTES_MIN, bytesMax))
  }

  get length(): number {
    return this.#length
  }

  /** False when there is no room: the byte is not held. */
  add(byte: number): boolean {
    if (this.#length === this.#bytesMax) return false
    if (this.#length === this.#bytes.length) this.#grow()
    this.#bytes[this.#length++] = byte
    return true
  }

  at(index: number): number {
    return this.#bytes[index]!
  }

  /** A view, valid until the next add() or clear(). */
  view(start: number, end: number): Buffer {
    return this.#bytes.subarray(start, end)
  }

  clear(): void {
    this.#length = 0
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(Math.min(2 * this.#bytes.length, this.#bytesMax))
    this.#bytes.copy(grown)
    this.#bytes = grown
  }
}
