// A lane: the messages of one class that wait for an uplink, in a queue of their own on flash. They leave one by one, or many in a frame.
//
//   router ─► queue ─► take ─► the delivery itself        a PUBLISH of its own
//                 └──► parts ─► framer ─► FrameDelivery   one PUBLISH, one packet identifier; its answer settles all of them
//
// What is always true
//   1. Messages leave in the order of the queue; a frame is a run of it.
//   2. What a frame had in it when it was first sent it has when it is sent again, but for what was dropped meanwhile: its ends are
//      durable before it leaves (session/outgoing.ts). A receiver that has it already may pass over all of it.
//   3. What is taken for a frame and not sent stays unsettled in the queue: nothing is lost when the connection ends.
import type { Append } from '../journal/append.ts'
import type { Delivery } from '../journal/delivery.ts'
import { NOTHING_STARTED, type Queue, type Started } from '../journal/queue.ts'
import type { BatchConfig, ClassConfig } from '../config/config.ts'
import type { Message, QoS } from '../message.ts'
import type { Topic } from '../mqtt/topic.ts'
import type { Subscriber } from '../router/subscriber.ts'
import { FrameDelivery, type Framer, type FrameRoom } from './framer.ts'

/** Bytes of messages gathered for one frame at most: what a small board can spare. */
const PARTS_BYTES_MAX = 4 * 1024 * 1024

/** Of a delivery before there was one. */
const EXPECTED_BYTES = 500

/** How a frame is wanted. */
export interface FrameTerms extends FrameRoom {
  /** Whatever is there is due. */
  readonly flush: boolean
  readonly nowMs: number
  /** A message that fits into no frame, not even alone: it comes by itself; it is dropped, as nothing will ever carry it; or the lane waits for another link. */
  readonly tooLarge: 'alone' | 'drop' | 'wait'
}

/** What the lane asks of its uplink. */
export interface LaneOwner {
  /** Whether a topic is this lane's, by the subscription with this identifier. */
  isOf(lane: Lane, topic: Topic, identifier: number): boolean
  /** null when its routes take every message. */
  readonly wants: ((message: Message, subscriptionIdentifiers: readonly number[]) => boolean) | null
  readonly online: boolean
  /** Something more waits. */
  queued(): void
  /** A message was dropped: none of the links can carry it. */
  tooLarge(lane: Lane, delivery: Delivery): void
  sendQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): void
}

export class Lane implements Subscriber {
  readonly queue: Queue
  readonly class: ClassConfig
  /** How its messages travel together; null: each by itself. */
  readonly batch: BatchConfig | null
  readonly #owner: LaneOwner
  readonly #framer: Framer
  /** Taken from the queue for frames, in order. */
  #parts: Delivery[] = []
  #partsBytes = 0
  /** Monotonic time the oldest part came; it may have come long before. */
  #sinceMs = Infinity
  #isBlocked = false
  /** Bytes that it has sent of late: for its part of the link. */
  recentBytes = 0
  /** What the next delivery is thought to have, from the ones before. */
  expectedBytes = EXPECTED_BYTES

  constructor(owner: LaneOwner, queue: Queue, rank: ClassConfig, batch: BatchConfig | null, framer: Framer) {
    this.#owner = owner
    this.queue = queue
    this.class = rank
    this.batch = batch
    this.#framer = framer
  }

  /** Reads from flash what the receiver of its frames knows. */
  prepare(): Promise<void> {
    return this.#framer.prepare()
  }

  /** Its first message is too large for the link in use. */
  get blocked(): boolean {
    return this.#isBlocked
  }

  /** Nothing of it waits to be taken, here or on flash. */
  get exhausted(): boolean {
    return this.queue.live && this.queue.tailLength === 0 && this.#parts.length === 0
  }

  // ---- Subscriber

  get clientId(): null {
    return null
  }

  get origin(): object {
    return this.#owner
  }

  get online(): boolean {
    return this.#owner.online
  }

  get wants(): LaneOwner['wants'] {
    return this.#owner.wants
  }

  mayReceive(topic: Topic, identifier: number): boolean {
    return this.#owner.isOf(this, topic, identifier)
  }

  deliverQos0(message: Message, retain: boolean, identifiers: readonly number[]): void {
    this.#owner.sendQos0(message, retain, identifiers)
  }

