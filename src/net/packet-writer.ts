// What a session sends to its client, as this client takes it: version, Maximum Packet Size, topic aliases. Everything goes into the
// connection's outbox; nothing here knows whether the client reads.
import type { Counters } from '../counters.ts'
import type { Delivery } from '../journal/delivery.ts'
import type { Message } from '../message.ts'
import { encodePublish, encodePublishFor, isAsItCame, publishSize, writePublish } from '../mqtt/encode.ts'
import { encodeAck, writeAck } from '../mqtt/encode-ack.ts'
import { OutboundAliases } from '../mqtt/outbound-alias.ts'
import type { ConnectPacket, ProtocolVersion } from '../mqtt/packet.ts'
import { Slab } from '../mqtt/slab.ts'
import type { Outbox } from '../session/outbox.ts'
import type { Turn } from '../turn.ts'

const slab = new Slab()
const NO_IDENTIFIERS: readonly number[] = []

export class PacketWriter {
  readonly #outbox: Outbox
  readonly #turn: Turn
  /** Whose messages these are. */
  counters: Counters
  #version: ProtocolVersion = 4
  #maximumPacketSize = Infinity
  #aliases: OutboundAliases | null = null

  constructor(outbox: Outbox, turn: Turn, counters: Counters) {
    this.#outbox = outbox
    this.#turn = turn
    this.counters = counters
  }

  get version(): ProtocolVersion {
    return this.#version
  }

  get maximumPacketSize(): number {
    return this.#maximumPacketSize
  }

  /** The client has said what it takes; of aliases it gets `aliasesMax` at most. */
  fit({ version, maximumPacketSize, topicAliasMaximum }: ConnectPacket, aliasesMax: number): void {
    this.#version = version
    this.#maximumPacketSize = maximumPacketSize
    if (topicAliasMaximum > 0) this.#aliases = new OutboundAliases(Math.min(topicAliasMaximum, aliasesMax)) // [MQTT-3.1.2-27]
  }

  publishQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): void {
    const version = this.#version
    if (this.#isTooLarge(message, 0, subscriptionIdentifiers)) return
    if (this.#aliases !== null || subscriptionIdentifiers.length > 0) this.#compose(message, 0, retain, false, 0, subscriptionIdentifiers)
    else if (isAsItCame(message, version, 0, retain)) this.#outbox.append(message.bytes, message.wireStart, message.wireEnd)
    else {
      const encoded = encodePublish(message, version, 0, retain, this.#turn.nowMs)
      this.#outbox.append(encoded.bytes, encoded.start, encoded.end)
    }
  }

  /** False when the client does not take a packet of that size: it counts as sent [MQTT-3.1.2-25]. */
  publish(delivery: Delivery, dup: boolean): boolean {
    const { message, qos, retain, packetIdentifier, subscriptionIdentifiers } = delivery
    if (this.#isTooLarge(message, qos, subscriptionIdentifiers)) return false
    if (this.#aliases === null && subscriptionIdentifiers.length === 0) {
      writePublish(slab, message, this.#version, qos as 1 | 2, retain, dup, packetIdentifier, delivery.fromFlash, this.#turn.nowMs)
      this.#outbox.append(slab.bytes, slab.start, slab.end)
    } else this.#compose(message, qos, retain, dup, packetIdentifier, subscriptionIdentifiers)
    return true
  }

  acknowledge(type: 4 | 5 | 6 | 7, packetIdentifier: number, reason: number): void { // [MQTT-3.3.4-10] [MQTT-4.9.0-3]
    if (reason === 0 || this.#version !== 5) {
      this.counters.otherSent++
      writeAck(slab, type, packetIdentifier)
      this.#outbox.append(slab.bytes, slab.start, slab.end)
    } else this.packet(encodeAck(5, type, packetIdentifier, reason))
  }

  /** A whole packet, which the client takes: what may be left out has been. */
  packet(packet: Buffer): void {
    if (packet.length > this.#maximumPacketSize) {
      this.counters.refusedAnswerSize++ // [MQTT-3.1.2-24]
      return
    }
    this.counters.otherSent++
    this.#outbox.append(packet, 0, packet.length)
  }

  /** Counts the message one way or the other. */
  #isTooLarge(message: Message, qos: 0 | 1 | 2, identifiers: readonly number[]): boolean {
    const counters = this.counters
    if (this.#maximumPacketSize !== Infinity && publishSize(message, this.#version, qos, identifiers) > this.#maximumPacketSize) {
      counters.droppedTooLarge++ // [MQTT-3.1.2-25]
      return true
    }
    counters.publishSent++
    counters.payloadSent += message.payloadLength
    return false
  }

  #compose(message: Message, qos: 0 | 1 | 2, retain: boolean, dup: boolean, packetIdentifier: number, identifiers: readonly number[]): void {
    const version = this.#version
    // A topic that gets its alias makes the packet longer: not beyond what the client takes [MQTT-3.1.2-24].
    const fits = this.#maximumPacketSize === Infinity || publishSize(message, version, qos, identifiers, 1) <= this.#maximumPacketSize
    const alias = fits ? (this.#aliases?.aliasOf(message.topic.name) ?? 0) : 0
    const encoded = encodePublishFor(
      message, version, qos, retain, dup, packetIdentifier,
      version === 5 ? identifiers : NO_IDENTIFIERS, Math.abs(alias), alias >= 0, this.#turn.nowMs,
    )
    this.#outbox.append(encoded.bytes, encoded.start, encoded.end)
  }
}
