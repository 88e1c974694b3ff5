// What leaves on one connection: messages as the remote takes them, acknowledgements, questions. Everything goes through one outbox, is
// counted by the pacer, and is a sign of life.
import type { Counters } from '../../counters.ts'
import type { Delivery } from '../../journal/delivery.ts'
import type { Message, QoS } from '../../message.ts'
import { encodeAck, PINGREQ } from '../../mqtt/encode-ack.ts'
import type { ConnackPacket } from '../../mqtt/packet.ts'
import type { Outbox } from '../../session/outbox.ts'
import type { Outgoing, Transport } from '../../session/outgoing.ts'
import type { Flushable, Turn } from '../../turn.ts'
import type { KeepAlive } from './keep-alive.ts'
import type { WireConnection } from '../budget/meter.ts'
import type { Pacer } from './pacer.ts'
import { Publisher } from './publisher.ts'

/** Bytes the kernel has not taken before no more is taken from the queue: what is in the socket cannot be put back. */
const OUTPUT_BYTES_MAX = 256 * 1024
/** As long as nothing is known of a link it is taken for a very slow one: a quick one is known after the first answer. */
const UNKNOWN_BYTES_PER_MS = 0.3

export interface SenderOwner {
  readonly outgoing: Outgoing
  /** The message as it goes out, under its remote topic; null when no route wants it any more. */
  outbound(message: Message, subscriptionIdentifiers: readonly number[]): Message | null
}

export interface SenderDeps {
  readonly turn: Turn
  readonly counters: Counters
  readonly pacer: Pacer
  readonly keepAlive: KeepAlive
  /** Counts what the link costs; null where nobody asks. */
  readonly wire: WireConnection | null
}

export class Sender implements Transport, Flushable {
  readonly #owner: SenderOwner
  readonly #deps: SenderDeps
  readonly #outbox: Outbox
  readonly #version: 4 | 5
  /** null until the remote has accepted us. */
  #publisher: Publisher | null = null
  #isClosed = false
  #wireIsMarked = false

  constructor(owner: SenderOwner, deps: SenderDeps, outbox: Outbox, version: 4 | 5) {
    this.#owner = owner
    this.#deps = deps
    this.#outbox = outbox
    this.#version = version
  }

  /** Messages may go, as CONNACK says. */
  open(connack: ConnackPacket): void {
    this.#publisher = new Publisher(this.#outbox, this.#version, connack, this.#deps.counters)
  }

  /** What was given until now is written, nothing after it. */
  close(): void {
    this.#isClosed = true
    this.#outbox.write()
    this.#outbox.close()
  }

  /** The kernel has taken everything. */
  drained(): void {
    this.#outbox.drained()
    this.#owner.outgoing.pump()
  }

  /** Bytes that an answer is still to come for. */
  get unanswered(): number {
    return Math.max(this.#deps.pacer.inFlight, this.#owner.outgoing.inFlight > 0 ? 1 : 0)
  }

  /** Milliseconds that so many bytes need, and their answer. */
  arrivalMs(bytes: number): number {
    return this.#deps.pacer.arrivalMs(bytes) ?? bytes / UNKNOWN_BYTES_PER_MS
  }

  // ---- Transport

  get writable(): boolean {
    return this.#deps.pacer.open && this.#hasRoom
  }

  reserve(bytes: number): void {
    this.#deps.pacer.reserve(bytes)
  }

  sendPublish(delivery: Delivery, dup: boolean): boolean {
    const message = this.#owner.outbound(delivery.message, delivery.subscriptionIdentifiers)
    if (message === null) return false
    // [MQTT-3.2.2-11] what the remote cannot take at this QoS goes at the one it can
    if (delivery.qos > this.#publisher!.maximumQos) delivery.qos = this.#publisher!.maximumQos
    return this.publish(message, delivery.qos, delivery.retain, dup, delivery.packetIdentifier) && delivery.qos > 0
  }

  /** At most once: false when it cannot go now. */
  sendQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): boolean {
    if (!this.#deps.pacer.openForQos0 || !this.#hasRoom) return false
    const remote = this.#owner.outbound(message, subscriptionIdentifiers)
    return remote !== null && this.publish(remote, 0, retain, false, 0)
  }

  sendAck(type: 4 | 5 | 6 | 7, packetIdentifier: number, reason: number): void {
    this.send(encodeAck(this.#version, type, packetIdentifier, reason))
  }

  get #hasRoom(): boolean {
    return this.#publisher !== null && !this.#isClosed && this.#outbox.length < OUTPUT_BYTES_MAX
  }

  // ---- packets

  /** Past the queue. False when the remote does not take it. */
  publish(message: Message, qos: QoS, retain: boolean, dup: boolean, packetIdentifier: number): boolean {
    const { turn, pacer, keepAlive } = this.#deps
    const { nowMs } = turn
    const bytes = this.#publisher!.publish(message, qos, retain, dup, packetIdentifier, nowMs)
    if (bytes === 0) return false
    if (qos === 0) pacer.wrote(bytes)
    else {
      pacer.wroteAnswerable(packetIdentifier, bytes, nowMs)
      if (pacer.shouldWrite) this.#outbox.write()
    }
    keepAlive.sent(nowMs, qos === 0 ? 'none' : 'comes')
    this.moved()
    return true
  }

  /** A packet that is an answer, or whose own answer is not waited for. */
  send(packet: Buffer): void {
    const { turn, pacer, keepAlive } = this.#deps
    this.#outbox.append(packet, 0, packet.length)
    pacer.wrote(packet.length)
    keepAlive.sent(turn.nowMs, 'is one')
    this.moved()
  }

  /** A packet that is answered under no identifier: CONNECT, PINGREQ. */
  ask(packet: Buffer): void {
    const { turn, pacer } = this.#deps
    this.#outbox.append(packet, 0, packet.length)
    pacer.wroteAnswerable(0, packet.length, turn.nowMs)
    this.moved()
  }

  ping(): void {
    this.ask(PINGREQ)
  }

  /** A packet was answered: 0 for one without an identifier. */
  answered(packetIdentifier: number): void {
    this.#deps.pacer.answered(packetIdentifier, this.#deps.turn.nowMs)
  }

  // ---- what the link costs

  /** Bytes have moved, or will at the turn's end. */
  moved(): void {
    if (this.#deps.wire === null || this.#wireIsMarked) return
    this.#wireIsMarked = true
    this.#deps.turn.mark(this)
  }

  flush(): void {
    this.#wireIsMarked = false
    this.#deps.wire!.moved()
  }
}
