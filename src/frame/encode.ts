// Messages → frames: the sender's end of a stream.
//
// Each frame builds on the dictionary that the one before it has brought, and brings the next. Frames reach their receiver in order, so that
// nothing has to be known of one that is still on its way. What is always true
//   1. A frame names a dictionary that the receiver has, or has once it has the frames made before; or it names none.
//   2. Dictionaries that were named are remembered, up to a bound: a receiver that has lost one may ask for it.
import { ArithmeticEncoder } from './arithmetic.ts'
import { packBlob } from './blob.ts'
import { Body, type Plan } from './body.ts'
import { checksum } from './checksum.ts'
import { contentsOf, Dictionary, DICTIONARY_BYTES_MAX } from './dictionary.ts'
import { FrameError } from './error.ts'
import { CHECK_BYTES, COUNT_MAX, type DictionaryPart, VERSION, writeHead } from './header.ts'
import { bytesOf, type FrameMessage, OUTPUT_BYTES_MAX, problemOf, STREAM_BYTES } from './message.ts'
import { type Packed, packed, partOf } from './part.ts'
import { Planner, type Text, textOf } from './planner.ts'
import { Remembered } from './remembered.ts'
import { State } from './state.ts'

export interface FrameEncoderOptions {
  /** What one dictionary may take, and a receiver has to keep for the stream; a larger one is given up, and the stream begins anew. */
  readonly dictionaryBytesMax?: number
  /** What the dictionaries take that are remembered in case they are asked for. */
  readonly rememberedBytesMax?: number
}

export interface EncodedFrame {
  readonly frame: Buffer
  /** How many of the messages are in it, from the first on; at least 1. */
  readonly count: number
  /** It names no dictionary: whoever gets it can decode it. */
  readonly carries: boolean
  /** Who has this frame has this dictionary too: the argument for `delivered()`. Null when the frame brings none. */
  readonly dictionary: string | null
}

const DICTIONARY_BYTES = 256 * 1024
const REMEMBERED_BYTES_MAX = 2 * 1024 * 1024
const REMEMBERED_MAX = 64
/** A dictionary has them too. */
const NAME_AND_SUM_BYTES = 16
/** How far a frame may go back: to what was delivered, or to what is kept on flash. */
const BACK_MAX = 32
/** What is delivered is worth keeping again when so many have been brought since what is kept. */
const EXPORT_AFTER = 16
/** To find how many messages fit; it takes two, but for long texts. */
const TRIES_MAX = 8
/** It is full enough. */
const FULL = 0.97
const ASKED_MAX = 8
/** Of a frame, at most so much is for a dictionary that was asked for. */
const PART_SHARE = 0.5
/** Topics whose last text is remembered, when it is not longer. */
const SEEN_MAX = 1024
const SEEN_BYTES_MAX = 1024

interface Tried {
  /** Null: too large. */
  readonly frame: Buffer | null
  /** How many messages seem to fit. */
  readonly guess: number
  readonly brings: Dictionary | null
}

interface Brought {
  readonly name: string
  /** How many had been brought with it. */
  readonly at: number
}

interface Filled {
  readonly frame: Buffer
  readonly count: number
  readonly brings: Dictionary | null
}

/**
 * Frames must reach the wire in the order they were made. When one was made and will not be sent, or has to be made again because it may not have
 * arrived: `forgetUndelivered()`.
 */
export class FrameEncoder {
  readonly #stream: Buffer
  readonly #dictionaryBytesMax: number
  /** What the next frame builds on; null: nothing. */
  #base: Dictionary | null = null
  #delivered: Dictionary | null = null
  readonly #remembered: Remembered
  /** Dictionaries that were asked for, and how much of the first has gone. */
  readonly #asked: Packed[] = []
  #askedAt = 0
  /** The frame that is being made may bring a dictionary. */
  #mayBring = true
  /** Dictionaries that frames on their way bring, the oldest first. */
  #made: Brought[] = []
  #brought = 0
  /** How many had been brought when what is delivered was brought, or named again: from there on a receiver counts. */
  #deliveredAt = 0
  /** The same of what `export()` gave last, and of what is on flash; null: nothing. */
  #exported: Brought | null = null
  #kept: Brought | null = null
  /** Of topics the last text, for the planner: which words vary, and which topics come again. */
  readonly #seen = new Map<string, Text>()

  /** `stream`: STREAM_BYTES bytes. */
  constructor(stream: Uint8Array, { dictionaryBytesMax = DICTIONARY_BYTES, rememberedBytesMax = REMEMBERED_BYTES_MAX }: FrameEncoderOptions = {}) {
    if (stream.length !== STREAM_BYTES) throw new FrameError(`a stream has ${STREAM_BYTES} bytes, not ${stream.length}`)
    this.#stream = Buffer.from(stream)
    this.#dictionaryBytesMax = Math.min(dictionaryBytesMax, DICTIONARY_BYTES_MAX - NAME_AND_SUM_BYTES)
    this.#remembered = new Remembered(rememberedBytesMax, REMEMBERED_MAX)
  }