  deliver(message: Message, append: Append | null, qos: QoS, retain: boolean, identifiers: readonly number[]): boolean {
    const isKept = this.queue.push(message, append, qos, retain, identifiers)
    this.#owner.queued()
    return isKept
  }

  // ---- what leaves

  /** The next message by itself, in the form of the queue. */
  takeOne(started: Started): Delivery | null {
    return this.queue.take(started)
  }

  /** The next frame, or null when none is due. */
  takeFrame(started: Started, terms: FrameTerms): Delivery | null {
    if (this.#isBlocked) return null
    this.#gather()
    for (let head = this.#parts[0]; head !== undefined; head = this.#parts[0]) {
      const end = started.endOfFrame(this.queue.destination, head.sequence)
      const count = end === null ? this.#countDue(terms) : this.#countUpTo(end)
      if (count === 0) return null
      const isWhole = end !== null && this.#reaches(end, count)
      const { delivery, unwanted, taken } = this.#framer.frame(this.#parts.slice(0, count), isWhole ? end : null, end !== null, terms)
      if (delivery !== null && terms.tooLarge === 'wait' && !(delivery instanceof FrameDelivery)) {
        this.#isBlocked = true
        return null
      }
      for (const part of unwanted) this.queue.settle(part)
      this.#drop(taken)
      if (delivery === null) continue
      if (terms.tooLarge !== 'drop' || delivery instanceof FrameDelivery) return delivery
      this.queue.settle(delivery)
      this.#owner.tooLarge(this, delivery)
    }
    return null
  }

  /** Monotonic time the next frame is due; Infinity when nothing waits. */
  dueMs(): number {
    if (this.batch === null || this.#parts.length === 0) return Infinity
    return this.#sinceMs + this.batch.everyMs
  }

  /** The connection is gone: what was taken and not settled comes again. */
  suspend(): void {
    this.#isBlocked = false
    this.#drop(this.#parts.length)
    this.#framer.restart()
    this.queue.suspend()
  }

  receiverForgot(): void {
    this.#framer.receiverLost()
    this.queue.receiverForgot()
  }

  /** The far end says that it has not got this dictionary. */
  dictionaryLost(dictionary: string): void {
    this.#framer.receiverLost(dictionary)
  }

  settle(delivery: Delivery): void {
    if (!(delivery instanceof FrameDelivery)) {
      this.queue.settle(delivery)
      return
    }
    this.#framer.delivered(delivery)
    for (const part of delivery.parts) this.queue.settle(part)
    delivery.settled = true
    delivery.forgetMessage()
  }

  get #isFull(): boolean {
    return this.#parts.length >= this.#framer.readingsMax || this.#partsBytes >= PARTS_BYTES_MAX
  }

  #gather(): void {
    while (!this.#isFull) {
      const part = this.queue.take(NOTHING_STARTED)
      if (part === null) return
      // What waited on flash has waited long enough.
      if (this.#parts.length === 0) this.#sinceMs = part.append?.bornMs ?? -Infinity
      if (part.append !== null) part.message = part.message.detach() // it may wait for minutes
      this.#parts.push(part)
      this.#partsBytes += part.message.size
    }
  }

  #countDue({ flush, nowMs }: FrameTerms): number {
    const { length } = this.#parts
    if (this.#isFull) return length
    if (!this.queue.live) return 0 // more is being read
    return flush || this.batch === null || nowMs >= this.#sinceMs + this.batch.everyMs ? length : 0
  }

  /** 0 while some of them are still being read. */
  #countUpTo(end: number): number {
    const parts = this.#parts
    let count = 0
    while (count < parts.length && parts[count]!.sequence <= end) count++
    // A configuration with smaller frames: the rest is what goes again under its identifier, and the far end knows by the sequence numbers.
    return this.#reaches(end, count) || this.#isFull ? count : 0
  }

  /** The first `count` parts are all that is left of a frame with this end. */
  #reaches(end: number, count: number): boolean {
    const parts = this.#parts
    return count < parts.length || parts[count - 1]!.sequence === end || (this.queue.live && !this.#isFull)
  }

  #drop(count: number): void {
    for (let i = 0; i < count; i++) this.#partsBytes -= this.#parts[i]!.message.size
    this.#parts.splice(0, count)
    const head = this.#parts[0]
    this.#sinceMs = head === undefined ? Infinity : (head.append?.bornMs ?? -Infinity)
  }
}
