// PUBACK, PUBREC, PUBREL, PUBCOMP (MQTT 5.0 sections 3.4 to 3.7) and the pings: small, fixed and frequent, so written by hand.
import { PacketType, type AckPacket, type ProtocolVersion } from './packet.ts'
import type { Slab } from './slab.ts'

export type AckType = AckPacket['type']

export const PINGREQ: Buffer = Buffer.from([0xc0, 0])
export const PINGRESP: Buffer = Buffer.from([0xd0, 0])

function firstByte(type: AckType): number {
  return (type << 4) | (type === PacketType.pubrel ? 2 : 0) // [MQTT-3.6.1-1]
}

/** Writes a successful acknowledgement, the same four bytes in every version, into `slab`; it stands at `slab.bytes[slab.start, slab.end)`. */
export function writeAck(slab: Slab, type: AckType, packetIdentifier: number): void {
  const at = slab.take(4)
  const bytes = slab.bytes
  bytes[at] = firstByte(type)
  bytes[at + 1] = 2
  bytes[at + 2] = packetIdentifier >> 8
  bytes[at + 3] = packetIdentifier & 255 // [MQTT-2.2.1-5]
}

/**
 * Any acknowledgement. A reason other than success reaches a receiver of MQTT 5.0 only: earlier versions have no place for it. Reason strings and
 * user properties are never sent, so none is too long and none unwanted [MQTT-3.1.2-29] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2]
 * [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3].
 */
export function encodeAck(version: ProtocolVersion, type: AckType, packetIdentifier: number, reason: number): Buffer {
  const high = packetIdentifier >> 8
  const low = packetIdentifier & 255
  return version === 5 && reason !== 0
    ? Buffer.from([firstByte(type), 3, high, low, reason])
    : Buffer.from([firstByte(type), 2, high, low])
}
