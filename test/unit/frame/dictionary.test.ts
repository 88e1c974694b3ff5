// What both ends know of each other, and what they do when one of them has forgotten.
import { describe, expect, test } from 'vitest'
import { decodeFrame, type DecodedFrame, Dictionary, type EncodedFrame, FrameDecoder, FrameEncoder, FrameError, type FrameMessage } from '../../../src/frame/frame.ts'
import { Random } from '../../sim/random.ts'
import { message, mixed, plain, STREAM } from './samples.ts'

const ANY = 1024 * 1024
const ALL = mixed(2000, new Random(11))

/** A sender that goes through ALL, some at a time. */
class Sender {
  encoder: FrameEncoder
  at = 0

  constructor(encoder = new FrameEncoder(STREAM)) {
    this.encoder = encoder
  }

  next(count = 100, bytesMax = ANY): { encoded: EncodedFrame; messages: FrameMessage[] } {
    const encoded = this.encoder.encode(ALL.slice(this.at, this.at + count), bytesMax)!
    const messages = ALL.slice(this.at, this.at + encoded.count)
    this.at += encoded.count
    return { encoded, messages }
  }
}

function expectDecoded(decoder: FrameDecoder, { encoded, messages }: ReturnType<Sender['next']>): DecodedFrame {
  const decoded = decoder.decode(encoded.frame)
  expect(decoded.needs).toBeNull()
  expect(plain(decoded.messages)).toEqual(plain(messages))
  return decoded as DecodedFrame
}

describe('a stream', () => {
  test('begins with a frame that anybody can decode, and names from then on what each frame brought', () => {
    const sender = new Sender()
    const decoder = new FrameDecoder()
    const frames = Array.from({ length: 5 }, () => sender.next())
    expect(frames.map(({ encoded }) => encoded.carries)).toEqual([true, false, false, false, false])
    let before: string | null = null
    for (const it of frames) {
      const decoded = expectDecoded(decoder, it)
      expect(decoded.dictionary).toBe(before)
      expect(decoded.brings.map(({ name }) => name)).toEqual([it.encoded.dictionary])
      before = it.encoded.dictionary
    }
    expect(frames[4]!.encoded.frame.length).toBeLessThan(frames[0]!.encoded.frame.length * 0.75)
  })

  test('the same messages on the same dictionary make the same frame', () => {
    const [one, other] = [new Sender(), new Sender()]
    for (let i = 0; i < 3; i++) expect(one.next().encoded).toEqual(other.next().encoded)
  })

  test('new topics, new shapes and changed shapes are taken up as they come', () => {
    const encoder = new FrameEncoder(STREAM)
    const decoder = new FrameDecoder()
    let sequence = 0
    const send = (texts: readonly string[]): number => {
      const messages = texts.map((text, i) => message({ topic: `device/${i % 3}`, text, sequence: sequence++, timeMs: 1_790_000_000_000 + sequence * 1000 }))
      const { frame, count } = encoder.encode(messages, ANY)!
      expect(count).toBe(messages.length)
      expect(plain(decoder.decode(frame).messages)).toEqual(plain(messages))
      return frame.length
    }
    const json = (extra: string): string[] => Array.from({ length: 30 }, (_, i) => `{"temperature":${20 + i / 10}${extra}}`)
    const sizes = [send(json('')), send(json('')), send(json(',"state":"ok"')), send(json(',"state":"ok"')), send(json(',"state":"bad"')), send(json(',"state":"ok"'))]
    expect(sizes[1]).toBeLessThan(sizes[0]!)
    expect(sizes[3]).toBeLessThan(sizes[2]!)
    expect(sizes[5]).toBeLessThan(sizes[4]! + 5)
  })

  test('that outgrows its dictionary begins anew', () => {
    const encoder = new FrameEncoder(STREAM, { dictionaryBytesMax: 8000 })
    const decoder = new FrameDecoder()
    const carried: boolean[] = []
    for (let i = 0; i < 20; i++) {
      const messages = Array.from({ length: 10 }, (_, k) => message({ topic: `device/${i * 10 + k}`, text: `{"v":${k}}`, sequence: i * 10 + k }))
      const { frame, carries } = encoder.encode(messages, ANY)!
      carried.push(carries)
      const decoded = decoder.decode(frame)
      expect(plain(decoded.messages)).toEqual(plain(messages))
      for (const { bytes } of decoded.brings) expect(bytes.length).toBeLessThanOrEqual(8020)
    }
    expect(carried.filter(Boolean).length).toBeGreaterThan(2)
    expect(carried.filter(Boolean).length).toBeLessThan(15)
  })

  test('topics that come once only are not kept in a full dictionary', () => {
    const encoder = new FrameEncoder(STREAM)
    const once = (from: number): FrameMessage[] => Array.from({ length: 300 }, (_, i) => message({ topic: `command/${from + i}`, text: '1', sequence: from + i }))
    const sizes = Array.from({ length: 4 }, (_, i) => {
      const decoded = decodeFrame(encoder.encode(once(i * 300), ANY)!.frame, known) as DecodedFrame
      for (const it of decoded.brings) known.set(it.name, it)
      return decoded.brings[0]!.bytes.length
    })
    expect(sizes[3]).toBeLessThan(sizes[0]! * 1.5)
  })
  const known = new Map<string, Dictionary>()
})

