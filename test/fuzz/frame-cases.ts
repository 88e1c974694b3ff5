// Frames and dictionaries that somebody has altered, each from a seed and a number: the same pair gives the same case.
import { crc32, zstdCompressSync } from 'node:zlib'
import { type DecodedFrame, decodeFrame, type Dictionary, FrameEncoder, type FrameMessage } from '../../src/frame/frame.ts'
import { Random } from '../sim/random.ts'
import { mixed, nasty, noisy } from '../unit/frame/samples.ts'
import { type WildFrame, wildFrame } from './frame-wild.ts'

export interface FrameCase {
  readonly number: number
  readonly kind: string
  readonly frame: Buffer
  /** By name. */
  readonly dictionaries: ReadonlyMap<string, Dictionary>
  /** One that is offered as if it had been kept; null: none. */
  readonly dictionary: Buffer | null
  /** What has to come out; null: it is altered, and nothing should, but for one in 65,536. */
  readonly messages: readonly FrameMessage[] | null
}

interface Good {
  readonly frame: Buffer
  readonly needs: Dictionary | null
  readonly messages: readonly FrameMessage[]
}

const ANY = 1024 * 1024

/** Frames that are right, of streams of all kinds, with the dictionaries they name. */
export class FrameCorpus {
  readonly good: readonly Good[]
  readonly dictionaries: ReadonlyMap<string, Dictionary>

  constructor(seed: number) {
    const known = new Map<string, Dictionary>()
    const good: Good[] = []
    const random = new Random(seed)
    const streams = [mixed(400, random), noisy(300, random), ...Array.from({ length: 12 }, () => nasty(random))]
    for (const [i, messages] of streams.entries()) {
      const encoder = new FrameEncoder(Buffer.from([0, 0, 0, 0, 0, i]))
      for (let at = 0, part = 0; at < messages.length; part++) {
        const encoded = encoder.encode(messages.slice(at, at + random.int(1, 100)), random.pick([340, 4000, ANY]))
        at += encoded?.count ?? 1
        if (encoded === null) continue
        const decoded = decodeFrame(encoded.frame, known) as DecodedFrame
        const needs = decoded.dictionary === null ? null : known.get(decoded.dictionary)!
        good.push({ frame: encoded.frame, needs, messages: decoded.messages })
        for (const it of decoded.brings) known.set(it.name, it)
        if (part === 3) encoder.receiverLost(encoded.dictionary!)
      }
    }
    this.good = good
    this.dictionaries = known
  }
}

type Damage = (bytes: Buffer, random: Random, other: Buffer) => Buffer

const DAMAGES: Readonly<Record<string, Damage>> = {
  bit: (bytes, random) => {
    bytes[random.int(0, bytes.length - 1)]! ^= 1 << random.int(0, 7)
    return bytes
  },
  bytes: (bytes, random) => {
    for (let i = random.int(1, 8); i > 0; i--) bytes[random.int(0, bytes.length - 1)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.int(0, 255)])
    return bytes
  },
  cut: (bytes, random) => bytes.subarray(0, random.int(0, bytes.length - 1)),
  longer: (bytes, random) => Buffer.concat([bytes, noise(random, 40)]),
  hole: (bytes, random) => {
    const at = random.int(0, bytes.length - 1)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.int(1, 20))])
  },
  inserted: (bytes, random) => {
    const at = random.int(0, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), noise(random, 10), bytes.subarray(at)])
  },
  varint: (bytes, random) => {
    const at = random.int(0, Math.min(bytes.length, 40))
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(['ffffffffffffff7f', 'ffffffff0f', 'ffff03', '808001', '8000', '00']), 'hex'), bytes.subarray(at + 1)])
  },
  flags: (bytes, random) => {
    bytes[0] = 0x10 | random.int(0, 15)
    return bytes
  },
  spliced: (bytes, random, other) => Buffer.concat([bytes.subarray(0, random.int(0, bytes.length)), other.subarray(random.int(0, other.length))]),
  /** A right head, and then what a coder never wrote: it is decoded until something is wrong. */
  bits: (bytes, random) => Buffer.concat([bytes.subarray(0, 20), noise(random, 400)]),
  zeros: (bytes, random) => Buffer.concat([bytes.subarray(0, random.int(14, 30)), Buffer.alloc(random.int(0, 400), random.pick([0, 255]))]),
  many: (bytes, random) => Buffer.concat([Buffer.from([0x12]), bytes.subarray(1, 7), Buffer.from([1, 0xff, 0x7f, 0]), random.chance(0.5) ? noise(random, 100) : Buffer.alloc(random.int(0, 100), 255)]),
  noise: (_bytes, random) => noise(random, 500),
}

