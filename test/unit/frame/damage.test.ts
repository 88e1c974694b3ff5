// Frames that are not what they were, or never were one: refused in a sentence, and before anything large is made of them.
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { decodeFrame, type DecodedFrame, type Dictionary, FrameDecoder, FrameEncoder, FrameError, type FrameMessage } from '../../../src/frame/frame.ts'
import { Random } from '../../sim/random.ts'
import { message, mixed, nasty, STREAM } from './samples.ts'

const ANY = 1024 * 1024
const HEAD = Buffer.concat([Buffer.from([0x10]), STREAM])
/** Of the dictionary, in the head; bit 0 of the first byte says that it is there. */
const NAME_AT = 7

/** Frames of one stream, and what is needed to decode them. */
function stream(messages: readonly FrameMessage[], size: number): { frames: Buffer[]; known: Map<string, Dictionary> } {
  const encoder = new FrameEncoder(STREAM)
  const known = new Map<string, Dictionary>()
  const frames: Buffer[] = []
  for (let at = 0; at < messages.length; at += size) {
    const { frame } = encoder.encode(messages.slice(at, at + size), ANY)!
    for (const it of (decodeFrame(frame, known) as DecodedFrame).brings) known.set(it.name, it)
    frames.push(frame)
  }
  return { frames, known }
}

const { frames, known } = stream(mixed(120, new Random(21)), 40)
const [, , texts] = stream([...nasty(new Random(5)), message({ text: 'long '.repeat(500), sequence: 2 ** 44 - 1 })], 1000).frames.concat(frames)

describe('a frame that is damaged', () => {
  test.each([['that carries its dictionary', frames[0]!], ['that names one', frames[2]!], ['with texts', texts!]])('%s: cut at every byte', (_what, frame) => {
    for (let size = 0; size < frame.length; size++) expect(() => decodeFrame(frame.subarray(0, size), known), `${size} bytes`).toThrow(FrameError)
  })

  test('with bytes behind its end', () => {
    for (const frame of [...frames, texts!]) {
      for (const more of [1, 2, 3, 4, 5, 100]) {
        for (const byte of [0, 1, 255]) expect(() => decodeFrame(Buffer.concat([frame, Buffer.alloc(more, byte)]), known)).toThrow(FrameError)
      }
    }
  })

  test('every bit turned: none gets through; another name is asked for, as long as nobody has that dictionary', () => {
    for (const frame of [frames[0]!, frames[2]!, texts!]) {
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const damaged = Buffer.from(frame)
        damaged[bit >> 3]! ^= 1 << (bit & 7)
        let outcome = 'refused'
        try {
          outcome = decodeFrame(damaged, known).needs === null ? 'decoded' : 'needs'
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
        const isOfName = bit === 0 || (bit >= NAME_AT * 8 && bit < (NAME_AT + 4) * 8)
        expect(outcome === 'refused' || (outcome === 'needs' && isOfName), `bit ${bit} ${outcome}`).toBe(true)
      }
    }
  })

  test('made with another dictionary of that name', () => {
    const [one, other] = [...known.values()]
    expect(() => decodeFrame(frames[1]!, new Map([[one!.name, other!]]))).toThrow(FrameError)
  })

  test('a decoder goes on after it', () => {
    const decoder = new FrameDecoder()
    expect(() => decoder.decode(frames[0]!.subarray(0, 50))).toThrow(FrameError)
    expect(decoder.decode(frames[0]!).messages.length).toBe(40)
    expect(() => decoder.decode(Buffer.from('no frame'))).toThrow(FrameError)
    expect(decoder.decode(frames[1]!).messages.length).toBe(40)
  })
})

