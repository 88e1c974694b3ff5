// Mistakes, made on purpose, in a list of packets. Each mutation takes the list and gives back another one; most leave the lengths
// right often enough that the mistake is met behind the framing too.
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'
import type { Random } from '../unit/mqtt/samples.ts'
import { ANY_PROPERTIES, bodyStart, propertiesOf, splitProperties, varint, withProperties, withRightLength } from './packets.ts'

export type Mutation = (packets: readonly Buffer[], random: Random, version: ProtocolVersion, others: readonly Buffer[]) => Buffer[]

/** Changes one packet. */
function inOne(change: (packet: Buffer, random: Random, version: ProtocolVersion) => Buffer): Mutation {
  return (packets, random, version) => {
    const at = random.int(0, packets.length - 1)
    return packets.toSpliced(at, 1, change(Buffer.from(packets[at]!), random, version))
  }
}

/** The same, with the remaining length put right behind it every second time. */
function inBody(change: (packet: Buffer, random: Random) => Buffer): Mutation {
  return inOne((packet, random) => {
    const changed = change(packet, random)
    return changed.length > 1 && random.chance() ? withRightLength(changed) : changed
  })
}

const LENGTHS = ['ffffff7f', 'ffff7f', 'ff7f', '8000', 'ffffffff', '8080808001', '80808000', '00', '7f', 'ffffffff7f'].map((hex) => Buffer.from(hex, 'hex'))
const NOT_UTF8 = ['00', 'ff', 'c080', 'c0af', 'eda080', 'edbfbf', 'f4908080', 'e282', 'f8888080', 'efbbbf', 'efbfbe'].map((hex) => Buffer.from(hex, 'hex'))
const TWO_BYTES = [0, 1, 0xff, 0x100, 0x7fff, 0xffff]

const splice = (packet: Buffer, at: number, remove: number, ...insert: readonly Buffer[]): Buffer => Buffer.concat([packet.subarray(0, at), ...insert, packet.subarray(at + remove)])
const somewhere = (packet: Buffer, random: Random): number => random.int(0, packet.length - 1)
/** Where in the body; a packet without one gets it at its end. */
const inside = (packet: Buffer, random: Random): number => random.int(Math.min(bodyStart(packet), packet.length), packet.length)

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  bit: inOne((packet, random) => {
    packet[somewhere(packet, random)]! ^= 1 << random.int(0, 7)
    return packet
  }),
  byte: inOne((packet, random) => {
    packet[somewhere(packet, random)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.int(0, 255)])
    return packet
  }),
  firstByte: inOne((packet, random) => {
    packet[0] = random.int(0, 255)
    return packet
  }),
  flags: inOne((packet, random) => {
    packet[0] = (packet[0]! & 0xf0) | random.int(0, 15)
    return packet
  }),
  remainingLength: inOne((packet, random) => {
    const body = packet.subarray(bodyStart(packet))
    const length = random.chance() ? random.pick(LENGTHS) : varint(Math.max(0, body.length + random.int(-3, 3)))
    return Buffer.concat([packet.subarray(0, 1), length, body])
  }),
  lengthField: inBody((packet, random) => {
    const at = inside(packet, random)
    if (at + 2 > packet.length) return packet
    packet.writeUInt16BE(random.chance() ? random.pick(TWO_BYTES) : (packet.readUInt16BE(at) + random.int(-2, 2)) & 0xffff, at)
    return packet
  }),
  truncation: inBody((packet, random) => packet.subarray(0, random.int(1, packet.length))),
  insertion: inBody((packet, random) => splice(packet, inside(packet, random), 0, random.bytes(random.chance(0.05) ? 2000 : 6))),
  removal: inBody((packet, random) => splice(packet, inside(packet, random), random.int(1, 4))),
  repetition: inBody((packet, random) => {
    const from = inside(packet, random)
    const piece = packet.subarray(from, from + random.int(1, 20))
    return splice(packet, from, 0, ...Array.from({ length: random.pick([1, 1, 2, 50]) }, () => piece))
  }),
  notUtf8: inBody((packet, random) => {
    const bytes = random.pick(NOT_UTF8)
    const at = inside(packet, random)
    return splice(packet, at, random.chance() ? bytes.length : 0, bytes)
  }),
  propertyTwice: inOne((packet, random, version) => {
    const section = propertiesOf(packet, version)
    if (section === null) return packet
    const properties = splitProperties(packet.subarray(section.start, section.end))
    if (properties.length === 0) return packet
    return withProperties(packet, section, Buffer.concat(properties.toSpliced(random.int(0, properties.length), 0, random.pick(properties))))
  }),
  propertyMore: inOne((packet, random, version) => {
    const section = propertiesOf(packet, version)
    if (section === null) return packet
    const properties = splitProperties(packet.subarray(section.start, section.end))
    return withProperties(packet, section, Buffer.concat(properties.toSpliced(random.int(0, properties.length), 0, random.pick(ANY_PROPERTIES))))
  }),
  propertyLength: inOne((packet, random, version) => {
    const section = propertiesOf(packet, version)
    if (section === null) return packet
    const length = random.chance() ? random.pick(LENGTHS) : varint(Math.max(0, section.end - section.start + random.int(-3, 3)))
    return withRightLength(splice(packet, section.lengthAt, section.start - section.lengthAt, length))
  }),
  packetTwice: (packets, random) => {
    const packet = random.pick(packets)
    return packets.toSpliced(random.int(0, packets.length), 0, ...Array.from({ length: random.pick([1, 1, 1, 3, 100]) }, () => packet))
  },
  packetGone: (packets, random) => (packets.length === 1 ? [...packets] : packets.toSpliced(random.int(0, packets.length - 1), 1)),
  packetOfOthers: (packets, random, _version, others) => packets.toSpliced(random.int(0, packets.length), 0, random.pick(others)),
  order: (packets, random) => {
    const list = [...packets]
    for (let i = list.length - 1; i > 0; i--) {
      const j = random.int(0, i)
      ;[list[i], list[j]] = [list[j]!, list[i]!]
    }
    return list
  },
  twoPackets: (packets, random, _version, others) => {
    const at = random.int(0, packets.length - 1)
    const one = packets[at]!
    const other = random.pick(others)
    const joined = Buffer.concat([one.subarray(0, random.int(1, one.length)), other.subarray(random.int(0, other.length - 1))])
    return packets.toSpliced(at, 1, random.chance() ? withRightLength(joined) : joined)
  },
}

const ALL = Object.values(MUTATIONS)

/** `count` mistakes, one after the other. Never longer than `bytesMax`. */
export function mutated(packets: readonly Buffer[], count: number, random: Random, version: ProtocolVersion, others: readonly Buffer[], bytesMax: number): Buffer[] {
  let list = [...packets]
  for (let i = 0; i < count; i++) {
    const next = random.pick(ALL)(list, random, version, others).filter((packet) => packet.length > 0)
    const size = next.reduce((sum, packet) => sum + packet.length, 0)
    if (size > 0 && size <= bytesMax) list = next
  }
  return list
}
