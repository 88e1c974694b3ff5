// The main thread's end of one receiver's queue: a persistent session's, an uplink's, or (without a journal) that of a
// session that ends with its connection. There is no other kind of queue.
//
//   offline  nobody takes; messages are only counted, the store has them
//   behind   the consumer reads from flash, a window at a time; new messages go to flash only
//   live     all that is not taken yet is in memory, at most TAIL_COUNT_MAX; new messages are handed over directly
//
// offline ──resume──► behind ──read up to the end──► live ──tail too long──► behind;  any ──suspend──► offline
//
// What is always true: deliveries come out in ascending sequence; everything up to the cursor is settled; a restart needs
// the cursor, what was settled ahead of it and how many may have been sent, nothing else.
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { Fifo } from '../fifo.ts'
import { LazySet } from '../lazy.ts'
import type { Message, QoS } from '../message.ts'
import type { TopicTable } from '../mqtt/topic.ts'
import type { CursorRow, Drop, QueueSize, ReadResult } from '../store/store.ts'
import type { Turn } from '../turn.ts'
import type { Append } from './append.ts'
import { deliveriesIn, deliveryOf } from './deliveries.ts'
import { Delivery } from './delivery.ts'
import type { Journal } from './journal.ts'
import type { Fate } from './watches.ts'

const TAIL_COUNT_MAX = 1000
const TAIL_BYTES_MAX = 1024 * 1024
const READ_BYTES = 256 * 1024
/** One answer moves the average by so much of its difference. */
const ANSWER_WEIGHT = 16
const READ_AHEAD = 1000 // deliveries left in memory when the next window is asked for

/** Which messages were sent on an earlier connection. */
export interface Started {
  has(sequence: number): boolean
  /** The last message of the frame that `sequence` was sent in; null when it was in none that may have to be sent again. */
  endOfFrame(destination: number, sequence: number): number | null
}

export const NOTHING_STARTED: Started = { has: () => false, endOfFrame: () => null }

export interface QueueDeps {
  /** Its `wall()` is a stored time (stored-time.ts). */
  readonly clock: Clock
  readonly turn: Turn
  readonly topics: TopicTable
  readonly counters: Counters
  /** Puts times right that were not known when the message was made (mqtt/time-mark.ts); the message itself when there are none. */
  readonly correct?: ((message: Message) => Message) | undefined
}

export class Queue {
  /** Number of the durable destination; 0 when the queue lives in memory only. */
  readonly destination: number
  readonly #deps: QueueDeps
  readonly #journal: Journal | null
  #mode: 'offline' | 'behind' | 'live'
  /** In memory, not taken. */
  readonly #tail = new Fifo<Delivery>()
  #tailBytes = 0
  /** Taken, in order; settled ones leave from the front. */
  readonly #outstanding = new Fifo<Delivery>()
  /** Sequence of the last delivery taken or passed over. */
  #taken: number
  /** Everything up to here is in memory or passed. */
  #readTo: number
  #reading = false
  #epoch = 0 // a read that was asked for before a suspension must not be taken for a later one
  /** Settled beyond the cursor in an earlier connection or run: passed over when read again. */
  readonly #ahead = new LazySet<number>()
  /** So many of the next may have been sent in an earlier connection or run, if they are not beyond `#sentTo`. */
  #mayHaveSent: number
  #sentTo: number
  /** Most that are taken and not settled at once. */
  #window = 0
  #count: number
  #bytes: number
  #ready: () => void = () => {}
  /** How long its acknowledgements take, from the message's birth: a moving average. */
  #answerMs = 0

  constructor(deps: QueueDeps, journal: Journal | null, destination: number, cursor?: CursorRow, size?: QueueSize) {
    this.#deps = deps
    this.#journal = journal
    this.destination = destination
    this.#mode = journal === null ? 'live' : 'offline'
    this.#taken = cursor?.cursor ?? journal?.lastSequence ?? 0
    this.#readTo = this.#taken
    for (const sequence of cursor?.ahead ?? []) this.#ahead.add(sequence)
    this.#mayHaveSent = cursor?.mayHaveSent ?? 0
    this.#sentTo = journal?.lastSequence ?? 0
    this.#count = size?.count ?? 0
    this.#bytes = size?.bytes ?? 0
    journal?.register(this)
  }

  /** The consumer is online and keeps up: all that waits for it is in memory. */
  get live(): boolean {
    return this.#mode === 'live'
  }

