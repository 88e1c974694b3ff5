import { describe, expect, it } from 'vitest'
import { makeMessage, type Message, type QoS } from '../../../src/message.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import { RecordReader, recordSizeMax, writeRecord } from '../../../src/store/record.ts'

const NOW_MS = 50_000

function pack(messages: readonly Message[], deltas: readonly number[], bornMs = NOW_MS): Buffer {
  const bytes = Buffer.alloc(messages.reduce((sum, m) => sum + recordSizeMax(m), 0), 0xee)
  let at = 0
  for (let i = 0; i < messages.length; i++) {
    const end = writeRecord(bytes, at, messages[i]!, deltas[i]!, NOW_MS, bornMs)
    expect(end - at).toBeLessThanOrEqual(recordSizeMax(messages[i]!))
    at = end
  }
  return bytes.subarray(0, at)
}

function plain(message: Message): object {
  const { topic, qos, retain, payload, properties, expiresAtMs } = message
  return { topic: topic.name, qos, retain, payload: payload.toString('hex'), properties: properties?.toString('hex') ?? null, expiresAtMs }
}

describe('records', () => {
  const properties = Buffer.from('2600016100016226000162000163', 'hex')
  const messages = [
    makeMessage('a', ''),
    makeMessage('site/temperature', '21.5', { qos: 1 }),
    makeMessage('site/ü', Buffer.alloc(300, 7), { qos: 2, retain: true }),
    makeMessage('p', 'x', { qos: 1, properties }),
    makeMessage('p', 'x', { properties: Buffer.alloc(0), retain: true }),
    makeMessage('e', 'x', { expiresAtMs: NOW_MS + 10_000 }),
    makeMessage('e', 'x', { expiresAtMs: NOW_MS + 0xffffffff * 1000, properties }),
    makeMessage('t'.repeat(65_535), Buffer.alloc(70_000, 1), { qos: 1 }),
  ]
  const deltas = [0, 1, 127, 128, 20_000, 3_000_000, 2 ** 32, 2 ** 43]

  it('come back as they were written', () => {
    const reader = new RecordReader(pack(messages, deltas), 77)
    const topics = new TopicTable()
    for (let i = 0; i < messages.length; i++) {
      expect(reader.next()).toBe(true)
      expect(reader.sequence).toBe(77 + deltas[i]!)
      expect(plain(reader.message(topics, NOW_MS, 0))).toEqual(plain(messages[i]!))
    }
    expect(reader.next()).toBe(false)
    expect(reader.next()).toBe(false)
  })

  it('may be skipped, and say where they end', () => {
    const data = pack(messages, deltas)
    const reader = new RecordReader(data, 1)
    let n = 0
    while (reader.next()) n++
    expect(n).toBe(messages.length)
    expect(reader.end).toBe(data.length)
  })

  it('tell their topic without the rest', () => {
    const reader = new RecordReader(pack(messages, deltas, NOW_MS - 300), 1)
    for (const message of messages) {
      reader.next()
      expect(reader.topicKey()).toBe(message.topic.bytes.toString('latin1'))
      expect(plain(reader.message(new TopicTable(), NOW_MS, 0))).toEqual(plain(message))
    }
  })

  it('can be copied into a segment that begins later: as long as before, with the same content', () => {
    const reader = new RecordReader(pack(messages, deltas, NOW_MS - 300), 77)
    for (let i = 0; reader.next(); i++) {
      for (const first of [77, 77 + Math.floor(deltas[i]! / 2), Math.max(77, 77 + deltas[i]! - 200), 77 + deltas[i]!]) {
        const out = Buffer.alloc(reader.length + 9, 0xee)
        expect(reader.copyTo(out, 5, first)).toBe(5 + reader.length)
        expect([...out.subarray(0, 5), ...out.subarray(5 + reader.length)]).toEqual(Array(9).fill(0xee))
        const copied = new RecordReader(out.subarray(5, 5 + reader.length), first)
        expect(copied.next()).toBe(true)
        expect([copied.sequence, copied.length]).toEqual([reader.sequence, reader.length])
        expect(plain(copied.message(new TopicTable(), NOW_MS, 0))).toEqual(plain(messages[i]!))
        expect(copied.ageMs).toBe(300)
      }
    }
  })

  it('can be read from a view in the middle of a buffer', () => {
    const data = pack(messages.slice(0, 2), [0, 1])
    const around = Buffer.concat([Buffer.alloc(13, 0xff), data, Buffer.alloc(13, 0xff)])
    const reader = new RecordReader(new Uint8Array(around.buffer, around.byteOffset + 13, data.length), 5)
    expect([reader.next(), reader.next(), reader.next()]).toEqual([true, true, false])
  })

  it('count the expiry on from when they were stored', () => {
    const reader = new RecordReader(pack([makeMessage('e', 'x', { expiresAtMs: NOW_MS + 9001 })], [0]), 1)
    reader.next()
    expect(reader.message(new TopicTable(), 1_000_000, 4000).expiresAtMs).toBe(1_000_000 - 4000 + 10_000)
  })

  it.each([
    ['just now', 0, 0],
    ['after the commit began', -3, 0],
    ['a moment ago', 0.4, 0],
    ['within the commit window', 49.6, 50],
    ['days ago', 1e9, 1e9],
    ['longer ago than is told', 1e12, 2 ** 35 - 1],
  ])('tell how long before they were stored they came: %s', (_when, agoMs, ageMs) => {
    const reader = new RecordReader(pack(messages, deltas, NOW_MS - agoMs), 77)
    const topics = new TopicTable()
    for (const message of messages) {
      reader.next()
      expect(plain(reader.message(topics, NOW_MS, 0))).toEqual(plain(message))
      expect(reader.ageMs).toBe(ageMs)
    }
  })

  it('have no age when an earlier release wrote them', () => {
    const reader = new RecordReader(Buffer.from('05000001617805010001 6178'.replaceAll(' ', ''), 'hex'), 1)
    reader.next()
    reader.message(new TopicTable(), 0, 0)
    expect(reader.ageMs).toBe(0)
  })

  it.each([0, 1, 2] as QoS[])('keep QoS %i', (qos) => {
    const reader = new RecordReader(pack([makeMessage('q', 'x', { qos })], [0]), 1)
    reader.next()
    expect(reader.message(new TopicTable(), 0, 0).qos).toBe(qos)
  })
})

