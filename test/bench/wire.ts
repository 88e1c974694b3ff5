// MQTT 3.1.1 as bytes, made ahead: what the load generator sends, and where it finds things in what it receives.
//
// A PUBLISH of the bench always looks like this, so that a packet is stamped and checked in place, without parsing:
//
//   first byte · remaining length (1 byte: < 128) · topic length 2 · topic "bench/0007" 10 · [packet identifier 2, QoS 1]
//   payload 100: publisher 4 · sequence number 4 · filler 92 (random: what cannot be compressed flatters nobody)
//
// The publisher counts 0, 1, 2 …; what arrives must be exactly that, in that order.

import { randomFillSync } from 'node:crypto'

export const PAYLOAD_BYTES = 100
export const TOPIC_FILTER = 'bench/#'

const TOPIC_BYTES = 10
const BODY_BYTES = 2 + TOPIC_BYTES + PAYLOAD_BYTES

/** Bytes of one PUBLISH on the wire. */
export const publishBytes = (qos: 0 | 1): number => 2 + BODY_BYTES + 2 * qos
/** Where the payload starts, counted from the packet's first byte; publisher and sequence number are its first 8 bytes. */
export const payloadOffset = (qos: 0 | 1): number => publishBytes(qos) - PAYLOAD_BYTES
/** Where a QoS 1 packet's identifier is. */
export const PACKET_ID_OFFSET = 4 + TOPIC_BYTES

export const topicOf = (publisher: number): string => `bench/${String(publisher).padStart(4, '0')}`

/** `count` equal PUBLISH packets one behind the other; sequence numbers and packet identifiers are stamped before each write. */
export function publishBlock(publisher: number, topic: string, qos: 0 | 1, count: number): Buffer {
  if (topic.length !== TOPIC_BYTES) throw new Error(`topic ${topic}: must be ${TOPIC_BYTES} bytes`)
  const one = Buffer.alloc(publishBytes(qos))
  one[0] = 0x30 | (qos << 1)
  one[1] = one.length - 2
  one.writeUInt16BE(TOPIC_BYTES, 2)
  one.write(topic, 4, 'latin1')
  one.writeUInt32BE(publisher, payloadOffset(qos))
  const block = Buffer.allocUnsafeSlow(one.length * count)
  for (let at = 0; at < block.length; at += one.length) {
    one.copy(block, at)
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

/** A keep-alive of ten minutes: longer than any work here, so that no PINGREQ is needed. */
export function connectPacket(clientId: string, clean: boolean, keepAliveSec = 600): Buffer {
  return packet(0x10, text('MQTT'), Buffer.from([4, clean ? 2 : 0, keepAliveSec >> 8, keepAliveSec & 255]), text(clientId))
}

export function subscribePacket(filter: string, qos: 0 | 1): Buffer {
  return packet(0x82, Buffer.from([0, 1]), text(filter), Buffer.from([qos]))
}

export const DISCONNECT = Buffer.from([0xe0, 0])
