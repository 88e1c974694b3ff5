// Frames of other gateways that come in by an uplink: what is in them is published here, each message once.
//
//   frame ─► known dictionary? ─► messages beyond the stream's mark ─► router, all in one commit with the new mark ─► acknowledged
//               └ no: kept on flash, acknowledged; asked for. It and all after it of its stream wait for a frame that carries it
//
// What is always true
//   1. Messages and mark are committed together or not at all: a kill between two steps neither loses a message nor repeats one.
//   2. One frame at a time: a later one is not taken before the earlier one is safe, or the mark could pass what was refused.
//   3. A stream's messages are published in their order.
//   4. A frame that cannot be read is counted, logged and acknowledged: it would come again for ever.
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { Fifo } from '../fifo.ts'
import { type DecodedFrame, FrameError, type FrameHeader, frameHeader, type FrameMessage, type FrameNeeds } from '../frame/frame.ts'
import { AllOf } from '../journal/all-of.ts'
import type { Refusal, Waiter } from '../journal/append.ts'
import type { Journal } from '../journal/journal.ts'
import { makeMessage, type Message } from '../message.ts'
import type { Shelf } from '../shelf.ts'
import { STREAMS_MAX, type Unpacked } from '../store/store.ts'
import { Dictionaries } from './dictionaries.ts'

/** Of frames that wait for their dictionary, on flash. One more is refused: the remote keeps it. */
const HELD_BYTES_MAX = 64 * 1024 * 1024
/** A stream's dictionary is asked for again when it has not come by then: the question may be lost. Twice as long each time. */
const ASK_AGAIN_MS = 5000
const ASK_AGAIN_MS_MAX = 60_000
/** Asked for so often, and frames that need it no more have come: their sender does not know it any more, and it will never come. */
const ASKS_MAX = 8

export interface UnpackerDeps {
  readonly clock: Clock
  readonly counters: Counters
  readonly journal: Journal
  readonly shelf: Shelf
  readonly log: { warn(fields: object, text: string): void }
  /** Asks the gateways that publish frames to `topic` for a dictionary. */
  readonly ask: (topic: string, dictionary: string) => void
}

/** Publishes one message; `held`: it must be in the batch that is being gathered. True when `waiter` will hear. */
export type Publish = (message: Message, waiter: Waiter, held: boolean) => boolean

interface Job {
  readonly bytes: Buffer
  readonly topic: string
  readonly publish: Publish
  readonly ack: Waiter
}

/** A frame on the shelf. */
interface Held {
  readonly name: string
  readonly size: number
}

/** What a stream's sender was asked for last. */
interface Asked {
  readonly dictionary: string
  readonly atMs: number
  readonly count: number
}

export class Unpacker {
  readonly #deps: UnpackerDeps
  readonly #dictionaries: Dictionaries
  /** By stream: the highest sequence number taken over. As many as the store remembers, and those that were quiet longest come first. */
  readonly #marks: Map<string, number>
  /** By stream: in order. */
  readonly #held = new Map<string, Held[]>()
  #heldBytes = 0
  /** By stream. */
  readonly #asked = new Map<string, Asked>()
  readonly #jobs = new Fifo<Job>()
  #busy = false

  constructor(marks: readonly Unpacked[], deps: UnpackerDeps) {
    this.#deps = deps
    this.#dictionaries = new Dictionaries(deps)
    this.#marks = new Map(marks.map(({ stream, sequence }) => [stream, sequence]))
  }

