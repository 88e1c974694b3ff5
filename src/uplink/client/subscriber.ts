// What is asked of the remote on one connection: SUBSCRIBE for what its session has not got, then UNSUBSCRIBE for what is not wanted any
// more. One after the other, because both go under the one identifier that no message has.
import { encodeSubscribe, encodeUnsubscribe } from '../../mqtt/control.ts'
import type { Subscribed, Wanted } from './subscribed.ts'

const IDENTIFIER = 0xffff // see session/outgoing.ts

export interface SubscriberOwner {
  send(packet: Buffer): void
  /** These filters were refused. */
  refused(filters: readonly string[]): void
}

export class Subscriber {
  readonly #version: 4 | 5
  readonly #known: Subscribed
  readonly #wanted: readonly Wanted[]
  readonly #owner: SubscriberOwner
  #asked: readonly Wanted[] = []
  #leaving: readonly string[] = []

  constructor(version: 4 | 5, known: Subscribed, wanted: readonly Wanted[], owner: SubscriberOwner) {
    this.#version = version
    this.#known = known
    this.#wanted = wanted
    this.#owner = owner
  }

  /** CONNACK has come. */
  start(sessionPresent: boolean): void {
    if (!sessionPresent) this.#known.forget()
    this.#asked = this.#known.missing(this.#wanted)
    if (this.#asked.length === 0) {
      this.#leave()
      return
    }
    this.#known.asking(this.#asked)
    this.#owner.send(encodeSubscribe(this.#version, { packetIdentifier: IDENTIFIER, subscriptions: this.#asked }))
  }

  onSuback(reasons: readonly number[]): void {
    const asked = this.#asked
    this.#asked = []
    this.#known.acknowledged(asked, reasons)
    const refused = asked.filter((_, i) => (reasons[i] ?? 0x80) >= 0x80).map((s) => s.filter)
    this.#owner.refused(refused)
    this.#leave()
  }

  /** `reasons`: none in 3.1.1. */
  onUnsuback(reasons: readonly number[]): void {
    this.#known.unsubscribed(this.#leaving.filter((_, i) => (reasons[i] ?? 0) < 0x80))
    this.#leaving = []
  }

  #leave(): void {
    this.#leaving = this.#known.surplus(this.#wanted)
    if (this.#leaving.length > 0) this.#owner.send(encodeUnsubscribe(this.#version, IDENTIFIER, this.#leaving))
  }
}