describe('a receiver', () => {
  test('that does not know the dictionary says which it needs, and keeps what it has', () => {
    const sender = new Sender()
    const [first, second] = [sender.next(), sender.next()]
    const decoder = new FrameDecoder()
    expect(decoder.decode(second.encoded.frame)).toMatchObject({ needs: first.encoded.dictionary, messages: [], brings: [], count: 100 })
    expectDecoded(decoder, first)
    expectDecoded(decoder, second)
  })

  test('gets a dictionary that it asks for with the next frame, which may name another', () => {
    const sender = new Sender()
    const decoder = new FrameDecoder()
    const frames = Array.from({ length: 4 }, () => sender.next())
    const { needs } = decoder.decode(frames[2]!.encoded.frame)
    expect(needs).toBe(frames[1]!.encoded.dictionary)
    sender.encoder.receiverLost(needs!)
    const next = sender.next()
    expect(decoder.decode(next.encoded.frame)).toMatchObject({ needs: frames[3]!.encoded.dictionary, brings: [{ name: needs }] })
    for (const it of [frames[2]!, frames[3]!, next]) expectDecoded(decoder, it)
    expectDecoded(decoder, sender.next())
  })

  test('gets the dictionary that a frame names in that frame, when it has asked for it', () => {
    const sender = new Sender()
    sender.next()
    const lost = sender.next().encoded.dictionary!
    sender.encoder.receiverLost(lost)
    const next = sender.next()
    expect(next.encoded.carries).toBe(false)
    expectDecoded(new FrameDecoder(), next)
  })

  test('gets a large dictionary in parts, in frames that have messages too', () => {
    const sender = new Sender()
    const decoder = new FrameDecoder()
    const lost = sender.next().encoded.dictionary!
    const kept = sender.next(100, 340)
    expect(decoder.decode(kept.encoded.frame).needs).toBe(lost)
    sender.encoder.receiverLost(lost)
    sender.encoder.receiverLost(lost)
    const later = []
    for (let brought = false; !brought; ) {
      const it = sender.next(100, 340)
      expect(it.encoded.frame.length).toBeLessThanOrEqual(340)
      later.push(it)
      expect(later.length).toBeLessThan(50)
      brought = decoder.decode(it.encoded.frame).brings.some(({ name }) => name === lost)
    }
    expect(later.length).toBeGreaterThan(5)
    for (const it of [kept, ...later]) expectDecoded(decoder, it)
    expect(sender.next(100, 340).encoded.frame.length).toBeLessThanOrEqual(340)
  })

  test('asks again when a part was lost', () => {
    const sender = new Sender()
    const decoder = new FrameDecoder()
    const lost = sender.next().encoded.dictionary!
    sender.encoder.receiverLost(lost)
    const frames = Array.from({ length: 60 }, () => sender.next(20, 340).encoded.frame)
    for (const [i, frame] of frames.entries()) if (i !== 3) expect(decoder.decode(frame).brings).toEqual([])
    sender.encoder.receiverLost(lost)
    const brought = Array.from({ length: 60 }, () => decoder.decode(sender.next(10, 340).encoded.frame).brings.map(({ name }) => name)).flat()
    expect(brought).toContain(lost)
  })

  test('that asks for what is not remembered can go on with the next frame', () => {
    const sender = new Sender(new FrameEncoder(STREAM, { rememberedBytesMax: 20_000 }))
    const first = sender.next().encoded.dictionary!
    for (let i = 0; i < 8; i++) sender.next()
    for (const name of [first, '00000000', 'nonsense']) {
      sender.encoder.receiverLost(name)
      const next = sender.next()
      expect(next.encoded.carries).toBe(true)
      expectDecoded(new FrameDecoder(), next)
    }
  })

  test('gets a dictionary that was brought long ago, as long as frames name it', () => {
    const sender = new Sender(new FrameEncoder(STREAM, { rememberedBytesMax: 20_000 }))
    const first = sender.next()
    sender.encoder.delivered(first.encoded.dictionary!)
    for (let i = 0; i < 5; i++) {
      for (let k = 0; k < 3; k++) sender.next(20)
      sender.encoder.forgetUndelivered()
    }
    const decoder = new FrameDecoder()
    expect(decoder.decode(sender.next(20).encoded.frame).needs).toBe(first.encoded.dictionary)
    sender.encoder.receiverLost(first.encoded.dictionary!)
    const next = sender.next(20)
    expect(next.encoded.carries).toBe(false)
    expect(decoder.decode(next.encoded.frame).brings.map(({ name }) => name)).toContain(first.encoded.dictionary)
  })

  test('that asks again for what is on its way, in parts, gets the rest of it', () => {
    const sender = new Sender(new FrameEncoder(STREAM, { rememberedBytesMax: 20_000 }))
    const lost = sender.next().encoded.dictionary!
    const decoder = new FrameDecoder()
    const brought: string[] = []
    for (let i = 0; i < 40 && !brought.includes(lost); i++) {
      sender.encoder.receiverLost(lost)
      const { frame, carries } = sender.next(30, 340).encoded
      expect(carries).toBe(false)
      brought.push(...decoder.decode(frame).brings.map(({ name }) => name))
    }
    expect(brought).toContain(lost)
  })

  test('that may have lost all gets a frame that names nothing', () => {
    const sender = new Sender()
    sender.next()
    sender.next()
    sender.encoder.receiverLost()
    const next = sender.next()
    expect(next.encoded.carries).toBe(true)
    const decoder = new FrameDecoder()
    expectDecoded(decoder, next)
    expectDecoded(decoder, sender.next())
  })

  test('remembers the last dictionaries of many streams, up to a bound, and takes up those it has kept', () => {
    const streams = Array.from({ length: 20 }, (_, i) => new Sender(new FrameEncoder(Buffer.from([0, 0, 0, 0, 0, i]))))
    const decoder = new FrameDecoder({ rememberedBytesMax: 60_000 })
    const kept: Dictionary[] = []
    for (const sender of streams) kept.push(...expectDecoded(decoder, sender.next()).brings)
    const seconds = streams.map((sender) => sender.next())
    expectDecoded(decoder, seconds[19]!)
    expect(decoder.decode(seconds[0]!.encoded.frame).needs).toBe(kept[0]!.name)
    const again = new FrameDecoder()
    for (const { bytes } of kept) again.add(Dictionary.parse(Buffer.from(bytes)))
    for (const it of seconds) expectDecoded(again, it)
  })
})

