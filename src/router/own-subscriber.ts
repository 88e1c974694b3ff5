// Subscriptions of the gateway's own: commands for outputs, serial ports and the like, and those of whoever listens by its API. What is published to
// the filter is taken at once, in the turn it was routed; nothing waits, nothing is kept, retained messages of before are not given.
import type { Append } from '../journal/append.ts'
import type { Queue } from '../journal/queue.ts'
import type { Message, QoS } from '../message.ts'
import type { Topic } from '../mqtt/topic.ts'
import type { Subscriber } from './subscriber.ts'

/** As it stands among those who have taken a command. */
const NAME = '$gateway'

export class OwnSubscriber implements Subscriber {
  /** Never used: messages do not wait. It says that this receiver has nothing on flash. */
  readonly queue: Queue
  readonly online = true
  readonly clientId: string | null
  readonly origin: object = {}
  readonly wants = null
  readonly #take: (message: Message) => void
  readonly #mayReceive: (topic: Topic) => boolean

  /**
   * `take` must not throw, and may publish. `mayReceive`: of whoever listens; the gateway itself may hear everything. `looksOn`: a command that nobody
   * else hears has not been taken by anybody.
   */
  constructor(queue: Queue, take: (message: Message) => void, mayReceive: (topic: Topic) => boolean = () => true, looksOn = false) {
    this.queue = queue
    this.clientId = looksOn ? null : NAME
    this.#take = take
    this.#mayReceive = mayReceive
  }

  mayReceive(topic: Topic): boolean {
    return this.#mayReceive(topic)
  }

  deliverQos0(message: Message): void {
    this.#take(message)
  }

  deliver(message: Message, _append: Append | null, _qos: QoS): boolean {
    this.#take(message)
    return true
  }
}
