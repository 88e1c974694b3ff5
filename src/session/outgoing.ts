// Messages on their way to one receiver at QoS 1 and 2: packet identifiers, the send quota, the steps of each handshake
// (MQTT 5.0 sections 4.3, 4.4, 4.9). The broker's sessions and the uplink's client use the same machine.
//
//   QoS 1   take ─► PUBLISH ─► PUBACK ─► settled
//   QoS 2   take ─► identifier durable ─► PUBLISH ─► PUBREC ─► settled, "released" durable ─► PUBREL ─► PUBCOMP
//
// What is always true
//   1. At most `receiveMaximum` of the receiver are under way [MQTT-3.3.4-9]; acknowledgements are never held back by it [MQTT-3.3.4-10].
//   2. Messages go out in the order of their queue; after a reconnect the unacknowledged go first, in the same order and under
//      the same identifiers, with DUP [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1]. So it is after a restart or a crash too: a
//      message's identifier follows from its place in the store, or is durable before it is sent.
//   3. Where the receiver outlives a crash, what it must not see twice (QoS 2) is durable before it is sent.
//   4. A receiver that knew a later state than ours (ours came from a backup) may hold identifiers of QoS 2 that we take for free: it would pass over
//      the next message under one of them. PUBREL goes first: it is answered, known or not [MQTT-4.3.3-11], and the identifier is free then.
import { Fifo } from '../fifo.ts'
import { LazyMap, LazySet } from '../lazy.ts'
import { Reason } from '../mqtt/reason.ts'
import type { Delivery } from '../journal/delivery.ts'
import type { Journal } from '../journal/journal.ts'
import type { Started } from '../journal/queue.ts'
import type { QoS } from '../message.ts'
import type { InflightRow } from '../store/store.ts'
import { InFlight } from './in-flight.ts'

/** The highest identifier given to a message: a client keeps the last one for its SUBSCRIBE. */
const IDENTIFIER_MAX = 0xfffe

/** Where packets leave: the connection of a session or of an uplink. */
export interface Transport {
  /** False while the receiver does not read; `pump` again when that is over. */
  readonly writable: boolean
  /** So many bytes were taken for it and wait until they are durable, or (negative) do so no more: meanwhile they are as good as written. */
  reserve?(bytes: number): void
  /** Sends one PUBLISH. False when no answer will come (too large for the receiver, or sent at QoS 0 after all): it counts as delivered. */
  sendPublish(delivery: Delivery, dup: boolean): boolean
  /** PUBACK 4, PUBREC 5, PUBREL 6, PUBCOMP 7. */
  sendAck(type: 4 | 5 | 6 | 7, packetIdentifier: number, reason: number): void
}

/** Where deliveries come from: a session's queue, or the lanes of an uplink. */
export interface Source {
  /** What is taken must outlive a crash. */
  readonly durable: boolean
  /** Everything that waits on flash for this destination has been taken. */
  exhausted(destination: number): boolean
  /** `fn` is called when `take` may give something again. */
  onReady(fn: () => void): void
  take(started: Started): Delivery | null
  settle(delivery: Delivery): void
  resume(window: number): void
  suspend(): void
  receiverForgot(): void
}

/** What was sent on an earlier connection and not acknowledged. */
interface Sent {
  readonly destination: number
  /** A frame has many messages, from this one to that which it is known by. */
  readonly first: number
  readonly packetIdentifier: number
  readonly qos: QoS
}

export class Outgoing<S extends Source = Source> implements Started {
  readonly source: S
  readonly #journal: Journal | null
  #transport: Transport | null = null
  #quota = 0
  /** What waits for PUBACK or PUBREC, by packet identifier. */
  readonly #sent = new InFlight()
  /** Identifiers that wait for PUBCOMP, and whose they are. */
  readonly #released = new LazyMap<number, number>()
  /** Unacknowledged when the connection (or the run) ended, by sequence: kept for the redelivery. */
  readonly #again = new LazyMap<number, Sent>()
  /** Identifiers in `#again`: not free. */
  readonly #reserved = new LazySet<number>()
  /** Taken, waiting until the identifier is durable; later ones wait behind, to keep the order. */
  readonly #gate = new Fifo<Delivery>()
  #gateBatch = 0
  #mayHoldOthers: boolean

  /** `mayHoldOthers`: rule 4. */
  constructor(source: S, journal: Journal | null, restored: readonly InflightRow[] = [], mayHoldOthers = false) {
    this.source = source
    this.#mayHoldOthers = mayHoldOthers
    this.#journal = source.durable ? journal : null
    // PUBRELs go out in the order of their messages, also after a restart [MQTT-4.6.0-4]: identifiers tell nothing about it.
    for (const row of restored.toSorted((a, b) => a.sequence - b.sequence)) {
      if (row.phase === 'released') this.#released.set(row.packetIdentifier, row.destination)
      else {
        this.#again.set(row.sequence, row)
        this.#reserved.add(row.packetIdentifier)
      }
    }
    source.onReady(() => this.pump())
  }

