// The encoders against mqtt-packet: what ours write, its parser reads, field by field.
import { describe, expect, test } from 'vitest'
import { makeMessage, type EncodedPublish, type Message, type QoS } from '../../../src/message.ts'
import { Decoder } from '../../../src/mqtt/decode.ts'
import { encodeAck, PINGREQ, PINGRESP, writeAck } from '../../../src/mqtt/encode-ack.ts'
import { encodePublish, encodePublishFor, isAsItCame, publishSize, writePublish } from '../../../src/mqtt/encode.ts'
import type { ProtocolVersion, PublishPacket } from '../../../src/mqtt/packet.ts'
import { Slab } from '../../../src/mqtt/slab.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import { bytesOf } from './malformed.ts'
import { encodeModel, parseModels, Random } from './samples.ts'

const NOW_MS = 1000
const VERSIONS = [3, 4, 5] as const
const QOS = [0, 1, 2] as const

function sliceOf(encoded: EncodedPublish): Buffer {
  return encoded.bytes.subarray(encoded.start, encoded.end)
}

function taken(slab: Slab): Buffer {
  return slab.bytes.subarray(slab.start, slab.end)
}

function contentType(text: string): Buffer {
  return Buffer.concat([Buffer.from([3, 0, text.length]), Buffer.from(text)])
}

function randomMessage(r: Random): { message: Message; type: string | null } {
  const type = r.chance() ? `type-${r.int(0, 9)}`.repeat(r.int(1, 20)) : null
  const message = makeMessage(r.topic(), r.bytes(r.chance(0.1) ? 20_000 : 200), {
    properties: type === null ? null : contentType(type),
    expiresAtMs: r.chance(0.3) ? NOW_MS + r.int(1, 100_000) : Infinity,
  })
  return { message, type }
}

/** The part of mqtt-packet's model that says the properties; it has none when there are none. */
function propertiesOf(message: Message, type: string | null, version: ProtocolVersion): { properties?: Record<string, unknown> } {
  const expires = message.expiresAtMs !== Infinity
  if (version !== 5 || (type === null && !expires)) return {}
  const properties = {
    ...(type === null ? {} : { contentType: type }),
    ...(expires ? { messageExpiryInterval: Math.ceil((message.expiresAtMs - NOW_MS) / 1000) } : {}),
  }
  return { properties }
}

describe.each(VERSIONS)('version %i', (version) => {
  test('a PUBLISH reads back as what was given', () => {
    const r = new Random(version)
    const slab = new Slab()
    for (let i = 0; i < 300; i++) {
      const { message, type } = randomMessage(r)
      const qos = r.pick(QOS)
      const retain = r.chance()
      const encoded = encodePublish(message, version, qos, retain, NOW_MS)
      expect(publishSize(message, version, qos)).toBe(encoded.end - encoded.start)
      const model = { topic: message.topic.name, payload: message.payload, qos, retain, ...propertiesOf(message, type, version) }
      expect(parseModels(sliceOf(encoded), version)).toMatchObject([{ ...model, dup: false }])
      if (qos === 0) continue
      const dup = r.chance()
      const messageId = r.identifier()
      writePublish(slab, message, version, qos, retain, dup, messageId, r.chance(), NOW_MS)
      expect(parseModels(taken(slab), version)).toMatchObject([{ ...model, dup, messageId }])
    }
  })

  test('a PUBLISH for one receiver reads back as what was given', () => {
    const r = new Random(version + 10)
    for (let i = 0; i < 300; i++) {
      const { message, type } = randomMessage(r)
      const qos = r.pick(QOS)
      const retain = r.chance()
      const dup = qos > 0 && r.chance()
      const messageId = qos === 0 ? 0 : r.identifier()
      const identifiers = Array.from({ length: r.int(0, 3) }, () => r.pick([1, 127, 128, 16_384, 268_435_455]))
      const alias = version === 5 && r.chance() ? r.int(1, 65_535) : 0
      const sendTopic = alias === 0 || r.chance()
      const encoded = encodePublishFor(message, version, qos, retain, dup, messageId, identifiers, alias, sendTopic, NOW_MS)
      expect(publishSize(message, version, qos, identifiers, alias, sendTopic)).toBe(encoded.end - encoded.start)
      const [model] = parseModels(sliceOf(encoded), version)
      expect(model).toMatchObject({ topic: sendTopic ? message.topic.name : '', payload: message.payload, qos, retain, dup })
      expect(model!.messageId ?? 0).toBe(messageId)
      if (version !== 5) continue
      const properties = (model!.properties ?? {}) as Record<string, unknown>
      expect(properties.topicAlias).toBe(alias || undefined)
      expect([properties.subscriptionIdentifier ?? []].flat()).toEqual(identifiers)
      expect(properties.contentType).toBe(type ?? undefined)
    }
  })

  test.each([
    ['puback', 4],
    ['pubrec', 5],
    ['pubrel', 6],
    ['pubcomp', 7],
  ] as const)('%s reads back', (cmd, type) => {
    const slab = new Slab()
    writeAck(slab, type, 0xabcd)
    expect(parseModels(taken(slab), version)).toMatchObject([{ cmd, messageId: 0xabcd }])
    expect(taken(slab).equals(encodeAck(version, type, 0xabcd, 0))).toBe(true)
    const refused = encodeAck(version, type, 1, type < 6 ? 0x97 : 0x92)
    expect(parseModels(refused, version)).toMatchObject([{ cmd, messageId: 1, ...(version === 5 ? { reasonCode: type < 6 ? 0x97 : 0x92 } : {}) }])
    expect(refused.length).toBe(version === 5 ? 5 : 4)
  })

  test('pings read back', () => {
    expect(parseModels(Buffer.concat([PINGREQ, PINGRESP]), version)).toMatchObject([{ cmd: 'pingreq' }, { cmd: 'pingresp' }])
  })
})

