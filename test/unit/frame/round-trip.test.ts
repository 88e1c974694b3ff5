// What comes out is what went in, whatever it is.
import { describe, expect, test } from 'vitest'
import { decodeFrame, type EncodedFrame, FrameDecoder, FrameEncoder, FrameError, frameHeader, type FrameMessage } from '../../../src/frame/frame.ts'
import { Random } from '../../sim/random.ts'
import { message, mixed, nasty, noisy, plain, smooth, STREAM } from './samples.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e6))
const CASES = 60
const ANY = 16 * 1024 * 1024

/** All messages in as few frames as `bytesMax` allows; those too large for one are left out. */
function framed(messages: readonly FrameMessage[], bytesMax: number, encoder = new FrameEncoder(STREAM)): { frames: EncodedFrame[]; sent: FrameMessage[] } {
  const frames: EncodedFrame[] = []
  const sent: FrameMessage[] = []
  for (let at = 0; at < messages.length; ) {
    const encoded = encoder.encode(messages.slice(at), bytesMax, messages.at(-1)!.timeMs)
    if (encoded !== null) {
      expect(encoded.frame.length).toBeLessThanOrEqual(bytesMax)
      frames.push(encoded)
      sent.push(...messages.slice(at, at + encoded.count))
    }
    at += encoded?.count ?? 1
  }
  return { frames, sent }
}

function decoded(frames: readonly EncodedFrame[]): FrameMessage[] {
  const decoder = new FrameDecoder()
  return frames.flatMap(({ frame }) => decoder.decode(frame).messages)
}

function expectBack(messages: readonly FrameMessage[], bytesMax = ANY): void {
  const { frames, sent } = framed(messages, bytesMax)
  expect(plain(decoded(frames))).toEqual(plain(sent))
}

test(`messages of all kinds, in frames of all sizes (seed ${SEED})`, { timeout: 60_000 }, () => {
  for (let i = 0; i < CASES; i++) {
    const random = new Random(SEED + i)
    const messages = nasty(random)
    const { frames, sent } = framed(messages, random.pick([340, 1000, 16_384, ANY]))
    expect(plain(decoded(frames)), `SEED=${SEED + i}`).toEqual(plain(sent))
    expect(frames.reduce((sum, { count }) => sum + count, 0)).toBe(sent.length)
  }
})

