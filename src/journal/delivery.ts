// One copy of a message for one receiver, from its queue until it is settled.
import { makeMessage, type Message, type QoS } from '../message.ts'
import type { Append } from './append.ts'

const NO_MESSAGE = makeMessage('-', '')

export class Delivery {
  /** Place in the store's order; for a receiver without durability, in its own. */
  readonly sequence: number
  message: Message
  /** The message's way to flash while it is under way; null when it was read from the store or needs none. */
  append: Append | null
  /** Lowered when the receiver turns out not to take it at this QoS. */
  qos: QoS
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[]
  packetIdentifier = 0
  settled = false
  /** The batch that makes its packet identifier durable (QoS 2), 0 when it waits for none. */
  gate = 0

  constructor(sequence: number, message: Message, append: Append | null, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[]) {
    this.sequence = sequence
    this.message = message
    this.append = append
    this.qos = qos
    this.retain = retain
    this.subscriptionIdentifiers = subscriptionIdentifiers
  }

  /** Lets go of the content: only the place and the packet identifier are needed on. */
  forgetMessage(): void {
    this.message = NO_MESSAGE
    this.append = null
  }
}

/** First in, first out, without moving what is inside. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = 0
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }

  /** The item `index` places behind the head. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index]
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }
}