  /** As it was when `export()` gave `state`. One that cannot be read is as none: the next frame builds on nothing. */
  static restore(stream: Uint8Array, state: Uint8Array, options: FrameEncoderOptions = {}): FrameEncoder {
    const encoder = new FrameEncoder(stream, options)
    if (state.length === 0) return encoder
    try {
      encoder.#delivered = Dictionary.parse(Buffer.from(state))
    } catch (error) {
      if (error instanceof FrameError) return encoder
      throw error
    }
    encoder.#base = encoder.#delivered
    encoder.#kept = { name: encoder.#delivered.name, at: 0 }
    encoder.#remembered.add(encoder.#delivered)
    return encoder
  }

  /**
   * One frame with as many of `messages` (from the first on, ascending in sequence) as fit into `bytesMax` and a frame's own bounds; null when
   * even the first alone does not fit. `nowMs`: the time from which the messages' expiry counts, on the clock of their times; without it they
   * take a little more room. Throws FrameError when there is none, or the first is one that no frame can hold (see FrameMessage); a later one ends
   * the frame.
   */
  encode(messages: readonly FrameMessage[], bytesMax: number, nowMs: number | null = null): EncodedFrame | null {
    return this.#encode(messages, bytesMax, nowMs, true)
  }

  /**
   * The same, of messages that were in a frame that may have arrived: its receiver passes over one of the two. So it builds on what is delivered,
   * and nothing builds on it. Frames that were made and not delivered will be made again, or not at all.
   */
  encodeAgain(messages: readonly FrameMessage[], bytesMax: number, nowMs: number | null = null): EncodedFrame | null {
    this.forgetUndelivered()
    return this.#encode(messages, bytesMax, nowMs, false)
  }

