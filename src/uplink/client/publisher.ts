// PUBLISH as one remote takes it: its Maximum QoS, RETAIN or not, Maximum Packet Size, topic aliases. Everything goes into the connection's
// outbox.
import type { Counters } from '../../counters.ts'
import type { Message, QoS } from '../../message.ts'
import { encodePublish, encodePublishFor, publishSize, writePublish } from '../../mqtt/encode.ts'
import { OutboundAliases } from '../../mqtt/outbound-alias.ts'
import type { ConnackPacket } from '../../mqtt/packet.ts'
import { Slab } from '../../mqtt/slab.ts'
import type { Outbox } from '../../session/outbox.ts'

const slab = new Slab()

export class Publisher {
  readonly #outbox: Outbox
  readonly #version: 4 | 5
  readonly #counters: Counters
  readonly #aliases: OutboundAliases | null
  readonly #bytesMax: number
  readonly #retainAvailable: boolean
  readonly maximumQos: QoS

  constructor(outbox: Outbox, version: 4 | 5, connack: ConnackPacket, counters: Counters) {
    this.#outbox = outbox
    this.#version = version
    this.#counters = counters
    this.#aliases = connack.topicAliasMaximum > 0 ? new OutboundAliases(connack.topicAliasMaximum) : null // [MQTT-3.2.2-17] [MQTT-3.2.2-18]
    this.#bytesMax = connack.maximumPacketSize
    this.#retainAvailable = connack.retainAvailable
    this.maximumQos = connack.maximumQos
  }

  /** Bytes that were written; 0 when the remote does not take a packet of that size, which is counted. */
  publish(message: Message, qos: QoS, asksRetain: boolean, dup: boolean, packetIdentifier: number, nowMs: number): number {
    const version = this.#version
    const retain = asksRetain && this.#retainAvailable // [MQTT-3.2.2-14]
    if (publishSize(message, version, qos) > this.#bytesMax) {
      this.#counters.droppedTooLarge++
      return 0
    }
    // A topic that gets its alias makes the packet longer: not beyond what the remote takes [MQTT-3.2.2-15].
    if (this.#aliases !== null && publishSize(message, version, qos, [], 1) <= this.#bytesMax) {
      const alias = this.#aliases.aliasOf(message.topic.name)
      const { bytes, start, end } = encodePublishFor(message, version, qos, retain, dup, packetIdentifier, [], Math.abs(alias), alias >= 0, nowMs)
      return this.#append(bytes, start, end)
    }
    if (qos === 0) {
      const { bytes, start, end } = encodePublish(message, version, 0, retain, nowMs)
      return this.#append(bytes, start, end)
    }
    writePublish(slab, message, version, qos, retain, dup, packetIdentifier, true, nowMs)
    return this.#append(slab.bytes, slab.start, slab.end)
  }

  #append(bytes: Buffer, start: number, end: number): number {
    this.#outbox.append(bytes, start, end)
    return end - start
  }
}
