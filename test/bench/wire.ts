// MQTT 3.1.1 as bytes, made ahead: what the load generator sends, and where it finds things in what it receives.
//
// A PUBLISH of the bench always looks like this, so that a packet is stamped and checked in place, without parsing:
//
//   first byte · remaining length (1 byte: < 128) · topic length 2 · topic "bench/0007" 10 · [packet identifier 2, QoS 1]
//   payload 100: publisher 4 · sequence number 4 · filler 92 (random: what cannot be compressed flatters nobody)
//
// A device has topics of its own in place of "bench/0007", of the same length: "d/007/00k9", 007 being its client identifier.
//
// The publisher counts 0, 1, 2 …; what arrives must be exactly that, in that order.

import { randomFillSync } from 'node:crypto'

export const PAYLOAD_BYTES = 100
export const TOPIC_FILTER = 'bench/#'

/** What devices publish: see `deviceTopic`. */
export const DEVICE_FILTER = 'd/#'

const TOPIC_BYTES = 10
const BODY_BYTES = 2 + TOPIC_BYTES + PAYLOAD_BYTES

/** Bytes of one PUBLISH on the wire. */
export const publishBytes = (qos: 0 | 1): number => 2 + BODY_BYTES + 2 * qos
/** Where the payload starts, counted from the packet's first byte; publisher and sequence number are its first 8 bytes. */
export const payloadOffset = (qos: 0 | 1): number => publishBytes(qos) - PAYLOAD_BYTES
/** Where a QoS 1 packet's identifier is. */
export const PACKET_ID_OFFSET = 4 + TOPIC_BYTES

export const topicOf = (publisher: number): string => `bench/${String(publisher).padStart(4, '0')}`

/** A device's client identifier, which is a level of its topics too. */
export const deviceOf = (publisher: number): string => String(publisher).padStart(3, '0')
/** Topic `number` < 36⁴ of a device: "d/007/00k9". */
export const deviceTopic = (publisher: number, number: number): string => `d/${deviceOf(publisher)}/${number.toString(36).padStart(4, '0')}`
/** Where the four digits of a device's topic begin. */
export const DEVICE_DIGITS_OFFSET = 4 + TOPIC_BYTES - 4

/** `count` PUBLISH packets one behind the other, each with its topic; sequence numbers and packet identifiers are stamped before each write. */
export function publishBlock(publisher: number, topicAt: (index: number) => string, qos: 0 | 1, count: number): Buffer {
  const one = Buffer.alloc(publishBytes(qos))
  one[0] = 0x30 | (qos << 1)
  one[1] = one.length - 2
  one.writeUInt16BE(TOPIC_BYTES, 2)
  one.writeUInt32BE(publisher, payloadOffset(qos))
  const block = Buffer.allocUnsafeSlow(one.length * count)
  for (let i = 0; i < count; i++) {
    const at = i * one.length
    const topic = topicAt(i)
    if (topic.length !== TOPIC_BYTES) throw new Error(`topic ${topic}: must be ${TOPIC_BYTES} bytes`)
    one.copy(block, at)
    block.write(topic, at + 4, 'latin1')
    randomFillSync(block, at + payloadOffset(qos) + 8, PAYLOAD_BYTES - 8)
  }
  return block
}

const text = (s: string): Buffer => {
  const bytes = Buffer.from(s)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function packet(first: number, ...body: Buffer[]): Buffer {
  const bytes = Buffer.concat(body)
  if (bytes.length > 127) throw new Error('the bench only makes short control packets')
  return Buffer.concat([Buffer.from([first, bytes.length]), bytes])
}

/** Who a client says it is. */
export interface User {
  readonly name: string
  readonly password: string
}

/** A keep-alive of ten minutes: longer than any work here, so that no PINGREQ is needed. */
export function connectPacket(clientId: string, clean: boolean, keepAliveSec = 600, user: User | null = null): Buffer {
  const flags = (clean ? 2 : 0) | (user === null ? 0 : 0xc0)
  const payload = user === null ? [text(clientId)] : [text(clientId), text(user.name), text(user.password)]
  return packet(0x10, text('MQTT'), Buffer.from([4, flags, keepAliveSec >> 8, keepAliveSec & 255]), ...payload)
}

export function subscribePacket(filter: string, qos: 0 | 1): Buffer {
  return packet(0x82, Buffer.from([0, 1]), text(filter), Buffer.from([qos]))
}

export const DISCONNECT = Buffer.from([0xe0, 0])
