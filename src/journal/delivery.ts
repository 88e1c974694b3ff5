// One copy of a message for one receiver, from its queue until it is settled.
import { makeMessage, type Message, type QoS } from '../message.ts'
import type { Append } from './append.ts'
import type { Queue } from './queue.ts'

const NO_MESSAGE = makeMessage('-', '')

export class Delivery {
  /** Where it waits until it is settled. */
  readonly queue: Queue
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
  /** The batch that makes its packet identifier durable, 0 when it waits for none. */
  gate = 0
  /** Its packet identifier is kept in the store. */
  hasRow = false
  /** Another one that is in flight, in the same place of session/in-flight.ts. */
  nextInFlight: Delivery | null = null
  /** Read from the store: this receiver's alone. */
  fromFlash = false
  /** Stored time (stored-time.ts) of when the message came, when it was read from the store; 0 when only its append knows. */
  receivedAtMs = 0
  /** It may have been sent before [MQTT-3.3.1-1]. */
  dup = false

  constructor(queue: Queue, sequence: number, message: Message, append: Append | null, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[]) {
    this.queue = queue
    this.sequence = sequence
    this.message = message
    this.append = append
    this.qos = qos
    this.retain = retain
    this.subscriptionIdentifiers = subscriptionIdentifiers
  }

  /** The first of the messages that travel in it: itself, unless it is a frame of many. `sequence` is the last one. */
  get first(): number {
    return this.sequence
  }

  /**
   * Its receiver goes by the sequence numbers in it. They must be durable before it is sent: a number that a crash gave to another message would
   * make that one a duplicate.
   */
  get isFrame(): boolean {
    return false
  }

  /** Lets go of the content: only the place and the packet identifier are needed on. */
  forgetMessage(): void {
    this.message = NO_MESSAGE
    this.append = null
  }
}