describe('a frame that says it is larger than a frame may be', () => {
  const varint = (value: number): Buffer => {
    const bytes: number[] = []
    for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
    return Buffer.from([...bytes, value])
  }
  const frame = (flags: number, ...fields: readonly (number | Buffer)[]): Buffer =>
    Buffer.concat([Buffer.from([0x10 | flags]), STREAM, ...fields.map((it) => (typeof it === 'number' ? varint(it) : it))])
  const packed = (size: number): Buffer => zstdCompressSync(Buffer.alloc(size)).subarray(4)
  const NAME = Buffer.alloc(4, 7)
  const MANY = 2 ** 53 - 2

  test.each<[string, Buffer, string]>([
    ['messages', frame(0, 1, 16_384, 0, Buffer.alloc(100)), 'the frame has 16385 messages'],
    ['very many messages', frame(0, 1, MANY, 0, Buffer.alloc(100)), 'messages'],
    ['a sequence number', frame(0, 2 ** 44, 0, 0, Buffer.alloc(100)), 'sequence number'],
    ['a last sequence number', frame(0, 1, 0, MANY, Buffer.alloc(100)), 'sequence number'],
    ['a varint', frame(0, Buffer.alloc(12, 255)), 'too long'],
    ['texts', frame(4, 1, 0, 0, 2 * (8 * 1024 * 1024 + 1) + 1, 10, Buffer.alloc(10)), 'texts of 8388609 bytes'],
    ['texts that are longer than it says', frame(4, 1, 0, 0, 2 * 100 + 1, packed(100_000_000).length, packed(100_000_000)), 'decompressed'],
    ['texts that are shorter than it says', frame(4, 1, 0, 0, 2 * 100 + 1, packed(50).length, packed(50)), 'not as long'],
    ['texts that are none', frame(4, 1, 0, 0, 2 * 100 + 1, 10, Buffer.alloc(10, 9)), 'decompressed'],
    ['more bytes of texts than there are', frame(4, 1, 0, 0, 2 * 100, MANY, Buffer.alloc(10)), 'ends too early'],
    ['a part of a dictionary', frame(8, 1, 0, 0, NAME, 2 ** 20 + 1, 0, 3, Buffer.alloc(3)), 'a dictionary of 1048577 bytes'],
    ['a dictionary that is none', frame(8, 1, 0, 0, NAME, 3, 0, 3, Buffer.alloc(3)), ''],
    ['a dictionary in a bomb', frame(8, 1, 0, 0, NAME, packed(100_000_000).length + 10, 0, Buffer.concat([varint(packed(100_000_000).length + 10), varint(2 * 2 ** 20 + 1), varint(packed(100_000_000).length), packed(100_000_000)])), ''],
  ])('%s', (_what, bytes, why) => {
    const before = process.memoryUsage()
    expect(() => new FrameDecoder().decode(bytes)).toThrow(FrameError)
    expect(() => new FrameDecoder().decode(bytes)).toThrow(why)
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    expect(arrayBuffers - before.arrayBuffers + heapUsed - before.heapUsed).toBeLessThan(50e6)
  })

  test('few bytes that stand for very many', () => {
    const encoder = new FrameEncoder(STREAM)
    const same = Array.from({ length: 200 }, (_, i) => message({ topic: 'x', text: `{"a":"${'long '.repeat(100)}"}`, sequence: i }))
    const { frame: small } = encoder.encode(same, ANY)!
    expect(small.length).toBeLessThan(400)
    const more = Buffer.concat([small.subarray(0, 8), Buffer.from([0xff, 0x7f]), small.subarray(10)])
    expect(() => decodeFrame(more)).toThrow(FrameError)
  })

  test('bits that go on for ever', () => {
    for (const byte of [0, 255, 0x55]) {
      for (const count of [1, 100, 16_384]) {
        const began = performance.now()
        expect(() => decodeFrame(frame(0, 1, count - 1, 0, Buffer.alloc(500, byte)))).toThrow(FrameError)
        expect(performance.now() - began).toBeLessThan(2000)
      }
    }
  })

  test('nothing but a head', () => {
    expect(() => decodeFrame(HEAD)).toThrow('the frame ends too early')
    expect(() => decodeFrame(frame(0, 1, 0, 0))).toThrow(FrameError)
    expect(() => decodeFrame(Buffer.alloc(0))).toThrow('the frame is empty')
  })
})
