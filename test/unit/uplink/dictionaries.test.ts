// Which dictionaries of streams are kept on flash, for how long, and what becomes of damaged ones.
import { expect, test } from 'vitest'
import { Dictionary, FrameEncoder, type FrameMessage } from '../../../src/frame/frame.ts'
import { Dictionaries } from '../../../src/uplink/dictionaries.ts'
import { MemoryShelf } from '../../support/memory-shelf.ts'

const log = { warn: () => {} }

function messageOf(sequence: number): FrameMessage {
  const payload = Buffer.from(JSON.stringify({ level: sequence * 7919 % 1000, n: sequence }))
  return { topic: 'tank/level', payload, qos: 1, retain: false, properties: null, timeMs: 1_800_000_000_000 + sequence * 1000, timeQuality: 2, sequence, expiresAfterSec: null }
}

/** A sender whose frames are all delivered, and whose state is kept after each. */
class Sender {
  readonly stream: Buffer
  encoder: FrameEncoder
  sequence = 0

  constructor(stream: number) {
    this.stream = Buffer.alloc(6, stream)
    this.encoder = new FrameEncoder(this.stream)
  }

  next(): Buffer {
    const { frame, dictionary } = this.encoder.encode([messageOf(++this.sequence), messageOf(++this.sequence)], 10_000)!
    if (dictionary !== null) this.encoder.delivered(dictionary)
    this.encoder.export()
    this.encoder.exportKept()
    return frame
  }

  crash(state: Buffer): void {
    this.encoder = FrameEncoder.restore(this.stream, state)
  }
}

const made = (shelf: MemoryShelf, stream: number): number => [...shelf.files.keys()].filter((name) => name.startsWith(Buffer.alloc(6, stream).toString('hex'))).length

test('of a stream the 64 that were brought last stay, over a restart too', async () => {
  const shelf = new MemoryShelf()
  const sender = new Sender(1)
  const dictionaries = new Dictionaries({ shelf, log })
  const states: Buffer[] = []
  for (let i = 0; i < 70; i++) {
    expect((await dictionaries.decode(sender.next())).needs).toBeNull()
    states.push(sender.encoder.export())
  }
  expect(shelf.files.size).toBe(64)
  const again = new Dictionaries({ shelf, log })
  await again.prepare()
  for (const [at, isKnown] of [[5, false], [6, true], [69, true]] as const) {
    sender.crash(states[at]!)
    const { needs } = await again.decode(sender.next())
    expect(needs === null, `state ${at}`).toBe(isKnown)
    if (!isKnown) expect(needs).toBe(Dictionary.parse(states[at]!).name)
  }
})

test('one that is named is the newest again: a sender may crash and begin there as often as it likes', async () => {
  const shelf = new MemoryShelf()
  const sender = new Sender(1)
  let dictionaries = new Dictionaries({ shelf, log })
  await dictionaries.decode(sender.next())
  const state = sender.encoder.export()
  for (let crash = 0; crash < 6; crash++) {
    for (let i = 0; i < 30; i++) expect((await dictionaries.decode(sender.next())).needs).toBeNull()
    sender.crash(state)
    if (crash % 2 === 1) continue
    dictionaries = new Dictionaries({ shelf, log }) // the receiver too
    await dictionaries.prepare()
  }
  expect((await dictionaries.decode(sender.next())).needs).toBeNull()
  expect(shelf.files.size).toBe(64)
})

test('where there is no room, the stream that has most gives its oldest; the others keep what they have', async () => {
  const shelf = new MemoryShelf()
  const [large, small] = [new Sender(1), new Sender(2)]
  const dictionaries = new Dictionaries({ shelf, log }, 60_000)
  for (let i = 0; i < 3; i++) await dictionaries.decode(small.next())
  for (let i = 0; i < 60; i++) expect((await dictionaries.decode(large.next())).needs).toBeNull()
  const bytes = [...shelf.files.values()].reduce((sum, file) => sum + file.length, 0)
  expect(bytes).toBeLessThanOrEqual(60_000)
  expect(made(shelf, 2)).toBe(3)
  expect(made(shelf, 1)).toBeGreaterThan(3)
  const again = new Dictionaries({ shelf, log })
  await again.prepare()
  for (const sender of [small, large]) expect((await again.decode(sender.next())).needs).toBeNull()
})

test('of more streams than there is room for, those that were quiet longest lose theirs', async () => {
  const shelf = new MemoryShelf()
  const senders = Array.from({ length: 40 }, (_, i) => new Sender(i))
  const dictionaries = new Dictionaries({ shelf, log }, 20_000)
  for (const sender of senders) await dictionaries.decode(sender.next())
  expect(made(shelf, 0)).toBe(0)
  expect(made(shelf, 39)).toBe(1)
  const again = new Dictionaries({ shelf, log })
  await again.prepare()
  expect((await again.decode(senders[39]!.next())).needs).toBeNull()
  expect((await again.decode(senders[0]!.next())).needs).not.toBeNull()
})

test('a damaged one is thrown away, and asked for', async () => {
  const shelf = new MemoryShelf()
  const sender = new Sender(1)
  await new Dictionaries({ shelf, log }).decode(sender.next())
  const [file] = shelf.files.keys()
  shelf.files.get(file!)![40]! ^= 1
  const again = new Dictionaries({ shelf, log })
  await again.prepare()
  expect(shelf.files.size).toBe(0)
  expect((await again.decode(sender.next())).needs).not.toBeNull()
})
