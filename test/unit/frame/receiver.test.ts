// What a program gets that takes frames without a store: each message once, in order, whatever gets lost, comes twice, or comes late.
import { describe, expect, test } from 'vitest'
import { Dictionary, FrameDecoder, FrameEncoder, FrameError, type FrameMessage, FrameReceiver, type Received } from '../../../src/frame/frame.ts'
import { Random } from '../../sim/random.ts'
import { mixed, nasty, plain, STREAM } from './samples.ts'

const ANY = 1024 * 1024
const ALL = mixed(2000, new Random(31))

class Sender {
  readonly encoder: FrameEncoder
  readonly #all: readonly FrameMessage[]
  #at = 0

  constructor(stream = STREAM, all = ALL) {
    this.encoder = new FrameEncoder(stream)
    this.#all = all
  }

  get isDone(): boolean {
    return this.#at === this.#all.length
  }

  next(count = 20, bytesMax = ANY): { frame: Buffer; messages: readonly FrameMessage[] } {
    const encoded = this.encoder.encode(this.#all.slice(this.#at, this.#at + count), bytesMax)!
    const messages = this.#all.slice(this.#at, this.#at + encoded.count)
    this.#at += encoded.count
    return { frame: encoded.frame, messages }
  }
}

function expectMessages(received: Received, ...lists: readonly (readonly FrameMessage[])[]): void {
  expect(plain(received.messages)).toEqual(plain(lists.flat()))
  expect(received).toMatchObject({ isTaken: true, framesLost: 0 })
}

describe('a receiver', () => {
  test('passes each message on once', () => {
    const sender = new Sender()
    const receiver = new FrameReceiver()
    const [one, two] = [sender.next(), sender.next()]
    expectMessages(receiver.receive(one.frame), one.messages)
    expectMessages(receiver.receive(one.frame))
    expectMessages(receiver.receive(two.frame), two.messages)
    expectMessages(receiver.receive(one.frame))
    expect([...receiver.marks]).toEqual([[STREAM.toString('hex'), two.messages.at(-1)!.sequence]])
  })

  test('a frame made anew brings what later ones name, and none of its messages twice', () => {
    const sender = new Sender()
    const receiver = new FrameReceiver()
    const one = sender.next()
    receiver.receive(one.frame)
    sender.encoder.forgetUndelivered()
    const again = sender.encoder.encode(one.messages, ANY, 0)!
    expectMessages(receiver.receive(again.frame))
    const two = sender.next()
    expectMessages(receiver.receive(two.frame), two.messages)
  })

  test('asks once for what it lacks, keeps what comes meanwhile, and passes all on in order', () => {
    const sender = new Sender()
    const receiver = new FrameReceiver()
    const lost = sender.next()
    const waiting = [sender.next(), sender.next(), sender.next()]
    const answers = waiting.map(({ frame }) => receiver.receive(frame))
    expect(answers.map(({ ask }) => ask)).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/), null, null])
    for (const answer of answers) expectMessages(answer)
    sender.encoder.receiverLost(answers[0]!.ask!)
    for (let came: Received | null = null; came === null || came.messages.length === 0; ) {
      waiting.push(sender.next(20, 1500))
      came = receiver.receive(waiting.at(-1)!.frame)
      expect(came.ask).toBeNull()
      if (came.messages.length > 0) expectMessages(came, ...waiting.map(({ messages }) => messages))
    }
    expect(waiting.length).toBeGreaterThan(4) // it took more than one part
    expectMessages(receiver.receive(lost.frame))
  })

  test('one stream does not wait for another', () => {
    const [one, other] = [new Sender(), new Sender(Buffer.from('010203040506', 'hex'))]
    const receiver = new FrameReceiver()
    one.next()
    expect(receiver.receive(one.next().frame).ask).not.toBeNull()
    const { frame, messages } = other.next()
    expectMessages(receiver.receive(frame), messages)
  })

  test('asks again when frames go on to come, and gives up what nobody can decode any more', () => {
    const sender = new Sender()
    const receiver = new FrameReceiver()
    sender.next()
    const asks: number[] = []
    for (let i = 0; i < 60; i++) if (receiver.receive(sender.next(5).frame).ask !== null) asks.push(i)
    expect(asks).toEqual([0, 8, 16, 24, 32, 40, 48, 56])
    sender.encoder.receiverLost() // it begins anew
    const { frame, messages } = sender.next()
    const received = receiver.receive(frame)
    expect(received).toMatchObject({ isTaken: true, framesLost: 60, ask: null })
    expect(plain(received.messages)).toEqual(plain(messages))
  })

  test('what it has no room for may come again', () => {
    const sender = new Sender()
    const lost = sender.next()
    const frames = [sender.next(), sender.next(), sender.next()]
    const [one, two, three] = frames.map(({ frame }) => frame)
    const receiver = new FrameReceiver({ waitingBytesMax: one!.length + two!.length })
    expect(receiver.receive(one!).isTaken).toBe(true)
    expect(receiver.receive(two!).isTaken).toBe(true)
    expect(receiver.receive(three!)).toMatchObject({ isTaken: false, messages: [] })
    expect(receiver.receive(two!).isTaken).toBe(true) // it is there already
    expectMessages(receiver.receive(lost.frame), lost.messages, frames[0]!.messages, frames[1]!.messages)
    expectMessages(receiver.receive(three!), frames[2]!.messages)
  })

  test('after a restart: marks drop what comes twice, dictionaries that were kept need not be asked for', () => {
    const sender = new Sender()
    const before = new FrameReceiver()
    const [one, two] = [sender.next(), sender.next()]
    const kept = [one, two].flatMap(({ frame }) => before.receive(frame).brings.map(({ bytes }) => bytes))
    const after = new FrameReceiver({ marks: before.marks })
    for (const bytes of kept) after.add(Dictionary.parse(bytes))
    expectMessages(after.receive(two.frame))
    const three = sender.next()
    expectMessages(after.receive(three.frame), three.messages)
  })

  test('throws for what is no frame, and goes on', () => {
    const sender = new Sender()
    const receiver = new FrameReceiver()
    expect(() => receiver.receive(Buffer.from('no frame'))).toThrow(FrameError)
    const { frame, messages } = sender.next()
    expect(() => receiver.receive(frame.subarray(0, 60))).toThrow(FrameError)
    expectMessages(receiver.receive(frame), messages)
  })

  test('whatever gets lost, comes again or late: each message once, in order (seeds 1 to 12)', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Random(seed)
      const all = Array.from({ length: 4 }, () => nasty(random)).flat().map((it, i) => ({ ...it, sequence: i }))
      const sender = new Sender(STREAM, all)
      const receiver = new FrameReceiver()
      const want: FrameMessage[] = []
      const got: FrameMessage[] = []
      const sent: Buffer[] = []
      for (let i = 0; i < 40 && !sender.isDone; i++) {
        const { frame, messages } = sender.next(random.int(1, 30))
        sent.push(frame)
        want.push(...messages)
        // The first frames of all are lost; from then on they come at least once, as MQTT has it.
        const coming = i < 1 ? [] : [frame, ...(random.chance(0.3) ? [random.pick(sent.slice(1))] : [])]
        if (i < 1) want.length = 0
        for (const bytes of coming) {
          const { messages: passed, ask } = receiver.receive(bytes)
          got.push(...passed)
          if (ask !== null) sender.encoder.receiverLost(ask)
        }
      }
      expect(plain(got), `seed ${seed}`).toEqual(plain(want.slice(0, got.length)))
      expect(got.length, `seed ${seed}`).toBeGreaterThan(0)
    }
  })
})

test('a decoder alone keeps nothing but dictionaries', () => {
  const sender = new Sender()
  const decoder = new FrameDecoder()
  const { frame } = sender.next()
  expect(decoder.decode(frame).messages.length).toBe(20)
  expect(decoder.decode(frame).messages.length).toBe(20)
})
