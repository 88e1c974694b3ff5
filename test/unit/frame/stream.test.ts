// A stream as a whole: frames that are lost and made again, ends that are started again, dictionaries that one of them has not got any more. Whatever
// happens, each message arrives once, in its order, as it was.
import { expect, test } from 'vitest'
import { Dictionary, FrameDecoder, FrameEncoder, type FrameEncoderOptions, type FrameMessage } from '../../../src/frame/frame.ts'
import { Random } from '../../sim/random.ts'
import { mixed, nasty, plain, STREAM } from './samples.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e6))
const CASES = Number(process.env['CASES'] ?? 12)
const IN_FLIGHT_MAX = 3
const STEPS_MAX = 20_000

interface InFlight {
  readonly from: number
  readonly to: number
  readonly dictionary: string | null
}

/** What an uplink does with its encoder: some frames at a time are on their way, and go again with what they had when the connection has ended. */
class Sender {
  encoder: FrameEncoder
  readonly #all: FrameMessage[]
  readonly #random: Random
  readonly #options: FrameEncoderOptions
  #kept: Buffer = Buffer.alloc(0)
  /** Ranges that were on their way when the connection ended. */
  #again: InFlight[] = []
  readonly inFlight: InFlight[] = []
  at = 0

  constructor(all: FrameMessage[], random: Random) {
    this.#all = all
    this.#random = random
    this.#options = { rememberedBytesMax: 64 * 1024 * 1024, ...(random.chance(0.3) ? { dictionaryBytesMax: 6000 } : {}) }
    this.encoder = new FrameEncoder(STREAM, this.#options)
  }

  get isDone(): boolean {
    return this.at === this.#all.length && this.inFlight.length === 0 && this.#again.length === 0
  }

  /** Devices do not stop: what somebody has asked for goes with what comes. */
  grow(): void {
    const { sequence } = this.#all.at(-1)!
    this.#all.push(...mixed(5, this.#random).map((it, i) => ({ ...it, sequence: sequence + 1 + i })))
  }

  /** The next frame; null when there is none. */
  next(): Buffer | null {
    if (this.inFlight.length === IN_FLIGHT_MAX) return null
    const before = this.#again.shift()
    return before === undefined ? this.#new() : this.#remade(before)
  }

  #new(): Buffer | null {
    const random = this.#random
    const some = this.#all.slice(this.at, this.at + random.pick([1, 5, 40, 200]))
    if (some.length === 0) return null
    const encoded = this.encoder.encode(some, random.pick([340, 1000, 16_384])) ?? this.encoder.encode(some.slice(0, 1), 1024 * 1024)!
    this.inFlight.push({ from: this.at, to: this.at + encoded.count, dictionary: encoded.dictionary })
    this.at += encoded.count
    return encoded.frame
  }

  #remade({ from, to }: InFlight): Buffer {
    this.encoder.forgetUndelivered()
    const { frame, count } = this.encoder.encode(this.#all.slice(from, to), 1024 * 1024)!
    expect(count).toBe(to - from)
    this.encoder.forgetUndelivered()
    this.inFlight.push({ from, to, dictionary: null })
    return frame
  }

  acknowledged(): void {
    const { dictionary } = this.inFlight.shift()!
    if (dictionary !== null && this.encoder.delivered(dictionary)) this.#kept = this.encoder.export()
  }

  disconnected(): void {
    this.#again = [...this.inFlight.splice(0), ...this.#again]
    this.encoder.forgetUndelivered()
  }

  startAgain(): void {
    this.disconnected()
    this.encoder = FrameEncoder.restore(STREAM, this.#kept, this.#options)
  }
}

/** What `unpack` does: it keeps frames whose dictionary is missing, and all behind them, and passes nothing on twice. */
class Receiver {
  readonly passed: FrameMessage[] = []
  readonly #dictionaries = new Map<string, Dictionary>()
  #decoder = new FrameDecoder()
  #held: Buffer[] = []

  get isHolding(): boolean {
    return this.#held.length > 0
  }

