// Messages coming in at QoS 1 and 2, from a client to the broker or from a cloud to an uplink: duplicates of QoS 2 by packet
// identifier, and acknowledgements that leave in the order the messages came, each when its message is safe.
//
// What is always true
//   1. PUBACK and PUBREC leave when the message is durable for every durable destination, and in order [MQTT-4.6.0-2] [MQTT-4.6.0-3].
//   2. A QoS 2 packet identifier is taken from PUBLISH to PUBREL; the same again in between is a duplicate [MQTT-4.3.3-10], also after a crash.
//   3. PUBCOMP leaves when the identifier is durably free, or a new message under it could be taken for a duplicate.
import { Fifo } from '../fifo.ts'
import { LazyMap, LazySet } from '../lazy.ts'
import { Reason, type ReasonCode } from '../mqtt/reason.ts'
import type { Refusal, Waiter } from '../journal/append.ts'
import type { Journal } from '../journal/journal.ts'
import type { Transport } from './outgoing.ts'

/** The place of an acknowledgement: its message may turn out safe, or refused for whatever reason. */
export interface Acknowledgement extends Waiter {
  /** The message is not taken. Its sender must be of 5.0, or it hears nothing and its connection ends. */
  refuse(reason: ReasonCode): void
}

const nobody = (): void => {}

/** One acknowledgement that waits for its message, and for those before it. */
class PendingAck implements Acknowledgement {
  readonly type: 4 | 5
  readonly packetIdentifier: number
  /** Its message takes longer than a commit. */
  readonly isLate: boolean
  readonly #owner: Incoming
  /** null until the message is safe or refused. */
  reason: number | null = null

  constructor(owner: Incoming, type: 4 | 5, packetIdentifier: number, isLate: boolean) {
    this.#owner = owner
    this.type = type
    this.packetIdentifier = packetIdentifier
    this.isLate = isLate
  }

  durable(): void {
    this.reason = Reason.success
    this.#owner.answer(this)
  }

  refused(_why: Refusal): void {
    this.refuse(Reason.quotaExceeded)
  }

  refuse(reason: ReasonCode): void {
    this.reason = reason
    this.#owner.answer(this)
  }
}

/** A QoS 2 message whose answer takes longer than a commit. */
interface Late {
  readonly first: PendingAck
  /** It came again meanwhile, on another connection: this one hears what the first does. */
  again: PendingAck | null
  isTaken: boolean
}

export class Incoming {
  readonly #destination: number
  readonly #journal: Journal | null
  readonly #received = new LazySet<number>()
  /** By packet identifier, until PUBREL. */
  readonly #late = new LazyMap<number, Late>()
  readonly #pending = new Fifo<PendingAck>()
  #pubacksOwed = 0
  /** QoS 2 identifiers that came on this connection, until PUBREL: those of an earlier one are no part of the peer's quota (section 4.9). */
  readonly #pubcompsOwed = new LazySet<number>()
  #transport: Transport | null = null
  #sendsReasons = false
  #onDrained: (() => void) | null = null
  #withholds = false
  #onWithheld: () => void = nobody

  /** `destination` 0: the peer's state ends with the connection, nothing of it is made durable. */
  constructor(destination: number, journal: Journal, received: Iterable<number> = []) {
    this.#destination = destination
    this.#journal = destination === 0 ? null : journal
    for (const packetIdentifier of received) this.#received.add(packetIdentifier)
  }

  /** `sendsReasons`: the peer understands reason codes (5.0); to a 3.x peer a refusal is an acknowledgement withheld. */
  attach(transport: Transport, sendsReasons: boolean, onWithheld: () => void = nobody): void {
    this.#transport = transport
    this.#sendsReasons = sendsReasons
    this.#withholds = false
    this.#onWithheld = onWithheld
  }

  /** An acknowledgement was withheld on this connection: that message comes again with the next one only. */
  get withholds(): boolean {
    return this.#withholds
  }

  detach(): void {
    this.#transport = null
    this.#pending.clear()
    this.#pubacksOwed = 0
    this.#pubcompsOwed.clear()
    this.#onDrained = null
    this.#onWithheld = nobody // it knows the connection, which must not stay as long as the session does
  }

  /** Messages of this connection whose acknowledgement is still owed: QoS 1 until PUBACK, QoS 2 until PUBCOMP. */
  get unacknowledged(): number {
    return this.#pubacksOwed + this.#pubcompsOwed.size
  }

  /** A QoS 2 message of this connection that came before: it takes no more of the peer's quota. */
  isRepeated(packetIdentifier: number): boolean {
    return this.#pubcompsOwed.has(packetIdentifier)
  }

  /** Acknowledgements that wait for flash. They come without anything more from the peer. */
  get waitingForFlash(): number {
    return this.#pending.length
  }

  /** Calls `fn` once when no acknowledgement waits any more. */
  onDrained(fn: () => void): void {
    this.#onDrained = fn
  }

  /** The place of the PUBACK for a message that has just come. */
  expectPuback(packetIdentifier: number): Acknowledgement {
    return this.#expect(4, packetIdentifier)
  }

