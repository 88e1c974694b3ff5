// Two decoders that share no line agree: src/frame, and one in Python that was written from src/uplink/FRAME.md alone. When they do not, the page
// is wrong or incomplete.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { FrameDecoder, FrameEncoder, type FrameMessage } from '../../../src/frame/frame.ts'
import { record, SET_NAMES } from '../../bench/link/readings.ts'
import { Random } from '../../sim/random.ts'
import { decodedBySecond, type Line, lineOf, linesOf, whyNoSecondDecoder } from '../../support/second-decoder.ts'
import { jumping, message, mixed, nasty, noisy, smooth, STREAM } from './samples.ts'

const ANY = 1024 * 1024
const FOLDER = new URL('golden/', import.meta.url)
const PAGE = new URL('../../../src/uplink/FRAME.md', import.meta.url)
const missing = whyNoSecondDecoder()
const why = missing === null ? '' : ` (skipped: ${missing})`

/** Frames as they come to a receiver, and what it has to make of them. */
interface Flow {
  readonly frames: Buffer[]
  readonly lines: Line[]
}

interface Golden {
  readonly about: string
  readonly frames: readonly { readonly frame: string; readonly lines: readonly Line[] }[]
}

function goldens(): [string, Golden][] {
  return readdirSync(FOLDER).filter((file) => file.endsWith('.json')).sort().map((file) => [file, JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Golden])
}

/** The example of the page: its lines of hexadecimal, and the messages that it says are in there. */
function example(): { frame: Buffer; lines: Line[]; brings: string } {
  const [, section] = readFileSync(PAGE, 'utf8').split('\n## 11. ')
  const [, hex, json] = /```hex\n([\s\S]*?)```[\s\S]*?```json\n([\s\S]*?)```/.exec(section!)!
  return { frame: Buffer.from(hex!.replaceAll(/\s/g, ''), 'hex'), lines: json!.trim().split('\n').map((line) => JSON.parse(line) as Line), brings: /named\s([0-9a-f]{8})/.exec(section!)![1]! }
}

/** All messages in frames of some size, in order. */
function flowOf(messages: readonly FrameMessage[], size: number, bytesMax: number): Flow {
  const encoder = new FrameEncoder(STREAM)
  const frames: Buffer[] = []
  for (let at = 0; at < messages.length; ) {
    const { frame, count } = encoder.encode(messages.slice(at, at + size), bytesMax)!
    frames.push(frame)
    at += count
  }
  return { frames, lines: messages.map(lineOf) }
}

const KINDS = [mixed, noisy, smooth, jumping].map((make) => (random: Random) => make(random.int(1, 400), random))

/**
 * A stream from a seed, over a bad link: frames get lost, so that the receiver lacks dictionaries and asks for them; frames are made anew; what waits
 * is decoded when its dictionary has come. What is expected is what was sent, and where a frame waits, what src/frame says.
 */
function badFlow(seed: number): Flow {
  const random = new Random(seed)
  const all = random.chance(0.6) ? nasty(random) : random.pick(KINDS)(random)
  const encoder = new FrameEncoder(Buffer.from([0, 0, seed >>> 24, (seed >> 16) & 255, (seed >> 8) & 255, seed & 255]))
  const decoder = new FrameDecoder()
  const flow: Flow = { frames: [], lines: [] }
  let waiting: { frame: Buffer; messages: readonly FrameMessage[] }[] = []
  const feed = (frame: Buffer, messages: readonly FrameMessage[]): string | null => {
    const decoded = decoder.decode(frame)
    if (decoded.needs === null) expect(linesOf(decoded)).toEqual(messages.map(lineOf))
    flow.frames.push(frame)
    flow.lines.push(...linesOf(decoded))
    return decoded.needs
  }
  for (let at = 0; at < all.length; ) {
    const encoded = encoder.encode(all.slice(at, at + random.int(1, 120)), random.pick([340, 1000, 16_000, ANY]), random.chance(0.5) ? null : all[at]!.timeMs + random.int(0, 100_000))
    if (encoded === null) {
      at++ // no frame of this size can hold it
      continue
    }
    const messages = all.slice(at, at + encoded.count)
    at += encoded.count
    if (encoded.dictionary !== null && random.chance(0.6)) encoder.delivered(encoded.dictionary)
    if (random.chance(0.05)) encoder.forgetUndelivered()
    if (random.chance(0.15)) continue // lost
    const needs = feed(encoded.frame, messages)
    if (needs !== null) {
      waiting.push({ frame: encoded.frame, messages })
      if (random.chance(0.8)) encoder.receiverLost(needs)
    } else if (waiting.length > 0) waiting = waiting.filter((it) => feed(it.frame, it.messages) !== null)
  }
  return flow
}

function expectSame(flows: readonly Flow[]): void {
  const came = decodedBySecond(flows.flatMap(({ frames }) => frames))
  let at = 0
  for (const [i, { lines }] of flows.entries()) {
    expect(came.slice(at, at + lines.length), `flow ${i}`).toEqual(lines)
    at += lines.length
  }
  expect(came.length).toBe(at)
}

describe('frames that must be decoded for ever', () => {
  test('there are some', () => expect(goldens().length).toBeGreaterThan(3))

  test.each(goldens())('%s', (_file, { frames }) => {
    const decoder = new FrameDecoder()
    for (const { frame, lines } of frames) expect(linesOf(decoder.decode(Buffer.from(frame, 'hex')))).toEqual(lines)
  })

  test('the example of FRAME.md', () => {
    const { frame, lines, brings } = example()
    const decoded = new FrameDecoder().decode(frame)
    expect(linesOf(decoded)).toEqual(lines)
    expect(decoded.brings.map(({ name }) => name)).toEqual([brings])
  })
})

describe.skipIf(missing !== null)(`the second decoder${why}`, () => {
  test('is as short as the issue asks for', () => {
    const text = readFileSync(new URL('../../support/frame-decoder.py', import.meta.url), 'utf8')
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(150)
  })

  test('frames that must be decoded for ever, and the example of FRAME.md', () => {
    const flows = goldens().map(([, { frames }]): Flow => ({ frames: frames.map(({ frame }) => Buffer.from(frame, 'hex')), lines: frames.flatMap(({ lines }) => lines) }))
    const { frame, lines } = example()
    expectSame([...flows, { frames: [frame], lines }])
  })

  test.each(SET_NAMES)('recorded: %s', { timeout: 120_000 }, (name) => {
    const messages = record(name, 1500).readings.map(({ atMs, topic, payload }, i) => message({ topic, text: payload, timeMs: 1_790_000_000_000 + atMs, sequence: i }))
    expectSame([flowOf(messages, 300, ANY)])
    expectSame([flowOf(messages.slice(0, 700), 1000, 340)])
  })

  const seeds = Number(process.env['FRAME_SEEDS'] ?? 60)
  const first = Number(process.env['FRAME_SEED'] ?? 1)
  test(`${seeds} streams over a bad link, from seed ${first} on`, { timeout: 60_000 + seeds * 2000 }, () => {
    const flows = Array.from({ length: seeds }, (_, i) => badFlow(first + i))
    expect(flows.flatMap(({ lines }) => lines).some((line) => 'needs' in line)).toBe(true)
    expectSame(flows)
  })
})
