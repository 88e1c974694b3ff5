// Where in the stream a mistake stands: the log names it, so it has to be right however the stream was cut.
import { expect, test } from 'vitest'
import { Decoder } from '../../../src/mqtt/decode.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import { bytesOf } from './malformed.ts'

const BEFORE = ['10 # 0004 "MQTT" 04 02 003c 0001 "c"', '30 03 0001 "t"', 'c0 00', '82 # 0001 0001 "t" 00', '30 # 0001 "t" "a longer payload"'].map(bytesOf)

const MISTAKES: readonly (readonly [why: string, bytes: string])[] = [
  ['in a body', '30 03 0001 "+"'],
  ['in the flags', 'c1 00'],
  ['in the remaining length', 'c0 80 80 80 80 01'],
  ['a remaining length that is not its shortest', 'c0 80 00'],
  ['longer than allowed', '30 ff ff ff 7f'],
]

function makeDecoder(): Decoder {
  return new Decoder({ role: 'server', topics: new TopicTable(), packetBytesMax: 1000, connectBytesMax: 1000, topicAliasMaximum: 4 })
}

/** Pushes the pieces and reads what is there after each; returns where the mistake was found. */
function offsetOf(pieces: readonly Buffer[]): number {
  const decoder = makeDecoder()
  try {
    for (const piece of pieces) {
      decoder.push(piece)
      while (decoder.next(0) !== null);
    }
  } catch {
    return decoder.packetOffset
  }
  throw new Error('no mistake was found')
}

test.each(MISTAKES)('a mistake %s is named by the offset of its packet, whole or cut at every byte: %s', (_why, mistake) => {
  const before = Buffer.concat(BEFORE)
  const bytes = Buffer.concat([before, bytesOf(mistake), bytesOf('c0 00')])
  expect(offsetOf([bytes])).toBe(before.length)
  expect(offsetOf([...bytes].map((byte) => Buffer.of(byte)))).toBe(before.length)
  for (let cut = 1; cut < bytes.length; cut++) expect(offsetOf([bytes.subarray(0, cut), bytes.subarray(cut)])).toBe(before.length)
})

test('a first packet that is not CONNECT stands at 0', () => {
  expect(offsetOf([bytesOf('c0 00')])).toBe(0)
  expect(offsetOf([bytesOf('c0'), bytesOf('00')])).toBe(0)
})

test('of a packet that was right, and is refused by whoever handles it, the offset is known too', () => {
  for (const together of [true, false]) {
    const decoder = makeDecoder()
    if (together) decoder.push(Buffer.concat(BEFORE))
    let at = 0
    for (const packet of BEFORE) {
      if (!together) for (const byte of packet) decoder.push(Buffer.of(byte))
      expect(decoder.next(0)).not.toBeNull()
      expect(decoder.packetOffset).toBe(at)
      at += packet.length
    }
  }
})