describe('payloads', () => {
  test.each([
    ['nothing', ['']],
    ['the same again and again', Array.from({ length: 300 }, () => '21.5')],
    ['numbers that are none', ['NaN', 'Infinity', '-Infinity', 'null', '1e400', '-', '', '.', '--5']],
    ['zeros', ['0', '-0', '0.0', '-0.0', '00', '000', '0e0', '+0', '.0', '0.', '-0.00']],
    ['exponents', ['1e5', '1E5', '1.0E+3', '1e-05', '2e5', '2E5', '1.50e10']],
    ['leading zeros', ['007', '07', '7', '0070', '-007', '00:07:09', '00:07:10']],
    ['decimals that come and go', ['21', '21.5', '21.50', '21.55', '22', '21.499999999999996', '21.5']],
    ['signs', ['+5', '-5', '5', '+5.0', '- 5', '+-5']],
    ['long integers', ['12345678901234567890', '12345678901234567891', '9007199254740993', '-9007199254740993', `1${'0'.repeat(400)}`]],
    ['nanoseconds', ['1790000000123456789', '1790000010123456790', '1790000020123456791']],
    ['what calculating leaves', ['0.30000000000000004', '0.1', '0.7000000000000001', '21.299999237060547', '21.399999618530273', '21']],
    ['sixteenths', ['20.00', '20.06', '20.12', '20.19', '20.25', '20.31', '20.38', '20.44', '-0.06', '-0.13']],
    ['times', ['2026-10-01T00:00:00Z', '2026-10-01T00:00:10Z', '2026-13-01T00:00:10Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '23:59:59', '24:00:00', '00:00:09']],
    ['the same key twice', ['{"a":1,"a":2}', '{"a":2,"a":3}', '{"a":3,"a":3}']],
    ['nested JSON', ['{"a":{"b":[1,2,{"c":3}]},"d":null}', '{"a":{"b":[2,2,{"c":4}]},"d":true}']],
    ['arrays of all lengths', ['[]', '[1]', '[1,2]', '[1,2,3]', '[1,2,3,4]', `[${'1,'.repeat(600)}1]`]],
    ['lines', ['1;2\r\n', '2;3\r\n', '3;4\n', '5;6', '\r\n']],
    ['words that change', ['{"s":"on","v":1}', '{"s":"off","v":2}', '{"s":"on","v":2}', '{"s":"a\\"b","v":3}', '{"s":"","v":3}', '{"s":null,"v":3}']],
    ['units', ['21.5 C', '21.6 C', '21.7C', '70 F']],
    ['marks of templates', ['\xf8\xf9\xfa\xfb 12', '\xf8\xf9\xfa\xfb 13', '\xfb', '\xfb\xfb\xff']],
    ['U+0000', ['\0', 'a\0b 1', 'a\0b 2', '\0\0\0\0']],
  ])('%s', (_what, texts) => {
    expectBack(texts.map((text, i) => message({ payload: Buffer.from(text, 'latin1'), sequence: i + 1, timeMs: 1_790_000_000_000 + i * 10_000 })))
  })

  test.each([
    ['invalid UTF-8', [Buffer.from('c328', 'hex'), Buffer.from('fffefd', 'hex'), Buffer.from('e28281', 'hex')]],
    ['every byte', [Buffer.from(Array.from({ length: 256 }, (_, i) => i))]],
    ['one megabyte', [Buffer.alloc(1024 * 1024, 7), Buffer.alloc(1)]],
    ['integers of all sizes', [Buffer.from('00ff00ff00ff', 'hex'), Buffer.from('01ff00fe01ff', 'hex'), Buffer.from('02ff00fd02ff', 'hex')]],
    ['floats', [1.5, 1.25, Number.NaN, -0, 0, Infinity, 5e-324, 0.1].map((value) => {
      const buffer = Buffer.alloc(12)
      buffer.writeDoubleLE(value, 0)
      buffer.writeFloatBE(value, 8)
      return buffer
    })],
    ['lengths that change', Array.from({ length: 40 }, (_, i) => Buffer.alloc(i, i))],
  ])('binary: %s', (_what, payloads) => {
    expectBack(payloads.map((payload, i) => message({ payload, sequence: i + 1 })))
  })
})

describe('everything else', () => {
  test('topics of any valid UTF-8', () => {
    const topics = ['a', '/', '/a//b/', '😀', 'ü'.repeat(1000), 'x'.repeat(65_535), 'sensor/\u{10ffff}', '\u{feff}bom', ' ', 'a'.repeat(100)]
    expectBack(topics.map((topic, i) => message({ topic, text: '1', sequence: i + 1 })))
  })

  test('QoS, retain, quality of the time, properties and expiry, in all combinations', () => {
    const messages: FrameMessage[] = []
    for (const qos of [0, 1, 2] as const) {
      for (const timeQuality of [0, 1, 2] as const) {
        for (const retain of [false, true]) {
          for (const properties of [null, Buffer.alloc(0), Buffer.from('260001610001', 'hex'), Buffer.alloc(3000, 9)]) {
            for (const expiresAfterSec of [null, 0, 1, 3600, 0xffffffff]) messages.push(message({ qos, timeQuality, retain, properties, expiresAfterSec, sequence: messages.length }))
          }
        }
      }
    }
    expectBack(messages)
  })

  test('properties and payloads with as many numbers as a template may have, and more', () => {
    const numbers = (count: number, from: number): string => Array.from({ length: count }, (_, i) => from + i * i).join(',')
    let sequence = 0
    for (const inProperties of [100, 126, 127, 128, 255, 256]) {
      for (const inPayload of [1, 127, 128, 129, 200, 255, 256, 300]) {
        const [a, b] = [1, 7].map((from) => message({ properties: Buffer.from(numbers(inProperties, from)), text: numbers(inPayload, from), sequence: ++sequence }))
        expectBack([a!, b!, { ...a!, payload: Buffer.alloc(inPayload, 1), sequence: ++sequence }, { ...a!, payload: Buffer.alloc(inPayload, 2), sequence: ++sequence }])
      }
      const text = numbers(inProperties, 3)
      expectBack([message({ text, sequence: 1 }), message({ text, sequence: 2 })])
    }
  })

  test('times that jump, and stand still', () => {
    const times = [0, 0, 5, 100, 1_790_000_000_000, 1_790_000_000_001, 3, 2 ** 44 - 1, 0, 1_790_000_000_000, 1_789_999_999_999]
    expectBack(times.map((timeMs, i) => message({ timeMs, sequence: i })))
  })

  test('gaps in the sequence numbers, up to their end', () => {
    expectBack([0, 1, 5, 6, 1000, 2 ** 40, 2 ** 44 - 2, 2 ** 44 - 1].map((sequence) => message({ sequence })))
  })

  test('numbers that leap', () => {
    const end = 2 ** 51
    const numbers = [0, 1, -1, 999_999_999_999_999, -999_999_999_999_999, 0, 2 ** 31, 2 ** 32, -(2 ** 40), 5, 6, 7, end, -end, 1, end + 1, -end - 1, end - 1]
    const safe = [2 ** 53 - 1, 2 - 2 ** 53, 2 ** 53 - 3, 1, -(2 ** 52), 2 ** 52 + 1, 2, 3]
    const messages = [...numbers, ...safe, ...safe, ...numbers].map((value, i) => message({ text: String(value), sequence: i }))
    expectBack(messages)
    for (const size of [1, 3]) {
      const encoder = new FrameEncoder(STREAM)
      const frames: EncodedFrame[] = []
      for (let at = 0; at < messages.length; at += size) frames.push(encoder.encode(messages.slice(at, at + size), ANY)!)
      expect(frames.every(({ carries }, i) => carries === (i === 0))).toBe(true)
      expect(plain(decoded(frames))).toEqual(plain(messages))
    }
  })

  test('more series than a state may have, and more than are worth keeping', { timeout: 60_000 }, () => {
    expectBack(Array.from({ length: 6000 }, (_, i) => message({ topic: `device/${i}`, text: String(i), sequence: i })))
  })
})

describe('the header', () => {
  test('says stream, sequence numbers, count and dictionary without decoding', () => {
    const encoder = new FrameEncoder(STREAM)
    const first = encoder.encode([message({ sequence: 5 }), message({ sequence: 9 })], ANY)!
    const second = encoder.encode([message({ sequence: 10 })], ANY)!
    expect(frameHeader(first.frame)).toEqual({ version: 1, stream: STREAM, firstSequence: 5, lastSequence: 9, count: 2, dictionary: null })
    expect(frameHeader(second.frame)).toEqual({ version: 1, stream: STREAM, firstSequence: 10, lastSequence: 10, count: 1, dictionary: first.dictionary })
    expect(decodeFrame(first.frame)).toMatchObject({ ...frameHeader(first.frame), needs: null })
  })

  test('is refused when it is none', () => {
    for (const bytes of ['', '00', 'ff', '10', '7b22', '1f0000']) expect(() => frameHeader(Buffer.from(bytes, 'hex'))).toThrow(FrameError)
    expect(() => frameHeader(Buffer.from('20a1b2c3d4e5f6000000', 'hex'))).toThrow('the frame has version 2, and this decoder knows 1')
    expect(() => frameHeader(Buffer.from('{"a":1}'))).toThrow('version 7')
  })
})

describe('how many fit', () => {
  test('a frame is filled to its bound, and never above', () => {
    const messages = noisy(3000, new Random(1))
    for (const bytesMax of [100, 340, 341, 1000, 1999]) {
      const { frames } = framed(messages.slice(0, 1000), bytesMax)
      for (const { frame } of frames.slice(1, -1)) expect(frame.length).toBeGreaterThanOrEqual(bytesMax * 0.97 - 12)
    }
  })

  test('long texts, of which nobody knows how well they compress', () => {
    const random = new Random(2)
    const messages = Array.from({ length: 200 }, (_, i) => message({ text: `${'lorem ipsum '.repeat(random.int(30, 90))}${random.next()}`, sequence: i }))
    const { frames } = framed(messages, 4096)
    expect(frames.length).toBeLessThan(20)
    expectBack(messages, 4096)
  })

  test('null when even one does not fit', () => {
    const encoder = new FrameEncoder(STREAM)
    const random = new Random(3)
    const large = message({ payload: Buffer.from(Array.from({ length: 500 }, () => random.int(0, 255))), sequence: 1 })
    expect(() => encoder.encode([], 340)).toThrow('one message at least')
    expect(encoder.encode([large], 340)).toBeNull()
    expect(encoder.encode([large], 16_384)?.count).toBe(1)
    expect(encoder.encode([message({ sequence: 2 })], 15)).toBeNull()
  })

  test('messages that no frame can hold are refused, or end the frame', () => {
    const encoder = new FrameEncoder(STREAM)
    const good = [message({ sequence: 1 }), message({ sequence: 2 })]
    const wrong: [Partial<FrameMessage>, string][] = [
      [{ topic: '' }, 'topic'],
      [{ topic: 'a\0' }, 'topic'],
      [{ topic: '\ud800' }, 'topic'],
      [{ topic: 'x'.repeat(65_536) }, 'topic'],
      [{ payload: Buffer.alloc(1024 * 1024 + 1) }, 'its payload has 1048577 bytes'],
      [{ properties: Buffer.alloc(65_536) }, 'properties'],
      [{ timeMs: -1 }, 'its time is -1'],
      [{ timeMs: 1.5 }, 'its time'],
      [{ timeMs: 2 ** 44 }, 'its time'],
      [{ sequence: -1 }, 'sequence number'],
      [{ sequence: 2 ** 44 }, 'sequence number'],
      [{ expiresAfterSec: 2 ** 32 }, 'expires after'],
      [{ expiresAfterSec: -1 }, 'expires after'],
      [{ qos: 3 as 2 }, 'QoS'],
      [{ timeQuality: 3 as 2 }, 'quality'],
    ]
    for (const [fields, why] of wrong) {
      expect(() => encoder.encode([message(fields)], ANY), why).toThrow(why)
      expect(encoder.encode([...good, message({ sequence: 3, ...fields })], ANY)?.count).toBe(2)
    }
    expect(encoder.encode([...good, message({ sequence: 2 })], ANY)?.count).toBe(2)
    expect(() => new FrameEncoder(Buffer.alloc(5))).toThrow('a stream has 6 bytes')
  })

  test('a frame has no more than 16,384 messages, nor 8 MiB', { timeout: 60_000 }, () => {
    const encoder = new FrameEncoder(STREAM)
    expect(encoder.encode(Array.from({ length: 17_000 }, (_, i) => message({ sequence: i })), ANY)?.count).toBe(16_384)
    const large = Buffer.alloc(1024 * 1024)
    expect(encoder.encode(Array.from({ length: 10 }, (_, i) => message({ payload: large, sequence: 20_000 + i })), ANY)?.count).toBe(7)
  })
})

describe('size: what keeps a link affordable (seed 7)', () => {
  /** Bytes a message, headers included, of frames with so many messages, once the stream is known. */
  function bytesEach(messages: readonly FrameMessage[], size: number, bytesMax = ANY): number {
    const encoder = new FrameEncoder(STREAM)
    let bytes = 0
    let count = 0
    for (let at = 0, frames = 0; at < messages.length; frames++) {
      const encoded = encoder.encode(messages.slice(at, at + size), bytesMax)!
      at += encoded.count
      if (frames < 2 || at >= messages.length) continue
      bytes += encoded.frame.length
      count += encoded.count
    }
    return bytes / count
  }

  test.each([
    ['smooth', smooth, 0.75],
    ['noisy', noisy, 1.15],
    ['mixed JSON', mixed, 1.5],
  ])('%s: 300 readings a frame, and 1,200', (_what, make, most) => {
    const messages = make(6100, new Random(7))
    expect(bytesEach(messages, 300)).toBeLessThan(most)
    expect(bytesEach(messages, 1200)).toBeLessThan(most)
  })

  test.each([
    ['smooth', smooth],
    ['noisy', noisy],
    ['mixed JSON', mixed],
  ])('%s: more than 200 readings in one message of 340 bytes', (_what, make) => {
    expect(340 / bytesEach(make(3000, new Random(7)), 3000, 340)).toBeGreaterThan(200)
  })

  test('a step that few numbers do not show is found when more have come, and forgotten when it is none', () => {
    const random = new Random(9)
    let sequence = 0
    const values = (count: number, step: number): FrameMessage[] =>
      Array.from({ length: count }, () => message({ text: `{"rpm":${step * random.int(1400 / step, 1490 / step)}}`, sequence: ++sequence, timeMs: 1_790_000_000_000 + sequence * 1000 }))
    const encoder = new FrameEncoder(STREAM)
    const decoder = new FrameDecoder()
    const send = (messages: readonly FrameMessage[]): number => {
      const { frame, count } = encoder.encode(messages, ANY)!
      expect(plain(decoder.decode(frame).messages)).toEqual(plain(messages.slice(0, count)))
      return (frame.length * 8) / count
    }
    send(values(2, 10)) // a format is made for these
    send(values(100, 10))
    expect(send(values(400, 10))).toBeLessThan(4.5) // 3.3 bits tell one of ten, 6.5 one of 91
    expect(send(values(400, 1))).toBeLessThan(7.7)
    send(values(100, 10))
    expect(send(values(400, 10))).toBeLessThan(4.5)
  })

  test('the first frame has the dictionary, and is small all the same', () => {
    const first = new FrameEncoder(STREAM).encode(mixed(300, new Random(7)), ANY)!
    expect(first.carries).toBe(true)
    expect(first.frame.length / 300).toBeLessThan(3)
  })
})
