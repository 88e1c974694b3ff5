// Bytes in, packets out. A packet that comes out is complete and valid; anything else has thrown a ProtocolError with the reason code
// of the standard (section 4.13). After a throw the decoder is finished: every later next() throws the same error.
//
//   framer ──► first byte: type and flags ──► PUBLISH and plain acknowledgements: here, by offsets, nothing is made but the packet
//                                        └──► all others: decode-*.ts, with a Cursor
//
// Messages stand in the chunk they came in (Message.bytes): what keeps one beyond the turn detaches it.
import { Message, type QoS } from '../message.ts'
import { InboundAliases } from './alias.ts'
import { readAck, readAuth, readDisconnect } from './decode-ack.ts'
import { readConnack, readSuback, readUnsuback } from './decode-answer.ts'
import { readConnect, readProtocol } from './decode-connect.ts'
import { readSubscribe, readUnsubscribe } from './decode-subscribe.ts'
import { Framer } from './frame.ts'
import { MessageProperties } from './message-properties.ts'
import { PacketType, type AckPacket, type Packet, type PingPacket, type ProtocolVersion, type PublishPacket, type RefusedPublishPacket } from './packet.ts'
import { Cursor, tooShort, zeroIdentifier } from './read.ts'
import { LimitExceeded, malformed, protocolError, Reason } from './reason.ts'
import type { Topic, TopicTable } from './topic.ts'

export interface DecoderOptions {
  /** Which side we are: a server decodes what clients send, a client what servers send. */
  readonly role: 'server' | 'client'
  readonly topics: TopicTable
  /** The longest packet accepted, fixed header included. */
  readonly packetBytesMax: number
  /** The same for the first packet, before anyone is known. */
  readonly connectBytesMax: number
  /** The Topic Alias Maximum that we told the peer; 0 accepts none. */
  readonly topicAliasMaximum: number
}

const PING_REQUEST: PingPacket = { type: PacketType.pingreq }
const PING_RESPONSE: PingPacket = { type: PacketType.pingresp }

const CONNECT_BYTE = 0x10

export class Decoder {
  /**
   * 0 until it is known. A server's decoder sets it as soon as it has read the protocol level, so that a CONNECT that is wrong
   * further on can be answered in the right version; the user of a client's decoder sets it.
   */
  version: 0 | ProtocolVersion = 0
  /** Message.origin of what is decoded from now on: the session, once there is one. */
  origin: object | null = null
  packetBytesMax: number

  /** Of the topics that are read from now on. */
  topics: TopicTable
  readonly #server: boolean
  readonly #connectBytesMax: number
  readonly #aliases: InboundAliases
  readonly #properties: MessageProperties
  readonly #framer = new Framer()
  #started = false
  #failure: unknown = null
  #failedAt = 0

  constructor(options: DecoderOptions) {
    this.packetBytesMax = options.packetBytesMax
    this.#server = options.role === 'server'
    this.topics = options.topics
    this.#connectBytesMax = options.connectBytesMax
    this.#aliases = new InboundAliases(options.topicAliasMaximum)
    this.#properties = new MessageProperties(this.#server ? 'client' : 'server')
  }

  /** Bytes held for packets that are not decoded yet; a packet that has begun counts at its full length. */
  get bufferedBytes(): number {
    return this.#framer.bufferedBytes
  }

  /** Where in the stream the last packet begins that came out, or the one that was refused: bytes since the connection was opened. */
  get packetOffset(): number {
    return this.#failure === null ? this.#framer.offset : this.#failedAt
  }