  /** Answers with what to ask for. */
  arrived(frame: Buffer): string | null {
    this.#held.push(frame)
    if (this.#held.length > 1) this.#learn(frame)
    return this.#go()
  }

  /** A frame that has to wait may bring what the first one waits for. */
  #learn(frame: Buffer): void {
    for (const it of this.#decoder.decode(frame).brings) this.#dictionaries.set(it.name, it)
  }

  #go(): string | null {
    while (this.#held.length > 0) {
      const { needs, messages, brings } = this.#decoder.decode(this.#held[0]!)
      for (const it of brings) this.#dictionaries.set(it.name, it)
      if (needs !== null) return needs
      const mark = this.passed.at(-1)?.sequence ?? -1
      this.passed.push(...messages.filter(({ sequence }) => sequence > mark))
      this.#held.shift()
    }
    return null
  }

  /** With the dictionaries it had, or without. */
  startAgain(hasLost: boolean): void {
    if (hasLost) this.#dictionaries.clear()
    this.#decoder = new FrameDecoder()
    for (const it of this.#dictionaries.values()) this.#decoder.add(it)
  }
}

function messagesOf(random: Random): FrameMessage[] {
  const parts = [mixed(random.int(50, 400), random), nasty(random), mixed(random.int(50, 400), random), nasty(random), nasty(random)]
  let sequence = random.int(0, 1000)
  return parts.flat().map((it) => ({ ...it, sequence: (sequence += random.chance(0.05) ? random.int(2, 500) : 1) }))
}

/** Answers with how many messages have arrived. */
function run(seed: number): number {
  const random = new Random(seed)
  const all = messagesOf(random)
  const sender = new Sender(all, random)
  const receiver = new Receiver()
  const wire: Buffer[] = []
  for (let step = 0; !sender.isDone || receiver.isHolding; step++) {
    expect(step).toBeLessThan(STEPS_MAX)
    if (sender.isDone) sender.grow()
    const roll = random.next()
    if (roll < 0.45) {
      const frame = sender.next()
      if (frame !== null) wire.push(frame)
    } else if (roll < 0.9) {
      const frame = wire.shift()
      if (frame === undefined) continue
      const needs = receiver.arrived(frame)
      if (needs !== null && random.chance(0.7)) sender.encoder.receiverLost(needs)
      if (random.chance(0.05)) {
        // It has arrived, and nobody says so.
        wire.length = 0
        sender.disconnected()
      } else sender.acknowledged()
    } else if (roll < 0.94) {
      wire.length = 0
      sender.disconnected()
    } else if (roll < 0.97) receiver.startAgain(random.chance(0.5))
    else if (roll < 0.98) sender.encoder.receiverLost()
    else if (!receiver.isHolding) {
      wire.length = 0
      sender.startAgain()
    }
  }
  expect(plain(receiver.passed)).toEqual(plain(all))
  return all.length
}

test(`each message arrives once, in order, as it was (seed ${SEED})`, { timeout: 60_000 + CASES * 5000 }, () => {
  let count = 0
  for (let i = 0; i < CASES; i++) {
    try {
      count += run(SEED + i)
    } catch (error) {
      throw new Error(`SEED=${SEED + i} CASES=1`, { cause: error })
    }
  }
  expect(count).toBeGreaterThan(CASES * 100)
})

test('a frame that is made again after a restart, on an older dictionary, has the same messages for whoever has that one or all', () => {
  const random = new Random(31)
  const all = messagesOf(random)
  const encoder = new FrameEncoder(STREAM)
  const decoder = new FrameDecoder()
  let kept: Buffer = Buffer.alloc(0)
  let keptAt = 0
  for (let at = 0, frames = 0; at < all.length; frames++) {
    const some = all.slice(at, at + 20)
    const { frame, count, dictionary } = encoder.encode(some, 1024 * 1024)!
    const again = FrameEncoder.restore(STREAM, kept).encode(some.slice(0, count), 1024 * 1024)!
    expect(again.count).toBe(count)
    expect(plain(decoder.decode(again.frame).messages)).toEqual(plain(some.slice(0, count)))
    expect(plain(decoder.decode(frame).messages)).toEqual(plain(some.slice(0, count)))
    const fresh = new FrameDecoder()
    if (kept.length > 0) fresh.add(Dictionary.parse(kept))
    expect(plain(fresh.decode(again.frame).messages)).toEqual(plain(some.slice(0, count)))
    if (encoder.delivered(dictionary!)) [kept, keptAt] = [encoder.export(), frames]
    at += count
  }
  expect(keptAt).toBeGreaterThan(0)
})