describe('a damaged record', () => {
  const damaged: [what: string, hex: string][] = [
    ['length without an end', '80'],
    ['length that never ends', '80'.repeat(40)],
    ['length beyond 2^53', 'ffffffffffffffffff7f'],
    ['length beyond the segment', '7f000000'],
    ['length of nothing, then a sequence that is the next record', '00050000016100'],
    ['sequence that reaches into the next record', '0180 04000001 61'.replaceAll(' ', '')],
    ['no flags', '0100'],
    ['QoS 3', '05 00 03 01 61 78'.replaceAll(' ', '')],
    ['flags unknown', '05 00 40 01 61 78'.replaceAll(' ', '')],
    ['topic longer than the record', '05 00 00 09 61 78'.replaceAll(' ', '')],
    ['properties longer than the record', '06 00 08 01 61 09 78'.replaceAll(' ', '')],
    ['expiry without an end', '03 00 10 80'.replaceAll(' ', '')],
    ['age without an end', '03 00 20 80'.replaceAll(' ', '')],
    ['topic that is not UTF-8', '05 00 00 01 ff 78'.replaceAll(' ', '')],
    ['topic with a wildcard', '05 00 00 01 23 78'.replaceAll(' ', '')],
    ['empty topic', '04 00 00 00 78'.replaceAll(' ', '')],
  ]

  function readAll(data: Buffer): Message[] {
    const reader = new RecordReader(data, 1)
    const topics = new TopicTable()
    const list: Message[] = []
    while (reader.next()) {
      reader.topicKey()
      list.push(reader.message(topics, 0, 0))
    }
    return list
  }

  function attempt(data: Buffer): { messages: Message[]; error: unknown } {
    try {
      return { messages: readAll(data), error: null }
    } catch (error) {
      return { messages: [], error }
    }
  }

  function within(part: Buffer, whole: Buffer): boolean {
    return part.byteOffset >= whole.byteOffset && part.byteOffset + part.length <= whole.byteOffset + whole.length
  }

  it.each(damaged)('is a RangeError: %s', (_what, hex) => {
    expect(() => readAll(Buffer.from(hex, 'hex'))).toThrow(RangeError)
  })

  it('never reads outside of its segment, whatever is flipped or cut', () => {
    const properties = Buffer.from('26000161000162', 'hex')
    const list = [makeMessage('site/a', 'hello', { qos: 1, expiresAtMs: 9e6, properties }), makeMessage('b', 'x'), makeMessage('c', '')]
    const whole = pack(list, [0, 1, 300], NOW_MS - 200)
    const guard = Buffer.alloc(64, 0x5a)
    for (let at = 0; at < whole.length; at++) {
      for (let bit = 0; bit < 9; bit++) {
        const data = Buffer.concat([guard, bit === 8 ? whole.subarray(0, at) : whole, guard])
        const segment = data.subarray(guard.length, data.length - guard.length)
        if (bit < 8) segment[at]! ^= 1 << bit
        const { messages, error } = attempt(segment)
        expect(error === null || error instanceof RangeError).toBe(true)
        expect(messages.every((m) => m.payloadStart <= m.payloadEnd && m.payloadEnd <= segment.length)).toBe(true)
        expect(messages.every((m) => m.properties === null || within(m.properties, segment))).toBe(true)
      }
    }
  })
})
