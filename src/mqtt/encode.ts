// PUBLISH as receivers get it. What all receivers of a version, QoS and RETAIN get alike is encoded once and kept on the message;
// a receiver's packet identifier and DUP are patched into a copy.
//
//   as it came in, QoS 0          the message's own bytes, nothing is written
//   as it came in, QoS 1 and 2    a copy of the message's own bytes in the receiver's slab, patched
//   QoS 0                         the one encoding, shared by all receivers
//   QoS 1 and 2                   a copy of the one encoding in the receiver's slab, patched
//   alias, subscription ids       composed for the receiver
//   a message that expires        composed anew each time: the seconds left differ
import type { EncodedPublish, Message, QoS } from '../message.ts'
import type { ProtocolVersion } from './packet.ts'
import { PropertyId } from './properties.ts'
import { varintSize } from './read.ts'
import { Slab } from './slab.ts'

const PUBLISH = 0x30
const DUP = 0x08
const EXPIRY_BYTES = 5
const ALIAS_BYTES = 3
const NO_IDENTIFIERS: readonly number[] = []

/**
 * Encodings live here, not in a receiver's slab: they are shared. Small slabs, because a message that waits for its acknowledgement
 * keeps the one that its encoding stands in.
 */
const shared = new Slab(32 * 1024)

/** Whether receivers of `version` at `qos` can have the bytes that came in. */
export function isAsItCame(message: Message, version: ProtocolVersion, qos: QoS, retain: boolean): boolean {
  return message.wireVersion === (version === 5 ? 5 : 4) && qos === message.qos && !retain
}

/** The PUBLISH with DUP 0 [MQTT-4.3.1-1] and packet identifier 0, for receivers without alias and subscription identifiers. `nowMs` is Clock.now(). */
export function encodePublish(message: Message, version: ProtocolVersion, qos: QoS, retain: boolean, nowMs: number): EncodedPublish {
  const form = (version === 5 ? 6 : 0) + qos * 2 + (retain ? 1 : 0)
  for (let known = message.encoded; known !== null; known = known.next) if (known.form === form) return known
  const packetIdentifierAt = compose(shared, message, version, qos, retain, false, 0, NO_IDENTIFIERS, 0, true, nowMs)
  const { bytes, start, end } = shared
  if (version === 5 && message.expiresAtMs !== Infinity) return { bytes, start, end, packetIdentifierAt, form: -1, next: null } // the seconds left differ each time
  return (message.encoded = { bytes, start, end, packetIdentifierAt, form, next: message.encoded })
}

/**
 * The PUBLISH for one receiver, always composed anew. `subscriptionIdentifiers` and `topicAlias` (0: none) are for version 5;
 * without `sendTopic` the topic is left empty, for an alias that the receiver knows.
 */
export function encodePublishFor(
  message: Message,
  version: ProtocolVersion,
  qos: QoS,
  retain: boolean,
  dup: boolean,
  packetIdentifier: number,
  subscriptionIdentifiers: readonly number[],
  topicAlias: number,
  sendTopic: boolean,
  nowMs: number,
): EncodedPublish {
  const packetIdentifierAt = compose(shared, message, version, qos, retain, dup, packetIdentifier, subscriptionIdentifiers, topicAlias, sendTopic, nowMs)
  const { bytes, start, end } = shared
  return { bytes, start, end, packetIdentifierAt, form: -1, next: null }
}

/** Writes a whole PUBLISH into `slab`; returns where its packet identifier stands, 0 at QoS 0. */
function compose(
  slab: Slab, message: Message, version: ProtocolVersion, qos: QoS, retain: boolean, dup: boolean, packetIdentifier: number,
  subscriptionIdentifiers: readonly number[], topicAlias: number, sendTopic: boolean, nowMs: number,
): number {
  const properties = propertiesLength(message, version, subscriptionIdentifiers, topicAlias)
  const remaining = remainingLength(message, version, qos, properties, sendTopic)
  const start = slab.take(1 + varintSize(remaining) + remaining)
  const { bytes } = slab
  bytes[start] = PUBLISH | (dup ? DUP : 0) | (qos << 1) | (retain ? 1 : 0) // [MQTT-3.3.1-3]
  let at = writeVarint(bytes, start + 1, remaining)

  const topic = message.topic.bytes
  const topicLength = sendTopic ? topic.length : 0 // [MQTT-3.3.2-7]
  bytes[at++] = topicLength >> 8
  bytes[at++] = topicLength & 255
  if (sendTopic) at += topic.copy(bytes, at)

  const packetIdentifierAt = qos === 0 ? 0 : at // [MQTT-2.2.1-2]
  if (qos !== 0) {
    bytes[at++] = packetIdentifier >> 8
    bytes[at++] = packetIdentifier & 255
  }

  if (version === 5) {
    at = writeVarint(bytes, at, properties)
    if (message.expiresAtMs !== Infinity) {
      bytes[at++] = PropertyId.messageExpiry
      at = bytes.writeUInt32BE(secondsLeft(message, nowMs), at)
    }
    if (topicAlias !== 0) {
      bytes[at++] = PropertyId.topicAlias
      bytes[at++] = topicAlias >> 8
      bytes[at++] = topicAlias & 255
    }
    for (let i = 0; i < subscriptionIdentifiers.length; i++) {
      bytes[at++] = PropertyId.subscriptionIdentifier // [MQTT-3.3.4-3]
      at = writeVarint(bytes, at, subscriptionIdentifiers[i]!)
    }
    if (message.properties !== null) at += message.properties.copy(bytes, at) // [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-20]
  }

  message.bytes.copy(bytes, at, message.payloadStart, message.payloadEnd)
  return packetIdentifierAt
}