  /** PUBLISH and PUBREL sent and not answered. */
  get inFlight(): number {
    return this.#sent.size + this.#released.size
  }

  attach(transport: Transport, receiveMaximum: number): void {
    this.#transport = transport
    this.#quota = receiveMaximum // [MQTT-4.9.0-1]
    if (this.#released.size > 0) this.#sendPubrels([...this.#released.keys()], transport) // [MQTT-4.4.0-1] [MQTT-4.3.3-5] [MQTT-4.6.0-4]
    this.source.resume(receiveMaximum)
  }

  // ---- Started

  has(sequence: number): boolean {
    return this.#again.has(sequence)
  }

  endOfFrame(destination: number, sequence: number): number | null {
    for (const [last, sent] of this.#again) if (sent.destination === destination && sent.first <= sequence && sequence <= last) return last
    return null
  }

  // ---- what the connection tells

  /** The connection is gone. What was not acknowledged will be sent again. */
  detach(): void {
    if (this.#transport === null) return
    this.#transport = null
    for (const { queue, first, sequence, packetIdentifier, qos } of this.#sent.deliveries()) { // [MQTT-4.3.2-3] [MQTT-4.3.3-3] [MQTT-4.8.2-4]
      this.#again.set(sequence, { destination: queue.destination, first, packetIdentifier, qos })
      this.#reserved.add(packetIdentifier)
    }
    this.#sent.clear()
    this.#gate.clear()
    this.#gateBatch = 0
    this.source.suspend()
  }

  /**
   * The receiver has forgotten the session (session present 0): identifiers mean nothing to it any more. What was
   * unacknowledged is sent as new; what it had received (PUBREC) is done.
   */
  receiverForgot(): void {
    for (const [identifier, destination] of this.#released) this.#endIdentifier(destination, identifier)
    for (const [, { destination, packetIdentifier }] of this.#again) this.#endIdentifier(destination, packetIdentifier)
    this.#released.clear()
    this.#reserved.clear()
    this.#again.clear()
    this.#mayHoldOthers = false
    this.source.receiverForgot()
  }

  /** Sends what may be sent now. */
  pump(): void {
    const transport = this.#transport
    if (transport === null) return
    while (this.inFlight < this.#quota && transport.writable) { // [MQTT-3.3.4-9] [MQTT-4.9.0-2]
      const delivery = this.source.take(this)
      if (delivery === null) {
        if (this.#again.size > 0) this.#giveUpAgain((destination) => this.source.exhausted(destination))
        return
      }
      this.#start(delivery, transport)
    }
  }

  /** Whatever its reason: a message that was refused is done with [MQTT-4.4.0-2] [MQTT-4.8.2-6]. */
  onPuback(identifier: number): void {
    const delivery = this.#take(identifier, 1)
    if (delivery === null) return
    if (delivery.hasRow) this.#endIdentifier(delivery.queue.destination, identifier)
    this.source.settle(delivery)
    this.pump()
  }

  onPubrec(identifier: number, reason: number): void {
    const delivery = this.#take(identifier, 2)
    if (delivery === null) {
      // Once more for one that is released already: our PUBREL was lost with the connection. Else it is unknown.
      const known = this.#released.has(identifier)
      if (reason < 0x80) this.#transport?.sendAck(6, identifier, known ? Reason.success : Reason.packetIdentifierNotFound)
      return
    }
    this.source.settle(delivery)
    if (reason >= 0x80) {
      // The receiver refused it: the identifier is free again, nothing follows [MQTT-4.3.3-4] [MQTT-4.4.0-2] [MQTT-4.8.2-6].
      this.#endIdentifier(delivery.queue.destination, identifier)
      this.pump()
      return
    }
    this.#release(delivery.queue.destination, identifier, delivery.sequence)
  }

  onPubcomp(identifier: number): void {
    const destination = this.#released.get(identifier)
    if (destination === undefined) return
    this.#released.delete(identifier)
    this.#endIdentifier(destination, identifier)
    this.pump()
  }

  /** Nothing but PUBREL is sent under `identifier` any more [MQTT-4.3.3-6]. */
  #release(destination: number, identifier: number, sequence: number): void {
    this.#released.set(identifier, destination)
    const row: InflightRow = { destination, packetIdentifier: identifier, first: sequence, sequence, qos: 2, phase: 'released' }
    this.#journal?.change({ kind: 'inflight', row }, true)
    if (this.#transport !== null) this.#sendPubrels([identifier], this.#transport)
  }

  /** PUBREL leaves when "released" is durable, or a crash would send the message again to a receiver that is done with it. */
  #sendPubrels(identifiers: readonly number[], transport: Transport): void {
    const send = (): void => {
      if (this.#transport !== transport) return
      for (const identifier of identifiers) if (this.#released.has(identifier)) transport.sendAck(6, identifier, Reason.success) // [MQTT-4.3.3-4]
    }
    if (this.#journal === null) send()
    else this.#journal.whenDurable(send)
  }

  #start(delivery: Delivery, transport: Transport): void {
    const { sequence, queue, isFrame } = delivery
    const known = this.#again.get(sequence)?.packetIdentifier
    if (delivery.qos === 2 || isFrame) delivery.dup = known !== undefined // none is sent before that is durable [MQTT-3.3.1-1] [MQTT-4.3.3-2]
    if (this.#again.size > 0) {
      this.#again.delete(sequence)
      this.#giveUpAgain((destination, other) => destination === queue.destination && other < sequence)
    }
    if (known !== undefined) this.#reserved.delete(known)
    const own = 1 + ((sequence - 1) % IDENTIFIER_MAX)
    const identifier = known ?? this.#freeIdentifier(own) // [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-4.6.0-1]
    delivery.packetIdentifier = identifier
    this.#sent.add(delivery)
    delivery.hasRow = this.#journal !== null && (delivery.qos === 2 || identifier !== own || isFrame)
    if (delivery.hasRow && known === undefined) this.#makeDurable(delivery, this.#journal!)
    else if (this.#gate.length === 0) this.#send(delivery, transport)
    else this.#wait(delivery)
  }

  #wait(delivery: Delivery): void {
    this.#gate.push(delivery)
    this.#transport?.reserve?.(delivery.message.size)
  }

  #send(delivery: Delivery, transport: Transport): void {
    if (this.#mayHoldOthers && delivery.qos === 2 && !delivery.dup) transport.sendAck(6, delivery.packetIdentifier, Reason.success)
    if (transport.sendPublish(delivery, delivery.dup)) return
    const { destination } = delivery.queue
    this.#sent.delete(delivery)
    if (delivery.dup && delivery.qos === 2) this.#release(destination, delivery.packetIdentifier, delivery.sequence)
    else if (delivery.hasRow) this.#endIdentifier(destination, delivery.packetIdentifier)
    this.source.settle(delivery)
  }

  #makeDurable(delivery: Delivery, journal: Journal): void {
    const { queue, packetIdentifier, first, sequence } = delivery
    const qos = delivery.qos as 1 | 2
    journal.change({ kind: 'inflight', row: { destination: queue.destination, packetIdentifier, first, sequence, qos, phase: 'sent' } }, true)
    const batch = journal.batch
    delivery.gate = batch
    this.#wait(delivery)
    if (this.#gateBatch === batch) return
    this.#gateBatch = batch
    const transport = this.#transport
    journal.whenDurable(() => {
      if (transport === null || this.#transport !== transport) return
      for (let next = this.#gate.peek(); next !== undefined && next.gate <= batch; next = this.#gate.peek()) {
        this.#gate.shift()
        transport.reserve?.(-next.message.size)
        if (!next.settled) this.#send(next, transport) // a peer may answer what was not sent
      }
      this.pump()
    })
  }

  /** The delivery that waits for an answer under `identifier`, taken out, if it is of this QoS. */
  #take(identifier: number, qos: 1 | 2): Delivery | null {
    const delivery = this.#sent.get(identifier)
    if (delivery === null || delivery.qos !== qos) return null
    this.#sent.delete(delivery)
    return delivery
  }

  /** `own`, or else one that is not in use [MQTT-2.2.1-4], far from those that the next messages own. The quota keeps some free. */
  #freeIdentifier(own: number): number {
    if (this.#isFree(own)) return own
    let identifier = own
    for (let step = IDENTIFIER_MAX / 2; !this.#isFree(identifier); step = 1) identifier = 1 + ((identifier - 1 + step) % IDENTIFIER_MAX)
    return identifier
  }

  #isFree(identifier: number): boolean {
    return this.#sent.get(identifier) === null && !this.#released.has(identifier) && !this.#reserved.has(identifier)
  }

  /**
   * Messages that were to be sent again are not in their queue any more (dropped by a limit). The receiver may have one of
   * QoS 2 all the same: without PUBREL it would take the next one under that identifier for a duplicate.
   */
  #giveUpAgain(isGone: (destination: number, sequence: number) => boolean): void {
    for (const [sequence, { destination, packetIdentifier, qos }] of this.#again) {
      if (!isGone(destination, sequence)) continue
      this.#again.delete(sequence)
      this.#reserved.delete(packetIdentifier)
      if (qos === 2) this.#release(destination, packetIdentifier, sequence)
      else this.#endIdentifier(destination, packetIdentifier)
    }
  }

  #endIdentifier(destination: number, packetIdentifier: number): void {
    // No hurry: an old row costs one PUBREL too many after a crash.
    this.#journal?.change({ kind: 'inflight-end', destination, packetIdentifier }, false)
  }
}
