// Whatever bytes come, the decoder gives packets or throws ProtocolError, and stays within its bounds. Each case has a seed of its own,
// which the failure names.
import { describe, expect, test } from 'vitest'
import { Decoder } from '../../../src/mqtt/decode.ts'
import type { Packet, ProtocolVersion } from '../../../src/mqtt/packet.ts'
import { ProtocolError } from '../../../src/mqtt/reason.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import { connect, encodeModel, FROM_CLIENT, FROM_SERVER, Random } from './samples.ts'

const CASES = 10_000
const LIMIT = 50_000
const topics = new TopicTable()

/** Decodes `bytes` in random chunks; returns what is wrong, or null. */
function problem(decoder: Decoder, bytes: Buffer, random: Random): string | null {
  try {
    for (let at = 0; at < bytes.length; ) {
      const size = random.int(1, bytes.length)
      decoder.push(bytes.subarray(at, at + size))
      at += size
      for (let packet = decoder.next(0); packet !== null; packet = decoder.next(0)) {
        const wrong = outOfBounds(packet)
        if (wrong !== null) return wrong
      }
      if (decoder.bufferedBytes > LIMIT) return `holds ${decoder.bufferedBytes} bytes`
    }
    return null
  } catch (error) {
    return error instanceof ProtocolError && error.reason >= 0x80 ? null : String((error as Error).stack)
  }
}

function outOfBounds(packet: Packet): string | null {
  if (packet.type !== 3) return null
  const { payloadStart, payloadEnd, bytes, wireVersion, wireStart, wireEnd, topic } = packet.message
  if (payloadStart > payloadEnd || payloadEnd > bytes.length) return `payload at ${payloadStart} to ${payloadEnd} of ${bytes.length}`
  if (wireVersion !== 0 && (wireStart >= payloadStart || wireEnd !== payloadEnd)) return `wire at ${wireStart} to ${wireEnd}`
  return /[+#\0]/.test(topic.name) || topic.name === '' ? `topic ${JSON.stringify(topic.name)}` : null
}

function makeDecoder(role: 'server' | 'client', version: ProtocolVersion): Decoder {
  const decoder = new Decoder({ role, topics, packetBytesMax: LIMIT, connectBytesMax: LIMIT, topicAliasMaximum: 16 })
  if (role === 'client') decoder.version = version
  return decoder
}

function validStream(role: 'server' | 'client', version: ProtocolVersion, random: Random): Buffer {
  const makers = Object.values(role === 'server' ? FROM_CLIENT : FROM_SERVER)
  const packets = role === 'server' ? [encodeModel(connect(random, version), version)] : []
  for (let n = random.int(1, 3); n > 0; n--) packets.push(encodeModel(random.pick(makers)(random, version), version))
  return Buffer.concat(packets)
}

function mutated(bytes: Buffer, random: Random): Buffer {
  for (let n = random.int(1, 4); n > 0; n--) {
    const at = random.int(0, bytes.length - 1)
    switch (random.int(0, 3)) {
      case 0:
        bytes[at] = random.int(0, 255)
        break
      case 1:
        bytes[at]! ^= 1 << random.int(0, 7)
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(4), bytes.subarray(at)])
        break
      default:
        if (bytes.length > 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
    }
  }
  return bytes
}

describe('the decoder throws nothing but ProtocolError', () => {
  test('on valid packets with mistakes made in them', () => {
    let refused = 0
    for (let seed = 0; seed < CASES; seed++) {
      const random = new Random(seed)
      const role = random.pick(['server', 'client'] as const)
      const version = random.pick([3, 4, 5] as const)
      const bytes = mutated(validStream(role, version, random), random)
      const decoder = makeDecoder(role, version)
      const wrong = problem(decoder, bytes, random)
      expect(wrong === null ? null : `seed ${seed}: ${wrong}`).toBeNull()
      try {
        decoder.next(0)
      } catch {
        refused++
      }
    }
    expect(refused).toBeGreaterThan(CASES / 4)
    expect(refused).toBeLessThan(CASES)
  })

  test('on random bytes', () => {
    for (let seed = 0; seed < CASES; seed++) {
      const random = new Random(seed)
      const version = random.pick([3, 4, 5] as const)
      const bytes = random.bytes(60)
      if (bytes.length > 2 && random.chance(0.8)) {
        bytes[0] = random.pick([0x20, 0x30, 0x31, 0x32, 0x3d, 0x40, 0x50, 0x62, 0x70, 0x82, 0x90, 0xa2, 0xb0, 0xe0, 0xf0])
        bytes[1] = bytes.length - random.int(2, 4) // a length that fits or nearly does
      }
      const role = random.pick(['server', 'client'] as const)
      const decoder = makeDecoder(role, version)
      if (role === 'server' && random.chance(0.9)) {
        decoder.push(encodeModel(connect(random, version), version))
        decoder.next(0)
      }
      const wrong = problem(decoder, bytes, random)
      expect(wrong === null ? null : `seed ${seed}: ${wrong}`).toBeNull()
    }
  })
})
