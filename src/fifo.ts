// First in, first out, on a ring that grows and is kept: a queue that fills and empties all the time allocates nothing.

const CAPACITY_MIN = 16

export class Fifo<T> {
  #ring: (T | undefined)[] = []
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  peek(): T | undefined {
    return this.#ring[this.#head]
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item
    this.#length++
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length--
    return item
  }

  /** The item `index` places behind the head. */
  at(index: number): T | undefined {
    return index < this.#length ? this.#ring[(this.#head + index) & (this.#ring.length - 1)] : undefined
  }

  clear(): void {
    this.#ring = []
    this.#head = 0
    this.#length = 0
  }

  #grow(): void {
    const grown = Array.from<T | undefined>({ length: Math.max(CAPACITY_MIN, this.#ring.length * 2) })
    for (let i = 0; i < this.#length; i++) grown[i] = this.at(i)
    this.#ring = grown
    this.#head = 0
  }
}
