// What has been sent and waits for an answer, by packet identifier: chains of deliveries from a table that the identifier's low
// bits index. Identifiers follow the store's sequence, so those of a busy queue lie side by side and every chain has one
// delivery; a map would be asked three times per message.
import type { Delivery } from '../journal/delivery.ts'

const PLACES_MIN = 16

export class InFlight {
  #places: (Delivery | null)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  get(identifier: number): Delivery | null {
    if (this.#size === 0) return null
    let delivery: Delivery | null = this.#places[identifier & (this.#places.length - 1)]!
    while (delivery !== null && delivery.packetIdentifier !== identifier) delivery = delivery.nextInFlight
    return delivery
  }

  /** Puts a delivery under its packet identifier, which must be free. */
  add(delivery: Delivery): void {
    if (this.#size * 2 >= this.#places.length) this.#grow()
    this.#link(delivery)
    this.#size++
  }

  delete(delivery: Delivery): void {
    const place = delivery.packetIdentifier & (this.#places.length - 1)
    const first = this.#places[place]!
    if (first === delivery) this.#places[place] = delivery.nextInFlight
    else {
      let before = first
      while (before.nextInFlight !== delivery) before = before.nextInFlight!
      before.nextInFlight = delivery.nextInFlight
    }
    delivery.nextInFlight = null
    this.#size--
  }

  *deliveries(): Iterable<Delivery> {
    for (const first of this.#places) for (let delivery = first; delivery !== null; delivery = delivery.nextInFlight) yield delivery
  }

  clear(): void {
    this.#places = []
    this.#size = 0
  }

  #link(delivery: Delivery): void {
    const place = delivery.packetIdentifier & (this.#places.length - 1)
    delivery.nextInFlight = this.#places[place]!
    this.#places[place] = delivery
  }

  #grow(): void {
    const all = [...this.deliveries()]
    this.#places = Array.from<Delivery | null>({ length: Math.max(PLACES_MIN, this.#places.length * 2) }).fill(null)
    for (const delivery of all) this.#link(delivery)
  }
}