describe('a sender', () => {
  test('that was started again goes on with what was delivered', () => {
    const sender = new Sender()
    const decoder = new FrameDecoder()
    const [first, second] = [sender.next(), sender.next()]
    for (const it of [first, second]) expectDecoded(decoder, it)
    sender.encoder.delivered(first.encoded.dictionary!)
    const restored = new Sender(FrameEncoder.restore(STREAM, sender.encoder.export()))
    restored.at = 100
    const again = restored.next(150)
    expect(again.encoded.carries).toBe(false)
    expect(decodeFrame(again.encoded.frame).needs).toBe(first.encoded.dictionary)
    expectDecoded(decoder, again)
    expectDecoded(decoder, restored.next())
  })

  test('with a state that is none begins anew', () => {
    const sender = new Sender()
    expect(sender.encoder.export().length).toBe(0)
    sender.encoder.delivered(sender.next().encoded.dictionary!)
    const good = sender.encoder.export()
    for (const state of [Buffer.alloc(0), Buffer.from('nonsense'), good.subarray(0, -1), Buffer.concat([good, Buffer.alloc(1)]), Buffer.alloc(5000, 255)]) {
      expect(new Sender(FrameEncoder.restore(STREAM, state)).next().encoded.carries).toBe(true)
    }
    const damaged = Buffer.from(good)
    damaged[100]! ^= 1
    expect(new Sender(FrameEncoder.restore(STREAM, damaged)).next().encoded.carries).toBe(true)
    expect(new Sender(FrameEncoder.restore(STREAM, good)).next().encoded.carries).toBe(false)
  })

  test('that does not know whether frames arrived makes them again on what is delivered; whoever has got both goes on with either', () => {
    const sender = new Sender()
    const decoder = new FrameDecoder()
    const first = sender.next()
    sender.encoder.delivered(first.encoded.dictionary!)
    const [lost, lostToo] = [sender.next(), sender.next()]
    sender.encoder.forgetUndelivered()
    sender.at = 100
    const again = sender.next()
    expect(again.encoded).toEqual(lost.encoded)
    const other = sender.next(50)
    for (const it of [first, lost, lostToo, again, other]) expectDecoded(decoder, it)
    expectDecoded(decoder, sender.next())
  })

  test('of which nothing was delivered begins anew when it forgets', () => {
    const sender = new Sender()
    sender.next()
    sender.encoder.forgetUndelivered()
    expect(sender.next().encoded.carries).toBe(true)
  })

  test('says now and then that its state is worth keeping, and takes acknowledgements of what it knows only', () => {
    const sender = new Sender()
    const { encoder } = sender
    let exports = 0
    for (let i = 0; i < 40; i++) {
      encoder.delivered(sender.next(20).encoded.dictionary!)
      if (!encoder.isExportDue) continue
      exports++
      encoder.export()
      encoder.exportKept()
    }
    expect(exports).toBe(3)
    const names = Array.from({ length: 3 }, () => sender.next(20).encoded.dictionary!)
    encoder.delivered(names[2]!)
    const state = encoder.export()
    for (const name of ['00000000', names[1]!]) encoder.delivered(name)
    expect(encoder.export()).toEqual(state)
  })

  test('brings nothing new when it has brought as much as a receiver keeps, until some of it is delivered, and kept', () => {
    const sender = new Sender()
    const { encoder } = sender
    const names = Array.from({ length: 40 }, () => sender.next(20).encoded.dictionary)
    expect(names.findIndex((name) => name === null)).toBe(32)
    expect(sender.next(20).encoded.frame.length).toBeLessThan(300) // it builds on the last one all the same
    encoder.delivered(names[9]!)
    encoder.export()
    encoder.exportKept()
    expect(Array.from({ length: 20 }, () => sender.next(20).encoded.dictionary).filter((name) => name !== null)).toHaveLength(10)
    for (const name of names.slice(10, 32)) encoder.delivered(name!)
    expect(sender.next(20).encoded.dictionary).toBeNull() // what is on flash is too far back
    expect(encoder.isExportDue).toBe(true)
    encoder.export()
    encoder.exportKept()
    expect(sender.next(20).encoded.dictionary).not.toBeNull()
  })

  test('builds nothing on a frame that goes again', () => {
    const sender = new Sender()
    const decoder = new FrameDecoder()
    const first = sender.next()
    sender.encoder.delivered(first.encoded.dictionary!)
    const second = sender.next()
    const again = sender.encoder.encodeAgain(ALL.slice(100, 200), ANY)!
    expect(again.dictionary).toBeNull()
    expect(expectDecoded(decoder, first).brings).toHaveLength(1)
    expect((decoder.decode(again.frame) as DecodedFrame).brings).toHaveLength(0)
    const third = sender.next()
    expectDecoded(decoder, third)
    expect(third.encoded.frame.length).toBeGreaterThan(0)
    expect(second.encoded.count).toBe(again.count)
  })
})

test('a dictionary is damaged when any of its bytes is another', () => {
  const [{ bytes }] = (decodeFrame(new Sender().next().encoded.frame) as DecodedFrame).brings as [Dictionary]
  expect(Dictionary.parse(bytes).bytes).toEqual(bytes)
  for (let at = 4; at < bytes.length; at += 7) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 1 << at % 8
    expect(() => Dictionary.parse(damaged)).toThrow(FrameError)
    expect(() => Dictionary.parse(bytes.subarray(0, at))).toThrow(FrameError)
  }
})
