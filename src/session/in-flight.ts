// What has been sent and waits for an answer, by packet identifier: a table indexed by the identifier's low bits. Identifiers are
// given in sequence, so a table of twice the window has them side by side; a map would be asked three times per message.
import type { Delivery } from '../journal/delivery.ts'

const CAPACITY_MIN = 16

export class InFlight {
  #table: (Delivery | null)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  get(identifier: number): Delivery | null {
    const delivery = this.#table[identifier & (this.#table.length - 1)]
    return delivery !== undefined && delivery !== null && delivery.packetIdentifier === identifier ? delivery : null
  }

  /** Puts a delivery under its packet identifier, which must be free. */
  add(delivery: Delivery): void {
    if (this.#size * 2 >= this.#table.length) this.#grow()
    // Two that are sent again may be far apart and fall on one place: a larger table parts them.
    while (this.#table[delivery.packetIdentifier & (this.#table.length - 1)] !== null) this.#grow()
    this.#table[delivery.packetIdentifier & (this.#table.length - 1)] = delivery
    this.#size++
  }

  delete(identifier: number): void {
    if (this.get(identifier) === null) return
    this.#table[identifier & (this.#table.length - 1)] = null
    this.#size--
  }

  /** True when no other identifier stands in the place of this one. */
  isFree(identifier: number): boolean {
    return this.#table.length === 0 || this.#table[identifier & (this.#table.length - 1)] === null
  }

  *deliveries(): Iterable<Delivery> {
    for (const delivery of this.#table) if (delivery !== null) yield delivery
  }

  clear(): void {
    this.#table = []
    this.#size = 0
  }

  #grow(): void {
    const old = this.#table
    const length = Math.max(CAPACITY_MIN, old.length * 2)
    this.#table = Array.from<Delivery | null>({ length }).fill(null)
    for (const delivery of old) if (delivery !== null) this.#table[delivery.packetIdentifier & (length - 1)] = delivery
  }
}
