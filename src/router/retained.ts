// The last retained message of each topic (section 3.3.1.3), in memory, with bounds; the store keeps a copy for restarts.
// The broker's own ($SYS) are kept here too but not counted: they are few, and no client can publish them.
import type { Message } from '../message.ts'
import { matches } from '../mqtt/topic.ts'

export class RetainedMessages {
  readonly #byTopic = new Map<string, Message>()
  #countMax: number
  #bytesMax: number
  #count = 0
  #bytes = 0
  /** When the first of them may have expired. */
  #nextExpiryMs = Infinity

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax
    this.#bytesMax = bytesMax
  }

  /** Other bounds from now on; what is kept stays. */
  limit(countMax: number, bytesMax: number): void {
    this.#countMax = countMax
    this.#bytesMax = bytesMax
  }

  /** Those of clients. */
  get count(): number {
    return this.#count
  }

  /** Those of clients. */
  get bytes(): number {
    return this.#bytes
  }

  has(topicName: string): boolean {
    return this.#byTopic.has(topicName)
  }

  /** Whether `set` would keep it. */
  hasRoomFor(message: Message): boolean {
    const name = message.topic.name
    if (message.payloadLength === 0 || message.topic.isSys) return true
    const old = this.#byTopic.get(name)
    return (old !== undefined || this.#count < this.#countMax) && this.#bytes - (old?.size ?? 0) + message.size <= this.#bytesMax
  }

  /**
   * Keeps `message` as its topic's [MQTT-3.3.1-5], or clears the topic when its payload is empty [MQTT-3.3.1-6] [MQTT-3.3.1-7]. False when
   * there is no room: the topic has no retained message then, for the one before is out of date [MQTT3-3.3.1-7].
   */
  set(message: Message): boolean {
    const name = message.topic.name
    const fits = this.hasRoomFor(message)
    const old = this.#byTopic.get(name)
    if (old !== undefined) this.#uncount(old)
    if (!fits || message.payloadLength === 0) {
      this.#byTopic.delete(name)
      return fits
    }
    const kept = message.detach()
    this.#byTopic.set(name, kept)
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, kept.expiresAtMs)
    if (message.topic.isSys) return true
    this.#count++
    this.#bytes += kept.size
    return true
  }

  /**
   * Retained messages a filter selects that have not expired, and null for each one that was looked at and is not selected: the caller may go
   * on another time, and gets what is there then.
   */
  *select(filter: string, nowMs: number): Iterable<Message | null> {
    if (!filter.includes('+') && !filter.includes('#')) {
      const message = this.#byTopic.get(filter)
      if (message !== undefined && message.expiresAtMs > nowMs) yield message
      return
    }
    for (const message of this.#byTopic.values()) {
      yield message.expiresAtMs > nowMs && matches(filter, message.topic.name) ? message : null
    }
  }

  /** Forgets those that have expired [MQTT-3.3.2-5], and tells their topics. */
  takeExpired(nowMs: number): string[] {
    if (this.#nextExpiryMs > nowMs) return []
    const topics: string[] = []
    this.#nextExpiryMs = Infinity
    for (const [name, message] of this.#byTopic) {
      if (message.expiresAtMs > nowMs) this.#nextExpiryMs = Math.min(this.#nextExpiryMs, message.expiresAtMs)
      else {
        this.#byTopic.delete(name)
        this.#uncount(message)
        topics.push(name)
      }
    }
    return topics
  }

  #uncount(message: Message): void {
    if (message.topic.isSys) return
    this.#count--
    this.#bytes -= message.size
  }
}
