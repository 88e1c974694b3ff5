// All lanes of an uplink as one source of deliveries: which class goes next.
//
//   1. Only classes that the link in use carries, and that its budget has something left for.
//   2. A class that has had less than its share of the link's bytes of late goes first.
//   3. Otherwise the best priority; among equals the one that has had fewer bytes.
//
// Within a class the order is that of its queue. Between classes there is none: an alarm passes what waits.
import type { Clock, Timer } from '../clock.ts'
import type { Delivery } from '../journal/delivery.ts'
import { NOTHING_STARTED, type Started } from '../journal/queue.ts'
import type { QueueSize } from '../store/store.ts'
import type { Source } from '../session/outgoing.ts'
import type { FrameDelivery } from './framer.ts'
import type { Lane } from './lane.ts'

/** What counts as of late: when so many bytes have been sent, their sums are halved. */
const RECENT_BYTES_MAX = 256 * 1024

/** Around a PUBLISH, and its answer: TLS, TCP and IP of both directions, as a first guess. What was spent is measured. */
const OVERHEAD_BYTES = 250

/** Of a PUBLISH around topic and payload, at most: fixed header, length of the topic, packet identifier, topic alias (MQTT 5.0 section 3.3). */
const PUBLISH_BYTES = 5 + 2 + 2 + 4

export interface LinkTerms {
  /** Classes that may be carried; null for all. */
  readonly classes: readonly string[] | null
  /** Whether the budget has room for so many bytes more of this class. */
  allows(className: string, bytes: number): boolean
  /** So many bytes are on their way now. */
  plan(bytes: number): void
  /** The connection is there to be ended soon: nothing waits for company. */
  readonly flush: boolean
}

const EVERYTHING: LinkTerms = { classes: null, allows: () => true, plan: () => {}, flush: false }

export class Lanes implements Source {
  readonly durable = true
  readonly all: readonly Lane[]
  readonly #clock: Clock
  #terms: LinkTerms = EVERYTHING
  /** The largest PUBLISH that the remote takes. */
  #bytesMax = Infinity
  #attached = false
  readonly #listeners: (() => void)[] = []
  #timer: Timer | null = null
  #timerAtMs = Infinity