  /** Hands over a chunk of the stream. Its bytes must not change afterwards: messages are read in place. */
  push(chunk: Buffer): void {
    if (this.#failure === null) this.#framer.push(chunk)
  }

  /**
   * The next packet, or null when more bytes are needed. `nowMs` is Clock.now(), from which message expiry counts.
   * Throws ProtocolError, and the same error at every later call: nothing is decoded after a mistake [MQTT-4.13.1-1]. A PUBLISH that
   * only breaks a limit, and whose sender can be told without ending the connection, comes out as one that is refused.
   */
  next(nowMs: number): Packet | null {
    if (this.#failure !== null) throw this.#failure
    try {
      return this.#next(nowMs)
    } catch (error) {
      if (error instanceof LimitExceeded) {
        const refused = this.#refusedPublish(error)
        if (refused !== null) return refused
      }
      this.#failure = error
      this.#failedAt = this.#framer.offset
      this.#framer.clear()
      throw error
    }
  }

  #next(nowMs: number): Packet | null {
    const framer = this.#framer
    if (!this.#started) {
      const first = framer.firstByte
      if (this.#server && first >= 0 && first !== CONNECT_BYTE) throw protocolError('first packet is not CONNECT') // [MQTT-3.1.0-1]
      if (!framer.next(this.#connectBytesMax)) return null
      this.#started = true
    } else if (!framer.next(this.packetBytesMax)) return null
    const first = framer.bytes[framer.start]!
    const type = first >> 4
    if (type === PacketType.publish) return this.#publish(first, nowMs)
    this.#checkFlags(type, first & 15)
    if (type >= PacketType.puback && type <= PacketType.pubcomp) return this.#ack(type as AckPacket['type'])
    const cursor = new Cursor(framer.bytes, framer.body, framer.end)
    const packet = this.#server ? this.#fromClient(type, cursor) : this.#fromServer(type, cursor)
    cursor.finish()
    return packet
  }

  #checkFlags(type: number, flags: number): void {
    const expected = type === PacketType.pubrel || type === PacketType.subscribe || type === PacketType.unsubscribe ? 2 : 0
    if (flags === expected) return // [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
    if (this.version === 3 && expected === 2 && flags === 10) return // MQTT 3.1 repeats these with DUP
    throw malformed(`packet of type ${type} has fixed header flags ${flags}`)
  }

  #publish(first: number, nowMs: number): PublishPacket {
    const framer = this.#framer
    const bytes = framer.bytes
    const end = framer.end
    const version = this.version
    const qos = ((first >> 1) & 3) as QoS | 3
    const dup = (first & 8) !== 0
    if (qos === 3) throw malformed('PUBLISH has QoS 3') // [MQTT-3.3.1-4]
    if (dup && qos === 0 && version !== 3) throw malformed('PUBLISH of QoS 0 has DUP') // [MQTT-3.3.1-2]
    const topicStart = framer.body + 2
    if (topicStart > end) throw tooShort()
    const topicEnd = topicStart + ((bytes[topicStart - 2]! << 8) | bytes[topicStart - 1]!)
    let at = topicEnd
    let packetIdentifier = 0
    if (qos !== 0) at += 2
    if (at > end) throw tooShort()
    if (qos !== 0) {
      packetIdentifier = (bytes[at - 2]! << 8) | bytes[at - 1]!
      if (packetIdentifier === 0) throw zeroIdentifier() // [MQTT-2.2.1-3]
    }
    let topic: Topic
    let properties: Buffer | null = null
    let expiresAtMs = Infinity
    let wireVersion: 4 | 5 = 4
    let plain = (first & 1) === 0 && (!dup || qos !== 0) // what can be forwarded as it came
    if (version === 5) {
      const read = this.#properties
      at = read.read(bytes, at, end)
      topic = read.topicAlias < 0 && topicEnd > topicStart ? this.topics.resolve(bytes, topicStart, topicEnd) : this.#aliased(topicStart, topicEnd)
      properties = read.forwarded
      if (read.expirySec >= 0) expiresAtMs = nowMs + read.expirySec * 1000
      wireVersion = 5
      if (read.hopOnly) plain = false
    } else {
      topic = this.topics.resolve(bytes, topicStart, topicEnd)
    }
    const message = new Message(topic, qos, (first & 1) !== 0, bytes, at, end, properties, expiresAtMs, this.origin)
    if (plain) {
      message.wireStart = framer.start
      message.wireEnd = end
      message.wireVersion = wireVersion
    }
    return { type: PacketType.publish, dup, packetIdentifier, message }
  }

  /** The topic of a PUBLISH that has an alias, or neither alias nor topic. */
  #aliased(topicStart: number, topicEnd: number): Topic {
    const alias = this.#properties.topicAlias
    if (alias < 0) throw protocolError('PUBLISH has neither topic nor topic alias')
    this.#aliases.check(alias)
    if (topicEnd === topicStart) return this.#aliases.get(alias)
    const topic = this.topics.resolve(this.#framer.bytes, topicStart, topicEnd)
    this.#aliases.set(alias, topic)
    return topic
  }

  /** The PUBLISH in hand, when its topic is beyond a limit and its sender can be told; else null. */
  #refusedPublish(why: LimitExceeded): RefusedPublishPacket | null {
    const { bytes, start, body } = this.#framer
    const first = bytes[start]!
    const qos = ((first >> 1) & 3) as 0 | 1 | 2
    if (this.version !== 5 || first >> 4 !== PacketType.publish || qos === 0 || why.reason !== Reason.topicNameInvalid) return null
    const topicBytes = bytes.readUInt16BE(body)
    const alias = this.#properties.topicAlias
    if (alias > 0 && topicBytes > 0) this.#aliases.refuse(alias, why)
    return { type: 0, qos, packetIdentifier: bytes.readUInt16BE(body + 2 + topicBytes), why }
  }

  #ack(type: AckPacket['type']): AckPacket {
    const { bytes, body, end } = this.#framer
    if (end - body !== 2) return readAck(type, new Cursor(bytes, body, end), this.version === 5)
    const packetIdentifier = (bytes[body]! << 8) | bytes[body + 1]!
    if (packetIdentifier === 0) throw zeroIdentifier()
    return { type, packetIdentifier, reason: 0 }
  }

  #fromClient(type: number, cursor: Cursor): Packet {
    switch (type) {
      case PacketType.connect: {
        if (this.version !== 0) throw protocolError('second CONNECT') // [MQTT-3.1.0-2]
        const protocol = readProtocol(cursor)
        this.version = protocol.version
        return readConnect(cursor, protocol, this.topics)
      }
      case PacketType.subscribe:
        return readSubscribe(cursor, this.version === 5)
      case PacketType.unsubscribe:
        return readUnsubscribe(cursor, this.version === 5)
      case PacketType.pingreq:
        return PING_REQUEST
      case PacketType.disconnect:
        return readDisconnect(cursor, this.version === 5, 'client')
      case PacketType.auth:
        if (this.version === 5) return readAuth(cursor, 'client')
    }
    throw unexpected(type, this.version)
  }

  #fromServer(type: number, cursor: Cursor): Packet {
    switch (type) {
      case PacketType.connack:
        return readConnack(cursor, this.version)
      case PacketType.suback:
        return readSuback(cursor, this.version === 5)
      case PacketType.unsuback:
        return readUnsuback(cursor, this.version === 5)
      case PacketType.pingresp:
        return PING_RESPONSE
      case PacketType.disconnect:
        if (this.version === 5) return readDisconnect(cursor, true, 'server')
        break
      case PacketType.auth:
        if (this.version === 5) return readAuth(cursor, 'server')
    }
    throw unexpected(type, this.version)
  }
}

function unexpected(type: number, version: number): Error {
  if (type === 0 || (type === PacketType.auth && version !== 5)) return malformed(`packet type ${type} is reserved`)
  return protocolError(`packet of type ${type} is not for this side to receive`)
}
