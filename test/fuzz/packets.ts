// Packets as bytes: where one ends, where its properties stand, and how lengths are put right after a change. Works on what is nearly
// right too: what cannot be found is said so, nothing throws.
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'

export interface Varint {
  readonly value: number
  readonly size: number
}

/** The Variable Byte Integer at `at`, or null when there is none that ends in four bytes. */
export function varintAt(bytes: Buffer, at: number): Varint | null {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return null
    value |= (byte & 127) << (7 * i)
    if (byte < 128) return { value, size: i + 1 }
  }
  return null
}

export function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128)
  return Buffer.from([...bytes, value])
}

/** One by one; what is left behind the last whole packet is the last of the list. */
export function splitPackets(bytes: Buffer): Buffer[] {
  const packets: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = varintAt(bytes, at + 1)
    const end = length === null ? bytes.length : Math.min(bytes.length, at + 1 + length.size + length.value)
    packets.push(bytes.subarray(at, end))
    at = end
  }
  return packets
}

/** Cut at these ends, of which the last is the end of the bytes. */
export function splitAt(bytes: Buffer, ends: readonly number[]): Buffer[] {
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end))
}

/** Where the body begins: behind type and remaining length. */
export function bodyStart(packet: Buffer): number {
  return Math.min(packet.length, 1 + (varintAt(packet, 1)?.size ?? 1))
}

/** The same first byte and body with the remaining length that fits. */
export function withRightLength(packet: Buffer): Buffer {
  const body = packet.subarray(bodyStart(packet))
  return Buffer.concat([packet.subarray(0, 1), varint(body.length), body])
}

export interface PropertySection {
  /** Of the property length, of the first property, and behind the last one. */
  readonly lengthAt: number
  readonly start: number
  readonly end: number
}

/** The (first) properties of a packet of MQTT 5.0; null where it has none. */
export function propertiesOf(packet: Buffer, version: ProtocolVersion): PropertySection | null {
  if (version !== 5 || packet.length < 2) return null
  const lengthAt = propertyLengthAt(packet)
  const length = varintAt(packet, lengthAt)
  if (length === null) return null
  const start = lengthAt + length.size
  return start + length.value <= packet.length ? { lengthAt, start, end: start + length.value } : null
}

function propertyLengthAt(packet: Buffer): number {
  const body = bodyStart(packet)
  const string = (at: number): number => 2 + (packet[at] ?? 0) * 256 + (packet[at + 1] ?? 0)
  switch (packet[0]! >> 4) {
    case 1:
      return body + string(body) + 4
    case 3:
      return body + string(body) + ((packet[0]! & 6) === 0 ? 0 : 2)
    case 8:
    case 10:
      return body + 2
    case 4:
    case 5:
    case 6:
    case 7:
      return body + 3
    default:
      return body + 1
  }
}

/** A valid CONNECT under another client identifier. */
export function withClientId(connect: Buffer, version: ProtocolVersion, clientId: string): Buffer {
  const body = bodyStart(connect)
  const at = propertiesOf(connect, version)?.end ?? body + 2 + connect.readUInt16BE(body) + 4
  const written = Buffer.from(`\0\0${clientId}`)
  written.writeUInt16BE(written.length - 2)
  return withRightLength(Buffer.concat([connect.subarray(0, at), written, connect.subarray(at + 2 + connect.readUInt16BE(at))]))
}

/** Puts other properties in the place of those of `section`, all lengths right. */
export function withProperties(packet: Buffer, section: PropertySection, properties: Buffer): Buffer {
  return withRightLength(Buffer.concat([packet.subarray(0, section.lengthAt), varint(properties.length), properties, packet.subarray(section.end)]))
}

/** Each property from its identifier to its end; what cannot be read is the last of the list. */
export function splitProperties(bytes: Buffer): Buffer[] {
  const properties: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + valueSize(bytes, at))
    properties.push(bytes.subarray(at, end))
    at = end
  }
  return properties
}

/** Bytes of a property's value by its identifier (MQTT 5.0 section 2.2.2.2). */
const FIXED_SIZES: Readonly<Record<number, number>> = {
  0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x17: 1, 0x18: 4, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2a: 1,
}
const SUBSCRIPTION_IDENTIFIER = 0x0b
const USER_PROPERTY = 0x26

function valueSize(bytes: Buffer, at: number): number {
  const id = bytes[at]!
  const string = (from: number): number => 2 + (bytes[from] ?? 0) * 256 + (bytes[from + 1] ?? 0)
  if (id === SUBSCRIPTION_IDENTIFIER) return varintAt(bytes, at + 1)?.size ?? bytes.length
  if (id === USER_PROPERTY) return string(at + 1) + string(at + 1 + string(at + 1))
  return FIXED_SIZES[id] ?? string(at + 1)
}

/** One valid-looking value for each property there is, and two that do not exist. */
export const ANY_PROPERTIES: readonly Buffer[] = [
  ...Object.entries(FIXED_SIZES).map(([id, size]) => Buffer.from([Number(id), ...Array.from({ length: size }, (_, i) => (i === size - 1 ? 1 : 0))])),
  ...[0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f].map((id) => Buffer.from([id, 0, 1, 0x61])),
  Buffer.from([SUBSCRIPTION_IDENTIFIER, 1]),
  Buffer.from([USER_PROPERTY, 0, 1, 0x61, 0, 1, 0x62]),
  Buffer.from([0x00, 0]),
  Buffer.from([0x7f, 0]),
]
