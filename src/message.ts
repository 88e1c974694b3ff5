// The one Message that travels: from a device, a sensor or an uplink, through the router, to sessions, the store and uplinks.
// A Message never changes. What differs per receiver (QoS, RETAIN, packet identifier) belongs to the delivery, not to the message.
import { Topic } from './mqtt/topic.ts'

export type QoS = 0 | 1 | 2

const NO_BYTES = Buffer.alloc(0)

export class Message {
  readonly topic: Topic
  readonly qos: QoS
  readonly retain: boolean
  /** Holds the payload, at [payloadStart, payloadEnd). Offsets instead of a view: a view per message costs more than the rest of the way. */
  readonly bytes: Buffer
  readonly payloadStart: number
  readonly payloadEnd: number
  /**
   * MQTT 5.0 properties as they are forwarded, encoded and without their length: payload format, response topic, correlation
   * data, content type and user properties, unaltered and in order [MQTT-3.3.2-17] [MQTT-3.3.2-18]. Never an alias, an expiry or a
   * subscription identifier. null when there are none.
   */
  readonly properties: Buffer | null
  /** Monotonic deadline (Clock.now) from Message Expiry Interval; Infinity when the message never expires. */
  readonly expiresAtMs: number
  /** Who published it: a session for No Local, an uplink's name for loop prevention. null for the gateway itself. */
  readonly origin: object | null

  /**
   * Where in `bytes` the whole PUBLISH stands as it came, when receivers of `wireVersion` can have the same bytes at the same QoS
   * with RETAIN 0, but for packet identifier and DUP; wireVersion is 0 when they cannot.
   */
  wireStart = 0
  wireEnd = 0
  wireVersion: 0 | 4 | 5 = 0
  /** Encodings made so far, linked; mqtt/encode.ts keeps them: encode once, send many. */
  encoded: EncodedPublish | null = null

  constructor(
    topic: Topic,
    qos: QoS,
    retain: boolean,
    bytes: Buffer,
    payloadStart: number,
    payloadEnd: number,
    properties: Buffer | null,
    expiresAtMs: number,
    origin: object | null,
  ) {
    this.topic = topic
    this.qos = qos
    this.retain = retain
    this.bytes = bytes
    this.payloadStart = payloadStart
    this.payloadEnd = payloadEnd
    this.properties = properties
    this.expiresAtMs = expiresAtMs
    this.origin = origin
  }

  get payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.payloadEnd)
  }

  get payloadLength(): number {
    return this.payloadEnd - this.payloadStart
  }

  /** The bytes this message takes in a queue: topic, payload and properties. */
  get size(): number {
    return this.topic.bytes.length + this.payloadEnd - this.payloadStart + (this.properties === null ? 0 : this.properties.length)
  }

  /** The same message with another deadline (Clock.now). */
  expiringAt(expiresAtMs: number): Message {
    return new Message(this.topic, this.qos, this.retain, this.bytes, this.payloadStart, this.payloadEnd, this.properties, expiresAtMs, this.origin)
  }

  /**
   * The same message on bytes of its own. What is kept beyond a turn must not hold on to the socket's chunk it came in:
   * a hundred bytes would keep 64 KB alive.
   */
  detach(): Message {
    this.encoded = null // they hold slabs alive, and can be made again
    if (this.bytes.length <= 2 * (this.payloadEnd - this.payloadStart) + 256) return this
    const payload = Buffer.from(this.payload)
    const properties = this.properties === null ? null : Buffer.from(this.properties)
    return new Message(this.topic, this.qos, this.retain, payload, 0, payload.length, properties, this.expiresAtMs, this.origin)
  }
}

/** One encoded PUBLISH: `bytes[start, end)`; the packet identifier is patched in at `packetIdentifierAt` (0 at QoS 0). */
export interface EncodedPublish {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  readonly packetIdentifierAt: number
  /** Which form it is (version, QoS, RETAIN), and the message's next one: mqtt/encode.ts. */
  readonly form: number
  readonly next: EncodedPublish | null
}

export interface MessageOptions {
  qos?: QoS
  retain?: boolean
  properties?: Buffer | null
  expiresAtMs?: number
  origin?: object | null
}

/** A message of the gateway's own: a sensor's reading, a state, a will. `topic` must be a valid topic name. */
export function makeMessage(topic: string | Topic, payload: Buffer | string, options: MessageOptions = {}): Message {
  const bytes = typeof payload === 'string' ? (payload === '' ? NO_BYTES : Buffer.from(payload, 'utf8')) : payload
  return new Message(
    typeof topic === 'string' ? Topic.of(topic) : topic,
    options.qos ?? 0,
    options.retain ?? false,
    bytes,
    0,
    bytes.length,
    options.properties ?? null,
    options.expiresAtMs ?? Infinity,
    options.origin ?? null,
  )
}