  /** Frames that wait for a dictionary. */
  get heldCount(): number {
    let count = 0
    for (const frames of this.#held.values()) count += frames.length
    return count
  }

  /** Takes from the shelf what an earlier run has left. Before the first frame. */
  async prepare(): Promise<void> {
    const { shelf } = this.#deps
    await this.#dictionaries.prepare()
    const names = [...(await shelf.names())].sort()
    for (const name of names) {
      const bytes = name.endsWith('.frame') ? await shelf.read(name) : null
      if (bytes === null) continue
      try {
        this.#noteHeld(frameHeader(bytes), { name, size: bytes.length })
      } catch (error) {
        this.#giveUp(name, (error as Error).message)
        await shelf.remove(name)
      }
    }
  }

  /** `ack` hears when all that is in the frame is safe. `bytes` are the unpacker's from now on. */
  onFrame(bytes: Buffer, topic: string, publish: Publish, ack: Waiter): void {
    this.#jobs.push({ bytes, topic, publish, ack })
    if (!this.#busy) void this.#work()
  }

  /** The connection is gone: what is not being taken yet comes again. */
  detach(): void {
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) job.ack.refused('store-full')
  }

  async #work(): Promise<void> {
    this.#busy = true
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      const refusal = await this.#take(job)
      if (refusal === null) job.ack.durable()
      else {
        job.ack.refused(refusal)
        for (let later = this.#jobs.shift(); later !== undefined; later = this.#jobs.shift()) later.ack.refused(refusal) // rule 2
      }
    }
    this.#busy = false
  }

  async #take(job: Job): Promise<Refusal | null> {
    try {
      const header = frameHeader(job.bytes)
      const stream = header.stream.toString('hex')
      const decoded = await this.#dictionaries.decode(job.bytes)
      if (header.lastSequence <= this.#mark(stream)) {
        this.#deps.counters.droppedUnpackedTwice += header.count
        return null
      }
      if (decoded.part !== null) this.#isComing(stream)
      const refusal = await this.#release(stream, job, decoded.needs === null && (this.#asked.get(stream)?.count ?? 0) >= ASKS_MAX)
      if (refusal !== null) return refusal
      if (this.#held.has(stream)) return await this.#hold(header, job.bytes) // it may need nothing but those
      const now = decoded.needs === null ? decoded : await this.#dictionaries.decode(job.bytes)
      if (now.needs === null) return await this.#publish(now, stream, job.publish)
      this.#ask(stream, job.topic, now.needs)
      return await this.#hold(header, job.bytes)
    } catch (error) {
      if (!(error instanceof FrameError)) return this.#onTrouble(error as Error)
      this.#deps.counters.droppedBadFrames++
      this.#deps.log.warn({ topic: job.topic, bytes: job.bytes.length, why: error.message }, 'a frame cannot be read: it is given up')
      return null
    }
  }