  #encode(messages: readonly FrameMessage[], bytesMax: number, nowMs: number | null, isNew: boolean): EncodedFrame | null {
    if (messages.length === 0) throw new FrameError('a frame has one message at least')
    this.#mayBring = isNew && this.#brought - this.#backAt < BACK_MAX
    const part = this.#part(bytesMax)
    const withPart = part === null ? null : this.#fill(messages, bytesMax, nowMs, part)
    const found = withPart ?? this.#fill(messages, bytesMax, nowMs, null)
    if (found === null) return null
    if (withPart !== null) this.#partSent(part!)
    const carries = this.#base === null
    if (this.#base !== null) this.#remembered.add(this.#base) // it was named last, however long ago it was brought
    if (found.brings !== null) this.#remember(found.brings)
    if (this.#mayBring) this.#base = found.brings
    this.#see(messages.slice(0, found.count))
    return { frame: found.frame, count: found.count, carries, dictionary: found.brings?.name ?? null }
  }

  /** As many messages as fit. */
  #fill(messages: readonly FrameMessage[], bytesMax: number, nowMs: number | null, part: DictionaryPart | null): Filled | null {
    let found: Filled | null = null
    let unfit = possible(messages) + 1
    let next = unfit - 1
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const { frame, guess, brings } = this.#try(messages.slice(0, next), bytesMax, nowMs, part)
      if (frame === null) unfit = next
      else found = { frame, count: next, brings }
      const fit = found?.count ?? 0
      if (unfit - fit <= 1 || (frame !== null && frame.length >= bytesMax * FULL)) break
      next = Math.min(Math.max(guess, fit + 1), unfit - 1)
    }
    return found
  }

  #try(messages: readonly FrameMessage[], bytesMax: number, nowMs: number | null, part: DictionaryPart | null): Tried {
    const state = this.#base?.state() ?? new State()
    const { history } = state
    const count = messages.length
    const firstSequence = messages[0]!.sequence
    const lastSequence = messages.at(-1)!.sequence
    const fields = { version: VERSION, stream: this.#stream, firstSequence, lastSequence, count, dictionary: this.#base?.name ?? null, part }
    const room = bytesMax - writeHead({ ...fields, brings: true, blob: null }).length
    const coder = new ArithmeticEncoder()
    const body = new Body(coder, state, firstSequence, new Uint8Array(0), nowMs ?? messages.at(-1)!.timeMs)
    const planner = new Planner(state, messages, this.#seen)
    for (let i = 0; i < count; i++) {
      if (!isCoded(body, planner.plan(i)) || coder.length + CHECK_BYTES > room || coder.isFull) return { frame: null, guess: i, brings: null }
    }
    const blob = body.texts.length === 0 ? null : packBlob(Buffer.concat(body.texts), history)
    body.settle()
    const contents = contentsOf(state)
    const brings = this.#mayBring && contents.length <= this.#dictionaryBytesMax
    const head = writeHead({ ...fields, brings, blob })
    body.check(checksum(head))
    const frame = Buffer.concat([head, coder.finish()])
    const guess = Math.floor((count * bytesMax) / frame.length)
    return { frame: frame.length <= bytesMax ? frame : null, guess, brings: brings ? Dictionary.after(frame, contents) : null }
  }

  /** The receiver has the frame that brought this dictionary. */
  delivered(dictionary: string): void {
    const known = this.#remembered.get(dictionary)
    const index = this.#made.findIndex(({ name }) => name === dictionary)
    if (known === undefined || index < 0) return
    this.#deliveredAt = this.#made[index]!.at
    this.#made = this.#made.slice(index + 1)
    this.#delivered = known
  }

  /** Where the receiver counts from of what a frame may have to go back to. */
  get #backAt(): number {
    return Math.min(this.#deliveredAt, this.#kept?.at ?? this.#deliveredAt)
  }

  /** `export()` is worth keeping again. */
  get isExportDue(): boolean {
    if (this.#delivered === null || this.#delivered.name === this.#kept?.name) return false
    return this.#kept === null || this.#deliveredAt - this.#kept.at >= EXPORT_AFTER || this.#brought - this.#kept.at >= BACK_MAX
  }

  /** What is delivered, for `restore()`. To be kept, and then `exportKept()`. */
  export(): Buffer {
    this.#exported = this.#delivered === null ? null : { name: this.#delivered.name, at: this.#deliveredAt }
    return Buffer.from(this.#delivered?.bytes ?? [])
  }

  /** What `export()` gave last is what `restore()` will be given. */
  exportKept(): void {
    this.#kept = this.#exported
  }

  /**
   * The receiver asks for a dictionary: it goes with the next frames, in parts when it has to. Without a name, or when it is not remembered any
   * more: the next frame builds on nothing, so that the receiver can go on from there.
   */
  receiverLost(dictionary?: string): void {
    if (this.#asked.some(({ name }) => name === dictionary)) return // it is on its way
    const known = dictionary === undefined ? undefined : this.#remembered.get(dictionary)
    if (known === undefined) {
      this.#base = null
      this.#delivered = null
      this.#made = []
      this.#deliveredAt = this.#brought
      this.#kept = this.#exported = null // after a crash it is asked for, and known
    } else if (this.#asked.length < ASKED_MAX) this.#asked.push(packed(known))
  }

  /** Frames that were made and not delivered will be made again, or not at all: the next one builds on what is delivered. */
  forgetUndelivered(): void {
    this.#base = this.#delivered
    // The next frame names it, so the receiver counts from there.
    this.#deliveredAt = this.#brought
    if (this.#delivered !== null && this.#kept?.name === this.#delivered.name) this.#kept = { ...this.#kept, at: this.#brought }
    if (this.#made.length > 0) this.#askedAt = 0 // what has arrived of a dictionary need not go again
    this.#made = []
  }

  #remember(dictionary: Dictionary): void {
    this.#remembered.add(dictionary)
    this.#made.push({ name: dictionary.name, at: ++this.#brought })
  }

  /** The last text of each topic. */
  #see(messages: readonly FrameMessage[]): void {
    const done = new Set<string>()
    for (const message of messages.toReversed()) {
      const { topic } = message
      if (done.has(topic)) continue
      done.add(topic)
      this.#seen.delete(topic)
      if (bytesOf(message) <= SEEN_BYTES_MAX) this.#seen.set(topic, textOf(message))
    }
    for (const topic of this.#seen.keys()) {
      if (this.#seen.size <= SEEN_MAX) return
      this.#seen.delete(topic)
    }
  }

  /** What goes next of a dictionary that was asked for; null: nothing. */
  #part(bytesMax: number): DictionaryPart | null {
    const asked = this.#asked[0]
    return asked === undefined ? null : partOf(asked, this.#askedAt, Math.floor(bytesMax * PART_SHARE))
  }

  #partSent({ offset, size, bytes }: DictionaryPart): void {
    this.#askedAt = offset + bytes.length
    if (this.#askedAt < size) return
    this.#asked.shift()
    this.#askedAt = 0
  }
}

/** False for a message that would be beyond a bound of the state. */
function isCoded(body: Body, plan: Plan): boolean {
  try {
    body.message(plan)
    return true
  } catch (error) {
    if (error instanceof FrameError) return false
    throw error
  }
}

/** How many of the messages, from the first on, one frame may have. */
function possible(messages: readonly FrameMessage[]): number {
  let bytes = 0
  for (const [i, message] of messages.entries()) {
    const problem = problemOf(message, messages[i - 1] ?? null)
    if (problem !== null && i === 0) throw new FrameError(`a message cannot be in a frame: ${problem}`)
    bytes += bytesOf(message)
    if (problem !== null || i === COUNT_MAX || bytes > OUTPUT_BYTES_MAX) return i
  }
  return messages.length
}