  /** Nobody takes from it: what comes is only counted, and kept on flash. */
  get offline(): boolean {
    return this.#mode === 'offline'
  }

  /** It may acknowledge before the commit: it is live, and has answered within the commit window of late. */
  get hopeful(): boolean {
    return this.#mode === 'live' && this.#answerMs <= this.#journal!.windowMs
  }

  get durable(): boolean {
    return this.#journal !== null
  }

  /** Messages that are not settled. */
  get size(): QueueSize {
    return { count: this.#count, bytes: this.#bytes }
  }

  /** Messages in memory that were not taken. */
  get tailLength(): number {
    return this.#tail.length
  }

  /** Nothing is left to take, here or on flash. `destination` is this queue's. */
  exhausted(_destination: number): boolean {
    return this.#mode === 'live'
  }

  /** `fn` is called when `take` may give something again. */
  onReady(fn: () => void): void {
    this.#ready = fn
  }

  consumerReady(): void {
    this.#ready()
  }

  /**
   * Hands over a message that has just been routed here; `append` is its way to flash (null without a journal). False when
   * it was dropped because the queue, not durable, is full.
   */
  push(message: Message, append: Append | null, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[]): boolean {
    if (this.#mode !== 'live') { // [MQTT3-3.1.2-5] [MQTT-4.1.0-1]
      this.#count++
      this.#bytes += message.size
      return true
    }
    let sequence: number
    if (append === null) {
      if (this.#tail.length >= TAIL_COUNT_MAX || this.#tailBytes >= TAIL_BYTES_MAX) return false
      sequence = ++this.#readTo
    } else {
      sequence = append.sequence
      this.#readTo = sequence
    }
    this.#count++
    this.#bytes += message.size
    this.#tail.push(new Delivery(this, sequence, message, append, qos, retain, subscriptionIdentifiers))
    this.#tailBytes += message.size
    this.#ready()
    if (this.#tail.length > 0) this.#overflow()
    return true
  }

  /**
   * The next delivery in order, or null when there is none now; `onReady` says when to ask again. `started`: sequences of QoS 2 messages
   * that were sent before; those of QoS 1 the queue knows itself.
   */
  take(started: Started = NOTHING_STARTED): Delivery | null {
    for (;;) {
      const delivery = this.#tail.peek()
      if (delivery === undefined) {
        if (this.#mode === 'behind') this.#fill()
        return null
      }
      const append = delivery.append
      if (append !== null && append.deferred) return null
      this.#tail.shift()
      const message = delivery.message
      this.#tailBytes -= message.size
      this.#taken = delivery.sequence
      if (this.#mayHaveSent > 0) this.#markDup(delivery)
      if (this.#mode === 'behind' && this.#tail.length < READ_AHEAD) this.#fill()
      if (append !== null && append.state === 'refused') {
        this.#count--
        this.#bytes -= message.size
        continue
      }
      this.#outstanding.push(delivery)
      // Expired copies are deleted [MQTT-3.3.2-5], but not once they were sent: those come again, to be finished [MQTT-4.3.3-7].
      if (message.expiresAtMs !== Infinity && message.expiresAtMs <= this.#deps.turn.nowMs && !hasStarted(delivery, started)) {
        this.#deps.counters.droppedExpired++
        this.settle(delivery, 'expired')
        continue
      }
      if (message.properties !== null && this.#deps.correct !== undefined) this.#correct(delivery, this.#deps.correct)
      return delivery
    }
  }

  /** The receiver has the message (or will never get it): its place is free. Called once per delivery. */
  settle(delivery: Delivery, fate: Fate = 'delivered'): void {
    const append = delivery.append
    if (this.#journal !== null && this.#journal.watches.size > 0) this.#journal.watches.settled(this.destination, delivery.sequence, fate)
    delivery.settled = true
    this.#count--
    this.#bytes -= delivery.message.size
    delivery.forgetMessage()
    while (this.#outstanding.peek()?.settled === true) this.#outstanding.shift()
    if (this.#journal === null) return
    if (append !== null) this.#answerMs += (this.#deps.turn.nowMs - append.bornMs - this.#answerMs) / ANSWER_WEIGHT
    if (append !== null && append.settleOne()) this.#journal.elided(append)
    else this.#journal.cursorMoved(this)
  }

  /** Where a restart goes on. */
  cursorRow(): CursorRow {
    const head = this.#outstanding.peek()
    const cursor = head === undefined ? this.#taken : head.sequence - 1
    const ahead: number[] = []
    for (let i = 1; i < this.#outstanding.length; i++) {
      const delivery = this.#outstanding.at(i)!
      if (delivery.settled) ahead.push(delivery.sequence)
    }
    for (const sequence of this.#ahead) {
      if (sequence > cursor) ahead.push(sequence)
      else this.#ahead.delete(sequence)
    }
    if (ahead.length > 1) ahead.sort((a, b) => a - b)
    return { destination: this.destination, cursor, ahead, mayHaveSent: Math.max(this.#window, this.#outstanding.length + this.#mayHaveSent) }
  }

  /** Delivered, given up or passed over. */
  isSettled(sequence: number): boolean {
    const { cursor, ahead } = this.cursorRow()
    return sequence <= cursor || ahead.includes(sequence)
  }

  /** The consumer is there, and takes at most `window` at once: deliveries start from the cursor, those settled ahead left out. */
  resume(window: number): void {
    if (this.#journal === null) {
      this.#ready()
      return
    }
    this.#mode = 'behind'
    this.#window = window
    this.#journal.cursorMoved(this) // the window is durable before anything is sent: so says `catchUp`
    this.#catchUp()
  }

  /** The consumer is gone: everything unsettled will be delivered again, in the same order. */
  suspend(): void {
    if (this.#journal === null || this.#mode === 'offline') return
    const row = this.cursorRow()
    this.#uncountRefused(this.#outstanding)
    this.#mode = 'offline'
    this.#window = 0
    for (let i = 0; i < this.#outstanding.length; i++) if (!this.#outstanding.at(i)!.settled) this.#mayHaveSent++
    this.#sentTo = Math.max(this.#sentTo, this.#taken)
    this.#journal.cursorMoved(this)
    this.#epoch++
    this.#reading = false
    this.#forget(row.cursor)
    this.#ahead.clear()
    for (const sequence of row.ahead) this.#ahead.add(sequence)
    this.#outstanding.clear()
  }

  /** The receiver knows nothing of what it was sent: it all goes as new. */
  receiverForgot(): void {
    this.#mayHaveSent = 0
  }

  /** The store had no room for a message that was counted here. */
  refused(append: Append): void {
    if (this.#mode === 'live' || append.sequence <= this.#taken || this.#ahead.has(append.sequence)) return // counted down where it is taken or settled
    this.#count--
    this.#bytes -= append.message.size
  }

  /** A limit took messages away in the store. */
  dropped(drop: Drop): void {
    if (this.#journal !== null && this.#journal.watches.size > 0) this.#journal.watches.dropped(this.destination, drop.upTo)
    if (this.#mode === 'live') return // it is in memory and will be delivered all the same
    this.#count = Math.max(0, this.#count - drop.count)
    this.#bytes = Math.max(0, this.#bytes - drop.bytes)
  }

  /**
   * All that waits is taken away; answers how much that was. Only while nobody takes: null then, and nothing is done. What is on its way to flash may
   * still be written, and is settled already.
   */
  clear(): QueueSize | null {
    if (this.#journal === null || !this.offline) return null
    const { size } = this
    this.#taken = this.#readTo = this.#journal.lastSequence
    this.#ahead.clear()
    this.#mayHaveSent = 0
    this.#count = 0
    this.#bytes = 0
    this.#deps.counters.droppedByOperator += size.count
    this.#journal.watches.dropped(this.destination, this.#taken)
    this.#journal.cursorMoved(this)
    return size
  }

  /** The first of what waits, at most `countMax`, those in flight among them: copies to be looked at. Rejects when the store is broken for good. */
  async peek(countMax: number): Promise<readonly Delivery[]> {
    const journal = this.#journal
    if (journal === null) return [...this.unsettled()].slice(0, countMax)
    const { cursor, ahead } = this.cursorRow()
    const passed = new Set(ahead)
    const found: Delivery[] = []
    // First what is on its way to flash, then what is there: by then it may be in both, and in neither never.
    const rest = [...journal.unwritten(this)].filter(({ sequence }) => sequence > cursor && !passed.has(sequence))
    for (let after = cursor, isEnd = false; !isEnd && found.length < countMax; ) {
      const result = await journal.read(this.destination, after, READ_BYTES)
      found.push(...deliveriesIn(result, this, { after, passed }, this.#deps))
      after = result.upTo
      isEnd = result.end
    }
    const last = found.at(-1)?.sequence ?? cursor
    if (found.length < countMax) for (const append of rest) if (append.sequence > last) found.push(deliveryOf(append, this))
    return found.slice(0, countMax)
  }

  /** What is in memory and not settled, in order. */
  *unsettled(): Iterable<Delivery> {
    for (const list of [this.#outstanding, this.#tail]) {
      for (let i = 0; i < list.length; i++) {
        const delivery = list.at(i)!
        if (!delivery.settled) yield delivery
      }
    }
  }

  /** Ends the queue: whatever it held belongs to nobody now. */
  end(): void {
    this.#epoch++
    this.#mode = 'offline'
    this.#forget(this.#taken)
    this.#outstanding.clear()
    this.#journal?.watches.dropped(this.destination, Infinity)
    this.#journal?.unregister(this)
  }

  /** What the store has refused is not there to be read again. */
  #uncountRefused(list: Fifo<Delivery>): void {
    for (let i = 0; i < list.length; i++) {
      const { append, message } = list.at(i)!
      if (append?.state !== 'refused') continue
      this.#count--
      this.#bytes -= message.size
    }
  }

  /** What it takes in the queue stays counted as it was. */
  #correct(delivery: Delivery, correct: (message: Message) => Message): void {
    const { size } = delivery.message
    delivery.message = correct(delivery.message)
    this.#bytes += delivery.message.size - size
  }

  #markDup(delivery: Delivery): void {
    if (delivery.sequence > this.#sentTo) this.#mayHaveSent = 0 // [MQTT-4.3.2-2] [MQTT-3.3.1-1]
    else {
      this.#mayHaveSent--
      delivery.dup = true
    }
  }

  #forget(taken: number): void {
    this.#uncountRefused(this.#tail)
    this.#tail.clear()
    this.#tailBytes = 0
    this.#taken = taken
    this.#readTo = taken
  }

  /** The consumer did not take the last one: keep it on bytes of its own, or leave it to flash when there are too many. */
  #overflow(): void {
    if (this.#journal !== null && (this.#tail.length > TAIL_COUNT_MAX || this.#tailBytes > TAIL_BYTES_MAX)) {
      this.#mode = 'behind'
      this.#forget(this.#taken)
      this.#catchUp()
      return
    }
    const last = this.#tail.at(this.#tail.length - 1)!
    last.message = last.message.detach()
  }

  /** All that is on its way to flash must be there before the first read, or a later message could be read before it. */
  #catchUp(): void {
    const epoch = ++this.#epoch
    this.#reading = true
    this.#journal!.whenDurable(() => {
      if (epoch !== this.#epoch) return
      this.#reading = false
      this.#fill()
    })
  }

  #fill(): void {
    if (this.#reading || this.#mode !== 'behind') return
    this.#reading = true
    const epoch = this.#epoch
    this.#journal!.read(this.destination, this.#readTo, READ_BYTES).then(
      (result) => {
        if (epoch !== this.#epoch) return
        this.#reading = false
        this.#take(result)
      },
      () => {}, // the journal has heard of a broken store too, and ends the gateway
    )
  }

  #take(result: ReadResult): void {
    for (const delivery of deliveriesIn(result, this, { after: this.#readTo, passed: this.#ahead }, this.#deps)) {
      this.#tail.push(delivery)
      this.#tailBytes += delivery.message.size
      this.#readTo = delivery.sequence
    }
    if (result.end) this.#goLive()
    else this.#readTo = Math.max(this.#readTo, result.upTo)
    this.#ready()
    if (this.#mode === 'behind' && this.#tail.length === 0) this.#fill()
  }

  /** The end of what is on flash is reached: the rest is on its way there, in memory. */
  #goLive(): void {
    const rest: Append[] = []
    for (const append of this.#journal!.unwritten(this)) {
      if (rest.push(append) <= TAIL_COUNT_MAX) continue
      this.#catchUp() // too many: they are read once they are written
      return
    }
    this.#mode = 'live'
    for (const append of rest) {
      this.#tail.push(deliveryOf(append, this))
      this.#tailBytes += append.message.size
      this.#readTo = append.sequence
    }
    this.#recount()
  }

  /** All that is not settled is in memory now: what the store counted in its own bytes, or dropped, is put right. */
  #recount(): void {
    this.#count = 0
    this.#bytes = 0
    for (const { message } of this.unsettled()) {
      this.#count++
      this.#bytes += message.size
    }
  }
}

function hasStarted(delivery: Delivery, started: Started): boolean {
  return delivery.qos === 2 ? started.has(delivery.sequence) : delivery.dup
}