  /** The shelf does not take or give files: nothing is acknowledged that is not safe. */
  #onTrouble(error: Error): Refusal {
    this.#deps.log.warn({ why: error.message }, 'what belongs to frames cannot be kept on disk')
    return 'disk-full'
  }

  #mark(stream: string): number {
    return this.#marks.get(stream) ?? -1
  }

  #remember(stream: string, sequence: number): void {
    this.#marks.delete(stream)
    this.#marks.set(stream, sequence)
    if (this.#marks.size > STREAMS_MAX) this.#marks.delete(this.#marks.keys().next().value!)
  }

  /** Publishes what is new of a frame, and waits until it is safe. */
  #publish(frame: DecodedFrame, stream: string, publish: Publish): Promise<Refusal | null> {
    const { clock, counters, journal } = this.#deps
    const mark = this.#mark(stream)
    const nowMs = clock.now()
    return new Promise((resolve) => {
      const all = new AllOf((refusal) => {
        if (refusal === null) this.#remember(stream, Math.max(mark, frame.lastSequence)) // one that waited may be older than what came since
        resolve(refusal)
      })
      for (const message of frame.messages) {
        if (message.sequence <= mark) {
          counters.droppedUnpackedTwice++
          continue
        }
        if (!isPublishable(message.topic)) {
          counters.droppedBadFrames++
          continue
        }
        counters.messagesUnpacked++
        if (!publish(toMessage(message, nowMs), all.expect(), true)) all.durable()
      }
      // In the same turn as the messages: the same batch.
      journal.change({ kind: 'unpacked', stream, sequence: frame.lastSequence }, false)
      journal.waitDurable(all.expect())
      all.complete()
    })
  }

  // ---- frames that wait for their dictionary

  #noteHeld({ stream }: FrameHeader, held: Held): void {
    const name = stream.toString('hex')
    const frames = this.#held.get(name)
    if (frames === undefined) this.#held.set(name, [held])
    else frames.push(held)
    this.#heldBytes += held.size
  }

  async #hold(header: FrameHeader, bytes: Buffer): Promise<Refusal | null> {
    if (this.#heldBytes + bytes.length > HELD_BYTES_MAX) return 'store-full'
    const number = (sequence: number): string => String(sequence).padStart(14, '0')
    const name = `${header.stream.toString('hex')}-${number(header.firstSequence)}-${number(header.lastSequence)}.frame`
    await this.#deps.shelf.write(name, bytes)
    if (this.#held.get(header.stream.toString('hex'))?.some((h) => h.name === name) !== true) this.#noteHeld(header, { name, size: bytes.length })
    return null
  }

  /** Publishes what has waited, as far as its dictionaries are there; `givesUp`: the others go. Answers why it could not be kept, or null. */
  async #release(stream: string, { topic, publish }: Job, givesUp: boolean): Promise<Refusal | null> {
    for (let held = this.#held.get(stream)?.[0]; held !== undefined; held = this.#held.get(stream)?.[0]) {
      const bytes = await this.#deps.shelf.read(held.name)
      const decoded = bytes === null ? null : await this.#decodeHeld(bytes, held.name)
      if (decoded !== null) {
        if (decoded.needs !== null && !givesUp) {
          this.#ask(stream, topic, decoded.needs)
          return null
        }
        const refusal = decoded.needs === null ? await this.#publish(decoded, stream, publish) : this.#giveUp(held.name, `nobody has its dictionary ${decoded.needs} any more`)
        if (refusal !== null) return refusal
      }
      if (bytes !== null) await this.#deps.shelf.remove(held.name)
      const rest = this.#held.get(stream)!.slice(1)
      if (rest.length === 0) this.#held.delete(stream)
      else this.#held.set(stream, rest)
      this.#heldBytes -= held.size
    }
    this.#asked.delete(stream)
    return null
  }

  /** null when it is damaged, which is counted: what comes after it need not wait. */
  async #decodeHeld(bytes: Buffer, name: string): Promise<DecodedFrame | FrameNeeds | null> {
    try {
      return await this.#dictionaries.decode(bytes)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      return this.#giveUp(name, error.message)
    }
  }

  #giveUp(name: string, why: string): null {
    this.#deps.counters.droppedBadFrames++
    this.#deps.log.warn({ name, why }, 'a frame that waited cannot be read: it is given up')
    return null
  }

  /** What was asked for is on its way, in parts. */
  #isComing(stream: string): void {
    const last = this.#asked.get(stream)
    if (last !== undefined) this.#asked.set(stream, { ...last, atMs: this.#deps.clock.now(), count: 0 })
  }

  #ask(stream: string, topic: string, dictionary: string): void {
    const atMs = this.#deps.clock.now()
    const last = this.#asked.get(stream)
    if (last !== undefined && atMs - last.atMs < Math.min(ASK_AGAIN_MS_MAX, ASK_AGAIN_MS * 2 ** (last.count - 1))) return
    this.#asked.set(stream, { dictionary, atMs, count: last?.dictionary === dictionary ? last.count + 1 : 1 })
    this.#deps.ask(topic, dictionary)
  }
}

function isPublishable(topic: string): boolean {
  return topic !== '' && !/[+#\0]/.test(topic) && !topic.startsWith('$')
}

function toMessage(m: FrameMessage, nowMs: number): Message {
  const properties = m.properties === null ? null : Buffer.from(m.properties)
  return makeMessage(m.topic, Buffer.from(m.payload), {
    qos: m.qos,
    retain: m.retain,
    properties,
    expiresAtMs: m.expiresAfterSec === null ? Infinity : nowMs + m.expiresAfterSec * 1000,
  })
}