describe('one encoding for all receivers', () => {
  test('is made once per family, QoS and RETAIN', () => {
    const message = makeMessage('t', 'payload')
    const all = new Set<EncodedPublish>()
    for (const version of VERSIONS) {
      for (const qos of QOS) {
        for (const retain of [false, true]) {
          const encoded = encodePublish(message, version, qos, retain, 0)
          expect(encodePublish(message, version, qos, retain, 9)).toBe(encoded)
          all.add(encoded)
        }
      }
    }
    expect(all.size).toBe(12)
    expect(encodePublish(message, 3, 1, true, 0)).toBe(encodePublish(message, 4, 1, true, 0))
  })

  test('is not kept in version 5 when the message expires: the seconds left differ', () => {
    const message = makeMessage('t', 'payload', { expiresAtMs: 10_000 })
    const left = (nowMs: number) => parseModels(sliceOf(encodePublish(message, 5, 0, false, nowMs)), 5)[0]!.properties
    expect(left(0)).toEqual({ messageExpiryInterval: 10 })
    expect(left(8500)).toEqual({ messageExpiryInterval: 2 })
    expect(left(9999.5)).toEqual({ messageExpiryInterval: 1 })
    expect(left(20_000)).toEqual({ messageExpiryInterval: 0 })
    expect(encodePublish(message, 4, 0, false, 0)).toBe(encodePublish(message, 4, 0, false, 1))
  })

  test('is the message as it came for receivers of the same family, QoS and no RETAIN', () => {
    for (const version of VERSIONS) {
      for (const qos of QOS) {
        // Payloads around the lengths where the remaining length takes another byte.
        for (const length of [0, 1, 117, 118, 119, 120, 121, 122, 123, 124, 16_370, 16_373, 16_374, 16_375, 16_376, 16_377, 16_378, 16_379, 16_380]) {
          const decoder = new Decoder({ role: 'client', topics: new TopicTable(), packetBytesMax: 20_000, connectBytesMax: 20_000, topicAliasMaximum: 9 })
          decoder.version = version
          const model = { cmd: 'publish', topic: 't', payload: Buffer.alloc(length, 'x'), qos, messageId: 7, dup: qos > 0, ...(version === 5 ? { properties: { contentType: 'j' } } : {}) }
          const chunk = encodeModel(model, version)
          decoder.push(Buffer.concat([chunk, chunk]))
          decoder.next(0)
          const { message } = decoder.next(0) as PublishPacket
          expect(isAsItCame(message, version, qos, false)).toBe(true)
          expect(isAsItCame(message, version, qos, true)).toBe(false)
          expect(isAsItCame(message, version === 5 ? 4 : 5, qos, false)).toBe(false)
          if (qos === 0) expect(message.bytes.subarray(message.wireStart, message.wireEnd)).toEqual(chunk)
          else {
            const slab = new Slab()
            writePublish(slab, message, version, qos, false, false, 0x1234, false, 0)
            expect(taken(slab)).toEqual(encodeModel({ ...model, dup: false, messageId: 0x1234 }, version))
          }
        }
      }
    }
  })

  test('is the same bytes that came when it passes the decoder and the encoder', () => {
    for (const text of ['30 # 0001 "t" 00 "p"', '31 # 0001 "t" 02 01 01 "p"', '30 # 0001 "t" 07 02 00000005 01 01 "p"']) {
      const decoder = new Decoder({ role: 'client', topics: new TopicTable(), packetBytesMax: 1000, connectBytesMax: 1000, topicAliasMaximum: 9 })
      decoder.version = 5
      decoder.push(bytesOf(text))
      const { message } = decoder.next(0) as PublishPacket
      expect(sliceOf(encodePublish(message, 5, message.qos, message.retain, 0)).toString('hex')).toBe(bytesOf(text).toString('hex'))
    }
  })

  test('is not touched by the copies made of it', () => {
    const message = makeMessage('t', 'payload')
    const encoded = encodePublish(message, 4, 1, false, 0)
    const before = sliceOf(encoded).toString('hex')
    writePublish(new Slab(), message, 4, 1, false, true, 0xffff, false, 0)
    expect(sliceOf(encoded).toString('hex')).toBe(before)
  })
})

describe('a slab', () => {
  test('gives neighbours that touch, and never the same room twice', () => {
    const slab = new Slab(1000)
    const ends = new Map<Buffer, number>()
    for (let i = 0; i < 500; i++) {
      const size = (i * 37) % 240
      const start = slab.take(size)
      expect([slab.start, slab.end]).toEqual([start, start + size])
      expect(start).toBe(ends.get(slab.bytes) ?? 0)
      expect(slab.end).toBeLessThanOrEqual(slab.bytes.length)
      ends.set(slab.bytes, slab.end)
    }
    expect(ends.size).toBeGreaterThan(50)
  })

  test('gives a big packet a buffer of its own and goes on where it was', () => {
    const slab = new Slab(1000)
    for (let i = 0; i < 9; i++) slab.take(100)
    const current = slab.bytes
    expect(slab.take(5000)).toBe(0)
    expect(slab.bytes.length).toBe(5000)
    expect(slab.take(50)).toBe(900)
    expect(slab.bytes).toBe(current)
  })
})

test('every QoS encodes an empty payload and a topic of 65,535 bytes', () => {
  const message = makeMessage('t'.repeat(65_535), '')
  for (const qos of QOS satisfies readonly QoS[]) {
    expect(parseModels(sliceOf(encodePublish(message, 4, qos, false, 0)), 4)).toMatchObject([{ topic: message.topic.name, qos }])
  }
})