function noise(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: random.int(1, most) }, () => random.int(0, 255)))
}

/** The sum is put right, so that what is wrong is met behind it. */
function rightSum(bytes: Buffer): Buffer {
  if (bytes.length < 12) return bytes
  const at = 4 + bytes.subarray(4).findIndex((byte) => byte < 128) + 1
  return Buffer.concat([bytes.subarray(0, 4), varint(crc32(bytes.subarray(at))), bytes.subarray(at)])
}

/** So many frames build on each other in a wild case, and have so many messages. */
const WILD_FRAMES = 4
const WILD_MESSAGES = 60

export function frameCase(corpus: FrameCorpus, seed: number, number: number): FrameCase {
  const random = new Random(Math.imul(seed, 1_000_003) + number)
  const good = random.pick(corpus.good)
  const roll = random.next()
  if (roll < 0.15 && good.needs !== null) return ofDictionary(corpus, random, number, good.frame, good.needs)
  if (roll < 0.25) return wild(corpus, random, number)
  if (roll < 0.27) return { number, kind: 'bomb', frame: bomb(random), dictionaries: new Map(), dictionary: null, messages: null }
  const names = Object.keys(DAMAGES)
  const kind = random.pick(names)
  const other = random.pick(corpus.good).frame
  let frame = DAMAGES[kind]!(Buffer.from(good.frame), random, other)
  if (frame.length > 0 && random.chance(0.2)) frame = DAMAGES[random.pick(names)]!(Buffer.from(frame), random, other)
  const same = corpus.good.find((it) => it.frame.equals(frame))
  return { number, kind, frame, dictionaries: corpus.dictionaries, dictionary: null, messages: same?.messages ?? null }
}

function ofDictionary(corpus: FrameCorpus, random: Random, number: number, frame: Buffer, needs: Dictionary): FrameCase {
  const kind = random.pick(['bit', 'bytes', 'cut', 'hole', 'inserted', 'varint', 'spliced'])
  const altered = DAMAGES[kind]!(Buffer.from(needs.bytes), random, Buffer.from(random.pick([...corpus.dictionaries.values()]).bytes))
  return { number, kind: `dictionary: ${kind}`, frame, dictionaries: new Map(), dictionary: rightSum(altered), messages: null }
}

function wild(corpus: FrameCorpus, random: Random, number: number): FrameCase {
  const dictionaries = new Map<string, Dictionary>()
  let base = random.chance(0.5) ? random.pick([...corpus.dictionaries.values()]) : null
  let last: WildFrame | null = null
  for (let i = random.int(1, WILD_FRAMES); i > 0; i--) {
    if (base !== null) dictionaries.set(base.name, base)
    const next = wildFrame(random, base, WILD_MESSAGES)
    if (next === null) break
    last = next
    base = next.brings
  }
  return { number, kind: 'wild', frame: last?.frame ?? Buffer.alloc(0), dictionaries, dictionary: null, messages: last?.messages ?? null }
}

/** A right head, and texts or a dictionary that become very many bytes, or say so. */
function bomb(random: Random): Buffer {
  const size = random.pick([10, 1_000_000, 8 * 1024 * 1024, 30_000_000])
  const packed = zstdCompressSync(Buffer.alloc(size, random.int(0, 255))).subarray(4)
  const said = random.chance(0.5) ? size : random.pick([0, 1, 1024 * 1024, 8 * 1024 * 1024, 2 ** 50])
  const blob = Buffer.concat([varint(said * 2 + 1), varint(packed.length), packed])
  const [flags, body] = random.chance(0.5) ? [4, blob] : [8, Buffer.concat([Buffer.alloc(4, 7), varint(blob.length), varint(0), varint(blob.length), blob])]
  return Buffer.concat([Buffer.from([0x10 + flags]), Buffer.alloc(6), varint(1), varint(random.pick([0, 100, 16_383])), varint(0), body, noise(random, 100)])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}