  /** The place of the PUBREC, or null when the message is a duplicate: then PUBREC is on its way and nothing is published. */
  expectPubrec(packetIdentifier: number): Acknowledgement | null {
    const ack = this.#expect(5, packetIdentifier)
    this.#pubcompsOwed.add(packetIdentifier)
    if (this.#received.has(packetIdentifier)) { // [MQTT-4.3.3-10]
      if (this.#journal === null) ack.durable()
      // The first one may still be refused: then this one was not taken either.
      else this.#journal.whenDurable(() => (this.#received.has(packetIdentifier) ? ack.durable() : ack.refused('store-full')))
      return null
    }
    this.#receive(packetIdentifier)
    return ack
  }

  /**
   * The same for a message whose answer takes longer than a commit: a duplicate hears what becomes of the first one. `keeps`: the message is in the
   * batch that is being gathered, and so is its identifier. Without it the message is taken in a later turn, and known by more than its identifier: of
   * that nothing is kept, and after a crash it comes again and is new. Were it durable before the message is, a crash between the two would lose it.
   */
  expectPubrecLater(packetIdentifier: number, keeps: boolean): Acknowledgement | null {
    const known = this.#late.get(packetIdentifier)
    if (known === undefined && this.#received.has(packetIdentifier)) return this.expectPubrec(packetIdentifier)
    const ack = this.#expect(5, packetIdentifier, true)
    this.#pubcompsOwed.add(packetIdentifier)
    if (known === undefined) {
      this.#late.set(packetIdentifier, { first: ack, again: null, isTaken: false })
      if (keeps) this.#receive(packetIdentifier)
      return ack
    }
    if (known.isTaken) ack.durable()
    else known.again = ack
    return null
  }

  /** Nothing durable waits for the message itself: acknowledge when the peer's own state is durable. */
  safeWithState(ack: Waiter): void {
    if (this.#journal === null) ack.durable()
    else this.#journal.whenDurable(() => ack.durable())
  }

  onPubrel(packetIdentifier: number): void {
    const transport = this.#transport
    this.#pubcompsOwed.delete(packetIdentifier)
    if (this.#late.delete(packetIdentifier) && !this.#received.has(packetIdentifier)) {
      transport?.sendAck(7, packetIdentifier, Reason.success) // flash never knew of it
      return
    }
    const known = this.#received.delete(packetIdentifier) // [MQTT-4.3.3-12] [MQTT-4.3.3-13]
    const reason = known ? Reason.success : Reason.packetIdentifierNotFound
    if (this.#journal === null) {
      transport?.sendAck(7, packetIdentifier, reason)
      return
    }
    if (known) this.#journal.change({ kind: 'received-end', destination: this.#destination, packetIdentifier }, true)
    // Not known can mean freed a moment ago, on the connection before, and not durably yet.
    this.#journal.whenDurable(() => {
      if (this.#transport === transport) transport?.sendAck(7, packetIdentifier, reason) // [MQTT-4.3.3-11]
    })
  }

  /** The other side has forgotten the session: its identifiers start anew. */
  peerForgot(): void {
    for (const packetIdentifier of this.#received) {
      this.#journal?.change({ kind: 'received-end', destination: this.#destination, packetIdentifier }, false)
    }
    this.#received.clear()
    this.#late.clear()
  }

  /** `ack` has its reason: send it and those behind it that have theirs. */
  answer(ack: PendingAck): void {
    if (ack.isLate) this.#answerLate(ack)
    else if (ack.type === 5 && ack.reason !== Reason.success) {
      // The message was not taken: under this identifier it may be sent again and is new then. [MQTT-4.3.3-9]
      this.#received.delete(ack.packetIdentifier)
      this.#pubcompsOwed.delete(ack.packetIdentifier)
      this.#journal?.change({ kind: 'received-end', destination: this.#destination, packetIdentifier: ack.packetIdentifier }, false)
    }
    const transport = this.#transport
    if (transport === null) return
    for (let next = this.#pending.peek(); next !== undefined && next.reason !== null; next = this.#pending.peek()) { // [MQTT-4.6.0-2] [MQTT-4.6.0-3]
      this.#pending.shift()
      if (next.type === 4) this.#pubacksOwed--
      // [MQTT-4.3.2-4] [MQTT-4.3.3-8]
      if (next.reason === Reason.success || this.#sendsReasons) transport.sendAck(next.type, next.packetIdentifier, next.reason)
      else this.#withhold()
    }
    if (this.#onDrained !== null && this.#pending.length === 0) {
      const fn = this.#onDrained
      this.#onDrained = null
      fn()
    }
  }

  /** The first one decides; one that came again has its answer. */
  #answerLate(ack: PendingAck): void {
    const { packetIdentifier, reason } = ack
    const late = this.#late.get(packetIdentifier)
    if (late?.first !== ack) return
    if (reason === Reason.success) late.isTaken = true
    else {
      this.#late.delete(packetIdentifier)
      this.#pubcompsOwed.delete(packetIdentifier)
      if (this.#received.delete(packetIdentifier)) this.#journal?.change({ kind: 'received-end', destination: this.#destination, packetIdentifier }, false)
    }
    if (late.again === null) return
    late.again.reason = reason
    this.answer(late.again)
  }

  #receive(packetIdentifier: number): void {
    this.#received.add(packetIdentifier)
    this.#journal?.change({ kind: 'received', destination: this.#destination, packetIdentifier }, false)
  }

  #withhold(): void { // [MQTT3-4.8.0-2]
    if (this.#withholds) return
    this.#withholds = true
    this.#onWithheld()
  }

  #expect(type: 4 | 5, packetIdentifier: number, isLate = false): PendingAck {
    const ack = new PendingAck(this, type, packetIdentifier, isLate)
    this.#pending.push(ack)
    if (type === 4) this.#pubacksOwed++
    return ack
  }
}
