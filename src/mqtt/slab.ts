// Room for what is sent: bump allocation from slabs that are never reused, so that a pending socket write can keep its slice.
// A slab is freed when nothing points into it any more; what is kept for long must not stand in one (Message.detach).
// Neighbours are contiguous as long as they fit: a connection can join them into one write.

export const SLAB_BYTES = 256 * 1024

export class Slab {
  /** The room that take() made: `bytes[start, end)`. */
  bytes: Buffer
  start = 0
  end = 0

  readonly #slabBytes: number
  /** Where the current slab's free room begins. */
  #slab: Buffer
  #free = 0

  constructor(slabBytes = SLAB_BYTES) {
    this.#slabBytes = slabBytes
    this.#slab = Buffer.allocUnsafeSlow(0) // the first slab comes with the first use
    this.bytes = this.#slab
  }

  /** Makes room for `size` bytes, at `bytes[start, end)`, and returns `start`. The bytes hold anything. */
  take(size: number): number {
    if (this.#free + size > this.#slab.length && !this.#refill(size)) return 0
    this.bytes = this.#slab
    this.start = this.#free
    return (this.#free = this.end = this.start + size) - size
  }

  /** False when `size` got a buffer of its own: a big packet must not make the rest of a slab useless. */
  #refill(size: number): boolean {
    if (size > this.#slabBytes >> 2) {
      this.bytes = Buffer.allocUnsafeSlow(size)
      this.start = 0
      this.end = size
      return false
    }
    this.#slab = Buffer.allocUnsafeSlow(this.#slabBytes)
    this.#free = 0
    return true
  }
}
