// What the router knows of a receiver: a session or an uplink.
import type { Message, QoS } from '../message.ts'
import type { Topic } from '../mqtt/topic.ts'
import type { Append } from '../journal/append.ts'
import type { Queue } from '../journal/queue.ts'

export interface Subscriber {
  /** Its queue; `queue.durable` decides whether its messages go to flash. */
  readonly queue: Queue
  /** True while somebody is there to receive. */
  readonly online: boolean
  /** Of a client; null for an uplink, and for whoever only looks on. */
  readonly clientId: string | null
  /** Who it publishes as: what that one has published is not for it where it asked for No Local. */
  readonly origin: object
  /**
   * Whether messages of this topic are for it, by a subscription with this identifier. Asked when a route is found, not per message: who
   * changes the answer tells the index.
   */
  mayReceive(topic: Topic, identifier: number): boolean
  /** Asked for each message, once, and may remember what it has said; null when it takes all. */
  readonly wants: ((message: Message, subscriptionIdentifiers: readonly number[]) => boolean) | null
  /** At most once: sent now or never. */
  deliverQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): void
  /** At QoS 1 or 2, through the queue. `append` is the message's way to flash when the queue is durable. False when it was dropped. */
  deliver(message: Message, append: Append | null, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[]): boolean
}

/** How one receiver wants the messages of one filter. */
export interface Wish {
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** Subscription identifier, 0 for none. */
  readonly identifier: number
  /** Deliver QoS 0 messages at `qos` too (uplink routes). */
  readonly upgrade: boolean
}
