// The last retained message of each topic (section 3.3.1.3), in memory, with bounds; the store keeps a copy for restarts.
import type { Message } from '../message.ts'
import { matches } from '../mqtt/topic.ts'

export class RetainedMessages {
  readonly #byTopic = new Map<string, Message>()
  readonly #countMax: number
  readonly #bytesMax: number
  #bytes = 0

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax
    this.#bytesMax = bytesMax
  }

  get count(): number {
    return this.#byTopic.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keeps `message` as its topic's [MQTT-3.3.1-5], or clears the topic when its payload is empty [MQTT-3.3.1-6] [MQTT-3.3.1-7]. False when there is no room. */
  set(message: Message): boolean {
    const name = message.topic.name
    const old = this.#byTopic.get(name)
    const freed = old === undefined ? 0 : old.size
    if (message.payloadLength === 0) {
      if (old !== undefined) {
        this.#byTopic.delete(name)
        this.#bytes -= freed
      }
      return true
    }
    if (old === undefined && this.#byTopic.size >= this.#countMax) return false
    if (this.#bytes - freed + message.size > this.#bytesMax) return false
    const kept = message.detach()
    this.#byTopic.set(name, kept)
    this.#bytes += kept.size - freed
    return true
  }

  /** Retained messages a filter selects that have not expired; the expired ones are forgotten. */
  *select(filter: string, nowMs: number): Iterable<Message> {
    if (!filter.includes('+') && !filter.includes('#')) {
      const message = this.#byTopic.get(filter)
      if (message !== undefined && !this.#expired(message, nowMs)) yield message
      return
    }
    for (const message of this.#byTopic.values()) {
      if (matches(filter, message.topic.name) && !this.#expired(message, nowMs)) yield message
    }
  }

  #expired(message: Message, nowMs: number): boolean {
    if (message.expiresAtMs > nowMs) return false
    this.#byTopic.delete(message.topic.name)
    this.#bytes -= message.size
    return true
  }
}