/** Bytes of the whole packet, to compare with the receiver's Maximum Packet Size [MQTT-3.1.2-24]. */
export function publishSize(
  message: Message,
  version: ProtocolVersion,
  qos: QoS,
  subscriptionIdentifiers: readonly number[] = NO_IDENTIFIERS,
  topicAlias = 0,
  sendTopic = true,
): number {
  const remaining = remainingLength(message, version, qos, propertiesLength(message, version, subscriptionIdentifiers, topicAlias), sendTopic)
  return 1 + varintSize(remaining) + remaining
}

/**
 * Writes the PUBLISH of QoS 1 or 2 for one receiver into `slab`, with its packet identifier and DUP [MQTT-3.3.1-1]; it stands at
 * `slab.bytes[slab.start, slab.end)`. For receivers without alias and subscription identifiers. `alone`: nobody else gets this message, so
 * no encoding is kept for others.
 */
export function writePublish(
  slab: Slab,
  message: Message,
  version: ProtocolVersion,
  qos: 1 | 2,
  retain: boolean,
  dup: boolean,
  packetIdentifier: number,
  alone: boolean,
  nowMs: number,
): void {
  if (alone && message.encoded === null) {
    compose(slab, message, version, qos, retain, dup, packetIdentifier, NO_IDENTIFIERS, 0, true, nowMs)
    return
  }
  if (isAsItCame(message, version, qos, retain)) {
    const { bytes, wireStart } = message
    let topicAt = wireStart + 2
    while (bytes[topicAt - 1]! >= 128) topicAt++ // remaining length
    copyPatched(slab, bytes, wireStart, message.wireEnd, topicAt + 2 + message.topic.bytes.length, qos, retain, packetIdentifier, dup)
    return
  }
  const encoded = encodePublish(message, version, qos, retain, nowMs)
  copyPatched(slab, encoded.bytes, encoded.start, encoded.end, encoded.packetIdentifierAt, qos, retain, packetIdentifier, dup)
}

function copyPatched(
  slab: Slab, from: Buffer, start: number, end: number, packetIdentifierAt: number,
  qos: 1 | 2, retain: boolean, packetIdentifier: number, dup: boolean,
): void {
  const to = slab.take(end - start)
  const bytes = slab.bytes
  from.copy(bytes, to, start, end)
  bytes[to] = PUBLISH | (dup ? DUP : 0) | (qos << 1) | (retain ? 1 : 0)
  const at = to + packetIdentifierAt - start
  bytes[at] = packetIdentifier >> 8
  bytes[at + 1] = packetIdentifier & 255
}

/** Message Expiry Interval still left [MQTT-3.3.2-6], in seconds, rounded up: 0 only when the message has expired. */
function secondsLeft(message: Message, nowMs: number): number {
  return Math.min(0xffffffff, Math.max(0, Math.ceil((message.expiresAtMs - nowMs) / 1000)))
}

/** Length of the properties without their length; -1 before MQTT 5.0, which has none. */
function propertiesLength(message: Message, version: ProtocolVersion, subscriptionIdentifiers: readonly number[], topicAlias: number): number {
  if (version !== 5) return -1
  let length = message.properties === null ? 0 : message.properties.length
  if (message.expiresAtMs !== Infinity) length += EXPIRY_BYTES
  if (topicAlias !== 0) length += ALIAS_BYTES
  for (let i = 0; i < subscriptionIdentifiers.length; i++) length += 1 + varintSize(subscriptionIdentifiers[i]!)
  return length
}

function remainingLength(message: Message, version: ProtocolVersion, qos: QoS, properties: number, sendTopic: boolean): number {
  let length = 2 + (sendTopic ? message.topic.bytes.length : 0) + (qos === 0 ? 0 : 2) + message.payloadEnd - message.payloadStart
  if (version === 5) length += varintSize(properties) + properties // [MQTT-2.2.2-1]
  return length
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  while (value >= 128) {
    bytes[at++] = (value & 127) | 128
    value >>>= 7
  }
  bytes[at++] = value
  return at
}
