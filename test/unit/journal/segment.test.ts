import { describe, expect, test } from 'vitest'
import { Append } from '../../../src/journal/append.ts'
import { Audience } from '../../../src/journal/audience.ts'
import { packSegments } from '../../../src/journal/segment.ts'
import { makeMessage } from '../../../src/message.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import { RecordReader } from '../../../src/store/record.ts'
import { SEGMENT_BYTES_MAX, type Segment } from '../../../src/store/store.ts'

const A = new Audience(1, [], [])
const B = new Audience(2, [], [])

function append(sequence: number, audience: Audience, bytes = 10): Append {
  return new Append(sequence, makeMessage(`t/${sequence}`, 'x'.repeat(bytes), { qos: 1 }), audience, false, 0, null)
}

function unpack(segment: Segment): { sequence: number; topic: string; length: number }[] {
  const reader = new RecordReader(segment.data, segment.first)
  const topics = new TopicTable()
  const found = []
  while (reader.next()) {
    const message = reader.message(topics, 0, 0)
    found.push({ sequence: reader.sequence, topic: message.topic.name, length: message.payloadLength })
  }
  return found
}

describe('packSegments', () => {
  test('one segment per audience, ascending, with first, last and count', () => {
    const segments = packSegments([append(1, A), append(2, B), append(3, A), append(7, B)], 99, 0)
    expect(segments.map(({ audience, first, last, count, storedAtMs }) => [audience, first, last, count, storedAtMs])).toEqual([
      [1, 1, 3, 2, 99],
      [2, 2, 7, 2, 99],
    ])
    expect(unpack(segments[0]!).map((r) => r.sequence)).toEqual([1, 3])
    expect(unpack(segments[1]!).map((r) => r.topic)).toEqual(['t/2', 't/7'])
  })

  test('a segment stays below its size; a larger message stands alone', () => {
    const list = [append(1, A, 40_000), append(2, A, 40_000), append(3, A, 200_000), append(4, A), append(5, A)]
    const segments = packSegments(list, 0, 0)
    expect(segments.map((s) => s.count)).toEqual([1, 1, 1, 2])
    for (const segment of segments) expect(segment.count === 1 || segment.data.length <= SEGMENT_BYTES_MAX).toBe(true)
    expect(segments.flatMap(unpack).map((r) => r.length)).toEqual([40_000, 40_000, 200_000, 10, 10])
  })

  test('each message keeps how long before its segment it came', () => {
    const [segment] = packSegments([append(1, A), new Append(2, makeMessage('t', 'x', { qos: 1 }), A, false, 30, null)], 5000, 50)
    const reader = new RecordReader(segment!.data, segment!.first)
    const topics = new TopicTable()
    const cameAtMs = []
    while (reader.next()) {
      reader.message(topics, 0, 0)
      cameAtMs.push(segment!.storedAtMs - reader.ageMs)
    }
    expect(cameAtMs).toEqual([4950, 4980])
  })

  test('the bytes can be given to another thread: a buffer of their own', () => {
    const [segment] = packSegments([append(1, A)], 0, 0)
    expect(() => structuredClone(segment!.data, { transfer: [segment!.data.buffer as ArrayBuffer] })).not.toThrow()
  })

  test('nothing gives nothing', () => {
    expect(packSegments([], 0, 0)).toEqual([])
  })
})
