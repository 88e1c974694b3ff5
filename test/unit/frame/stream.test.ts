// A stream as a whole: frames that are lost and made again, ends that are started again, dictionaries that one of them has not got any more. Whatever
// happens, each message arrives once, in its order, as it was.
import { expect, test } from 'vitest'
import { decodeFrame, Dictionary, FrameDecoder, FrameEncoder, type FrameEncoderOptions, type FrameMessage } from '../../../src/frame/frame.ts'
import { Random } from '../../sim/random.ts'
import { mixed, nasty, plain, STREAM } from './samples.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e6))
const CASES = Number(process.env['CASES'] ?? 12)
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
  /** On its way to flash. */
  #exported: Buffer | null = null
  readonly #inFlightMax: number
  /** Ranges that were on their way when the connection ended. */
  #again: InFlight[] = []
  readonly inFlight: InFlight[] = []
  at = 0

  constructor(all: FrameMessage[], random: Random) {
    this.#all = all
    this.#random = random
    this.#options = { rememberedBytesMax: 64 * 1024 * 1024, ...(random.chance(0.3) ? { dictionaryBytesMax: 6000 } : {}) }
    this.encoder = new FrameEncoder(STREAM, this.#options)
    this.#inFlightMax = random.pick([3, 3, 100])
  }

  get isDone(): boolean {
    return this.at === this.#all.length && this.inFlight.length === 0 && this.#again.length === 0
  }

  /** Nothing that is new is left. */
  get isSpent(): boolean {
    return this.at === this.#all.length
  }

  /** Devices do not stop: what somebody has asked for goes with what comes. */
  grow(): void {
    const { sequence } = this.#all.at(-1)!
    this.#all.push(...mixed(5, this.#random).map((it, i) => ({ ...it, sequence: sequence + 1 + i })))
  }

  /** The next frame; null when there is none. */
  next(): Buffer | null {
    if (this.inFlight.length === this.#inFlightMax) return null
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
    const { frame, count, dictionary } = this.encoder.encodeAgain(this.#all.slice(from, to), 1024 * 1024)!
    expect(count).toBe(to - from)
    expect(dictionary).toBeNull()
    this.inFlight.push({ from, to, dictionary: null })
    return frame
  }

  acknowledged(): void {
    const { dictionary } = this.inFlight.shift()!
    if (dictionary !== null) this.encoder.delivered(dictionary)
    if (this.#exported === null && this.encoder.isExportDue) this.#exported = this.encoder.export()
    if (this.#exported === null || this.#random.chance(0.5)) return
    this.#kept = this.#exported
    this.encoder.exportKept()
    this.#exported = null
  }

  disconnected(): void {
    this.#again = [...this.inFlight.splice(0), ...this.#again]
    this.encoder.forgetUndelivered()
  }

  startAgain(): void {
    this.disconnected()
    if (this.#exported !== null && this.#random.chance(0.5)) this.#kept = this.#exported // the crash came just behind it
    this.#exported = null
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
    if (dictionary !== null) encoder.delivered(dictionary)
    if (encoder.isExportDue) {
      kept = encoder.export()
      keptAt = frames
      encoder.exportKept()
    }
    at += count
  }
  expect(keptAt).toBeGreaterThan(0)
})

/** Keeps of a stream what the format asks for, and no more: 64 dictionaries, those that were brought or named last. */
class Frugal {
  readonly #kept = new Map<string, Dictionary>()

  /** True when it knows what the frame names. */
  arrived(frame: Buffer): boolean {
    const { dictionary, needs, brings } = decodeFrame(frame, this.#kept)
    if (dictionary !== null && this.#kept.has(dictionary)) this.#keep(this.#kept.get(dictionary)!)
    for (const it of brings) this.#keep(it)
    return needs === null
  }

  #keep(dictionary: Dictionary): void {
    this.#kept.delete(dictionary.name)
    this.#kept.set(dictionary.name, dictionary)
    if (this.#kept.size > 64) this.#kept.delete(this.#kept.keys().next().value!)
  }
}

test(`a receiver that loses nothing never has to ask, whatever the sender goes through (seed ${SEED})`, { timeout: 60_000 + CASES * 5000 }, () => {
  for (let i = 0; i < CASES; i++) {
    const random = new Random(SEED + i)
    const sender = new Sender(messagesOf(random), random)
    const receiver = new Frugal()
    const wire: Buffer[] = []
    const isCalm = random.chance(0.5)
    const ackChance = random.pick([0.9, 0.5, 0.05])
    for (let step = 0; step < 3000; step++) {
      if (sender.isSpent) sender.grow()
      const roll = random.next()
      if (roll < 0.6) {
        const frame = sender.next()
        if (frame !== null) wire.push(frame)
      } else if (roll < (isCalm ? 0.997 : 0.97)) {
        const frame = wire.shift()
        if (frame === undefined) continue
        expect(receiver.arrived(frame), `SEED=${SEED + i} CASES=1, step ${step}`).toBe(true)
        if (random.chance(ackChance) && sender.inFlight.length > wire.length) sender.acknowledged()
      } else {
        wire.length = 0
        if (random.chance(0.5)) sender.disconnected()
        else sender.startAgain()
      }
    }
    // Whatever it went through, it goes on learning.
    let brings = 0
    for (let step = 0; step < 400; step++) {
      if (sender.isSpent) sender.grow()
      const frame = sender.next()
      if (frame !== null) wire.push(frame)
      while (wire.length > 0) expect(receiver.arrived(wire.shift()!)).toBe(true)
      while (sender.inFlight.length > 0) {
        if (step >= 300 && sender.inFlight[0]!.dictionary !== null) brings++
        sender.acknowledged()
      }
    }
    expect(brings, `SEED=${SEED + i} CASES=1`).toBeGreaterThan(50)
  }
})
