// Makes frames of queued messages: what they are called on the other side, when they came, and the encoder that packs them.
//
// What lives here: one stream's encoder and what it knows of the receiver. What does not: when a frame is due (lane.ts), and whether it has
// arrived (session/outgoing.ts). The format is in FRAME.md.
import { wallIsSet } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { type EncodedFrame, FrameEncoder, FrameError, type FrameMessage, TimeQuality } from '../frame/frame.ts'
import { Delivery } from '../journal/delivery.ts'
import type { Queue } from '../journal/queue.ts'
import { makeMessage, type Message, type QoS } from '../message.ts'
import { Topic } from '../mqtt/topic.ts'
import type { Shelf } from '../shelf.ts'
import type { Routes } from './routes.ts'

/** A frame that was sent before goes again with all it had, though it builds on nothing this time and is larger. */
const RESENT_BYTES_MAX = 1024 * 1024

/** A delivery with this identifier is for the remote as it is: no route has to be found for it. No tenant's tag, and none that MQTT has. */
const AS_IT_IS_TAG = 0x1000_0000
export const AS_IT_IS: readonly number[] = [AS_IT_IS_TAG]

export function isAsItIs(subscriptionIdentifiers: readonly number[]): boolean {
  return subscriptionIdentifiers[0] === AS_IT_IS_TAG
}

/** Many deliveries in one packet. */
export class FrameDelivery extends Delivery {
  readonly parts: readonly Delivery[]
  /** What the encoder wants to hear when it has arrived. */
  readonly dictionary: string | null

  constructor(queue: Queue, parts: readonly Delivery[], message: Message, qos: QoS, sequence: number, dictionary: string | null) {
    super(queue, sequence, message, null, qos, false, AS_IT_IS)
    this.parts = parts
    this.dictionary = dictionary
  }

  override get first(): number {
    return this.parts[0]!.sequence
  }

  override get isFrame(): boolean {
    return true
  }
}

export interface FramerOptions {
  /** Its name for the receivers, 6 bytes. */
  readonly stream: Uint8Array
  readonly topic: string
  readonly qos: QoS
  readonly readingsMax: number
}

/** When messages came. `wallMs` of a time that is not known counts from a start of the machine, or is what the clock showed. */
export interface MessageTimes {
  /** `atMs`: Clock.now. */
  stamp(atMs: number): { readonly wallMs: number; readonly isSynced: boolean }
  /** `storedMs`: as it is on flash (stored-time.ts). */
  ofStored(storedMs: number): { readonly wallMs: number; readonly isSynced: boolean }
}

export interface FramerDeps {
  readonly clock: Clock
  readonly times: MessageTimes
  readonly counters: Counters
  readonly routes: Routes
  readonly shelf: Shelf
  readonly log: { warn(fields: object, text: string): void }
}

/** What a frame may have. */
export interface FrameRoom {
  readonly bytesMax: number
  /** With one message only, or sent before. */
  readonly bytesMaxAlone: number
}

/** `taken` of the parts are done with: in the frame, or wanted by no route. */
export interface Framed {
  /** null when no route wants any of the parts; one of them, not in a frame, when it is too large for one. */
  readonly delivery: Delivery | null
  readonly unwanted: readonly Delivery[]
  readonly taken: number
}

export class Framer {
  readonly readingsMax: number
  readonly #queue: Queue
  readonly #topic: Topic
  readonly #qos: QoS
  readonly #deps: FramerDeps
  #encoder: FrameEncoder
  readonly #stream: Uint8Array
  #isSaving = false
  /** That it cannot be kept. */
  #isTold = false

  constructor(queue: Queue, options: FramerOptions, deps: FramerDeps) {
    this.#stream = options.stream
    this.#encoder = new FrameEncoder(options.stream)
    this.#queue = queue
    this.#topic = Topic.of(options.topic)
    this.#qos = options.qos
    this.readingsMax = options.readingsMax
    this.#deps = deps
  }

  /** Takes up what the receiver was known to have: a dictionary travels once, not once a start. */
  async prepare(): Promise<void> {
    const state = await this.#deps.shelf.read(this.#file)
    if (state !== null) this.#encoder = FrameEncoder.restore(this.#stream, state)
  }