  /** `all` by priority, best first. */
  constructor(all: readonly Lane[], clock: Clock) {
    this.all = all
    this.#clock = clock
    for (const lane of all) lane.queue.onReady(() => this.#ready())
  }

  /** Messages and bytes that wait, of a class or of all. */
  waiting(className: string | null = null): QueueSize {
    let count = 0
    let bytes = 0
    for (const lane of this.all) {
      if (className !== null && lane.class.name !== className) continue
      count += lane.queue.size.count
      bytes += lane.queue.size.bytes
    }
    return { count, bytes }
  }

  /** Nothing is left that link and budget let go. What is on its way is counted as left. */
  get drained(): boolean {
    return this.all.every((lane) => lane.queue.size.count === 0 || lane.blocked || !this.#carries(lane) || !this.#isAllowed(lane))
  }

  /** Before `resume`: what the link in use may carry. */
  carry(terms: LinkTerms, bytesMax: number): void {
    this.#terms = terms
    this.#bytesMax = bytesMax
  }

  /** Something has changed that may let more leave: a new day's budget. */
  ready(): void {
    this.#ready()
  }

  // ---- Source

  exhausted(destination: number): boolean {
    return this.all.some((lane) => lane.queue.destination === destination && lane.exhausted)
  }

  onReady(fn: () => void): void {
    this.#listeners.push(fn)
  }

  take(started: Started): Delivery | null {
    return this.#take((lane, nowMs) => {
      if (lane.batch === null) return lane.takeOne(started)
      const bytesMaxAlone = Math.max(1, this.#bytesMax - PUBLISH_BYTES - Buffer.byteLength(lane.batch.topic))
      return lane.takeFrame(started, { bytesMax: Math.min(lane.batch.bytesMax, bytesMaxAlone), bytesMaxAlone, flush: this.#terms.flush, nowMs, tooLarge: 'alone' })
    })
  }

  /** The next frame of at most `bytesMax` bytes, of any lane: for a link that carries nothing but frames. */
  takeFrame(bytesMax: number, tooLarge: 'drop' | 'wait'): FrameDelivery | null {
    return this.#take((lane, nowMs) => lane.takeFrame(NOTHING_STARTED, { bytesMax, bytesMaxAlone: bytesMax, flush: this.#terms.flush, nowMs, tooLarge })) as FrameDelivery | null
  }

  settle(delivery: Delivery): void {
    this.laneOf(delivery).settle(delivery)
  }

  laneOf(delivery: Delivery): Lane {
    for (const lane of this.all) if (lane.queue === delivery.queue) return lane
    throw new RangeError('a delivery is of none of these lanes')
  }

  resume(window: number): void {
    this.#attached = true
    for (const lane of this.all) if (this.#carries(lane)) lane.queue.resume(window)
  }

  suspend(): void {
    this.#attached = false
    this.#timer?.cancel()
    this.#timer = null
    this.#timerAtMs = Infinity
    for (const lane of this.all) lane.suspend()
  }

  receiverForgot(): void {
    for (const lane of this.all) lane.receiverForgot()
  }

  #ready(): void {
    for (const fn of this.#listeners) fn()
  }

  #carries(lane: Lane): boolean {
    const { classes } = this.#terms
    return classes === null || classes.includes(lane.class.name)
  }

  #isAllowed(lane: Lane): boolean {
    return this.#terms.allows(lane.class.name, lane.expectedBytes + OVERHEAD_BYTES)
  }

  #take(from: (lane: Lane, nowMs: number) => Delivery | null): Delivery | null {
    if (!this.#attached) return null
    const nowMs = this.#clock.now()
    for (const lane of this.#inTurn()) {
      if (!this.#carries(lane) || !this.#isAllowed(lane)) continue
      const delivery = from(lane, nowMs)
      if (delivery === null) continue
      this.#count(lane, delivery.message.size)
      this.#terms.plan(delivery.message.size + OVERHEAD_BYTES)
      return delivery
    }
    // What is due and did not leave waits for something else, which says so.
    this.#wakeAt(Math.min(...this.all.map((lane) => lane.dueMs()).filter((dueMs) => dueMs > nowMs)), nowMs)
    return null
  }

  #inTurn(): readonly Lane[] {
    const { all } = this
    if (all.length === 1) return all
    let total = 1
    for (const lane of all) total += lane.recentBytes
    const isShort = (lane: Lane): boolean => lane.class.share > 0 && this.#recentOf(lane.class.name) < lane.class.share * total
    return all.toSorted((a, b) => Number(isShort(b)) - Number(isShort(a)) || a.class.priority - b.class.priority || a.recentBytes - b.recentBytes)
  }

  #recentOf(className: string): number {
    let bytes = 0
    for (const lane of this.all) if (lane.class.name === className) bytes += lane.recentBytes
    return bytes
  }

  #count(lane: Lane, bytes: number): void {
    lane.recentBytes += bytes
    lane.expectedBytes = bytes
    let total = 0
    for (const one of this.all) total += one.recentBytes
    if (total > RECENT_BYTES_MAX) for (const one of this.all) one.recentBytes /= 2
  }

  #wakeAt(dueMs: number, nowMs: number): void {
    if (dueMs === Infinity || (this.#timer !== null && this.#timerAtMs <= dueMs)) return
    this.#timer?.cancel()
    this.#timerAtMs = dueMs
    this.#timer = this.#clock.after(Math.max(0, Math.ceil(dueMs - nowMs)), () => {
      this.#timer = null
      this.#timerAtMs = Infinity
      this.#ready()
    })
  }
}