  /**
   * A frame of the first of `parts`, as many as fit. `end`: they are those of a frame that was sent before, and this was its last message; null
   * when they are new, or not all of that frame.
   */
  frame(parts: readonly Delivery[], end: number | null, isAgain: boolean, room: FrameRoom): Framed {
    const wanted: Delivery[] = []
    const unwanted: Delivery[] = []
    const messages: FrameMessage[] = []
    const nowMs = this.#deps.clock.now()
    for (const part of parts) {
      const message = this.#remote(part, nowMs)
      if (message === null) unwanted.push(part)
      else {
        wanted.push(part)
        messages.push(message)
      }
    }
    this.#deps.counters.droppedUnrouted += unwanted.length
    if (wanted.length === 0) return { delivery: null, unwanted, taken: parts.length }
    const encoded = isAgain ? this.#encodeAgain(messages, room) : this.#encode(messages, room)
    const count = encoded?.count ?? 1
    const last = wanted[count - 1]!
    const isAll = count === wanted.length
    return {
      delivery: encoded === null ? last : this.#delivery(wanted.slice(0, count), encoded, (isAll ? end : null) ?? last.sequence),
      unwanted: isAll ? unwanted : unwanted.filter((part) => part.sequence < last.sequence),
      taken: isAll ? parts.length : parts.indexOf(last) + 1,
    }
  }

  #delivery(parts: readonly Delivery[], { frame, dictionary }: EncodedFrame, sequence: number): FrameDelivery {
    return new FrameDelivery(this.#queue, parts, makeMessage(this.#topic, frame, { qos: this.#qos }), this.#qos, sequence, dictionary)
  }

  #encodeAgain(messages: readonly FrameMessage[], { bytesMaxAlone }: FrameRoom): EncodedFrame | null {
    return this.#attempt(messages, (some) => this.#encoder.encodeAgain(some, Math.min(RESENT_BYTES_MAX, bytesMaxAlone)))
  }

  /** null when the first message is too large for a frame. */
  #encode(messages: readonly FrameMessage[], { bytesMax, bytesMaxAlone }: FrameRoom): EncodedFrame | null {
    return this.#attempt(messages, (some) => {
      const encoded = this.#encoder.encode(some, bytesMax)
      if (encoded !== null || bytesMaxAlone <= bytesMax) return encoded
      return this.#encoder.encode(some.slice(0, 1), bytesMaxAlone)
    })
  }

  /** With the first message alone when one of them is beyond what a frame can hold. */
  #attempt(messages: readonly FrameMessage[], encode: (messages: readonly FrameMessage[]) => EncodedFrame | null): EncodedFrame | null {
    try {
      return encode(messages)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      return messages.length === 1 ? null : this.#attempt(messages.slice(0, 1), encode)
    }
  }

  /** The receiver has the frame. */
  delivered({ dictionary }: FrameDelivery): void {
    if (dictionary !== null) this.#encoder.delivered(dictionary)
    if (this.#encoder.isExportDue && !this.#isSaving) void this.#save()
  }

  /** The connection ended: what has not been acknowledged may not have arrived. */
  restart(): void {
    this.#encoder.forgetUndelivered()
  }

  /** The receiver has not got this dictionary any more, or any when none is named. */
  receiverLost(dictionary?: string): void {
    this.#encoder.receiverLost(dictionary)
  }

  get #file(): string {
    return `${Buffer.from(this.#stream).toString('hex')}.sender`
  }

  /** Nothing waits for it: without it the next start sends a dictionary more. Where it cannot be kept, the encoder goes on with what it has. */
  async #save(): Promise<void> {
    const encoder = this.#encoder
    this.#isSaving = true
    try {
      await this.#deps.shelf.write(this.#file, encoder.export())
      encoder.exportKept()
      this.#isTold = false
    } catch (error) {
      if (!this.#isTold) this.#deps.log.warn({ file: this.#file, why: (error as Error).message }, 'what the receiver of frames knows could not be kept')
      this.#isTold = true
    }
    this.#isSaving = false
  }

  #remote(part: Delivery, nowMs: number): FrameMessage | null {
    const { subscriptionIdentifiers } = part
    const message = isAsItIs(subscriptionIdentifiers) ? part.message : this.#deps.routes.apply(part.message, subscriptionIdentifiers[0] ?? 0, null)?.message
    if (message === undefined) return null
    const { times } = this.#deps
    const { wallMs, isSynced } = part.append === null ? times.ofStored(part.receivedAtMs) : times.stamp(part.append.bornMs)
    const timeMs = Math.max(0, Math.round(wallMs))
    return {
      topic: message.topic.name,
      payload: message.payload,
      qos: part.message.qos,
      retain: message.retain,
      properties: message.properties,
      timeMs,
      // A likely date of a clock that nobody has set is that of the last commit before the power went: near, and not known.
      timeQuality: isSynced ? TimeQuality.synced : timeMs === 0 || wallIsSet(timeMs) ? TimeQuality.unknown : TimeQuality.sinceBoot,
      sequence: part.sequence,
      expiresAfterSec: message.expiresAtMs === Infinity ? null : Math.max(0, Math.ceil((message.expiresAtMs - nowMs) / 1000)),
    }
  }
}
