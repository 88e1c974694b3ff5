// The receiver's end of streams, in memory: what is new of the frames that come, each message once, in the order of its stream. For programs that have
// no store; the gateway has one (../uplink/unpacker.ts).
//
// What is always true
//   1. A stream's messages come out in their order: while one of its frames waits for a dictionary, all later ones wait.
//   2. What waits has a bound. A frame that there is no room for changes nothing but the dictionaries: it may come again.
//   3. A dictionary is asked for when the first frame needs it, and again when so many more have come without a part of it.
import { type DecodedFrame, FrameDecoder, frameHeader, type FrameNeeds } from './decode.ts'
import type { Dictionary } from './dictionary.ts'
import { FrameError } from './error.ts'
import type { FrameMessage } from './message.ts'

export interface FrameReceiverOptions {
  /** What the dictionaries of all streams take together. */
  readonly rememberedBytesMax?: number
  /** What frames that wait for a dictionary take together. */
  readonly waitingBytesMax?: number
  /** `marks` of an earlier run: what came before is passed over. */
  readonly marks?: Iterable<readonly [stream: string, sequence: number]>
}

export interface Received {
  /** What is new: of frames that have waited, then of this one. */
  readonly messages: readonly FrameMessage[]
  /** To be published to `<topic of the frame>/need`; null: there is nothing to ask for. */
  readonly ask: string | null
  /** False: it would have to wait, and there is no room. Leave it unacknowledged, so that it comes again. */
  readonly isTaken: boolean
  /** Frames that have waited in vain: their sender does not have the dictionary any more, or they were damaged. */
  readonly framesLost: number
  /** New dictionaries: what a program keeps, and gives to `add()`, need not be asked for after a restart. */
  readonly brings: readonly Dictionary[]
}

/** The frames of a stream that wait, in order. */
interface Waiting {
  /** By their sequence numbers: one that comes again takes its own place. */
  readonly frames: Map<string, Uint8Array>
  asked: string
  asks: number
  /** Frames since then. */
  since: number
}

const WAITING_BYTES_MAX = 16 * 1024 * 1024
/** Of streams that are remembered; those that were quiet longest are forgotten first. */
const STREAMS_MAX = 4096
const ASK_AGAIN_FRAMES = 8
/** Asked for so often, and frames have come that do not need it. */
const ASKS_MAX = 8

export class FrameReceiver {
  readonly #decoder: FrameDecoder
  readonly #waitingBytesMax: number
  readonly #marks: Map<string, number>
  readonly #waiting = new Map<string, Waiting>()
  #waitingBytes = 0

  constructor({ rememberedBytesMax, waitingBytesMax = WAITING_BYTES_MAX, marks = [] }: FrameReceiverOptions = {}) {
    this.#decoder = new FrameDecoder(rememberedBytesMax === undefined ? {} : { rememberedBytesMax })
    this.#waitingBytesMax = waitingBytesMax
    this.#marks = new Map(marks)
  }

  /** By stream, 12 hex digits: the highest sequence number that came out. Kept with the messages, and given to the next run, it drops what comes twice. */
  get marks(): ReadonlyMap<string, number> {
    return this.#marks
  }

  /** A dictionary of an earlier run. */
  add(dictionary: Dictionary): void {
    this.#decoder.add(dictionary)
  }

  /** `frame` is the receiver's from now on. Throws FrameError for bytes that are no frame, or a damaged one: it would come again for ever, so acknowledge it. */
  receive(frame: Uint8Array): Received {
    const decoded = this.#decoder.decode(frame)
    const stream = decoded.stream.toString('hex')
    const brings = [...decoded.brings]
    const messages: FrameMessage[] = []
    if (decoded.needs === null && this.#isBeforeWaiting(stream, decoded)) this.#pass(stream, decoded, messages)
    const framesLost = this.#release(stream, decoded, messages, brings)
    let isTaken = true
    if (decoded.lastSequence > this.#mark(stream)) {
      const now = decoded.needs === null || this.#waiting.has(stream) ? decoded : this.#decoder.decode(frame) // what was released may have brought it
      if (now !== decoded) brings.push(...now.brings)
      if (now.needs === null && !this.#waiting.has(stream)) this.#pass(stream, now, messages)
      else isTaken = this.#wait(stream, now, frame)
    }
    return { messages, ask: this.#ask(stream, decoded), isTaken, framesLost, brings }
  }

  #mark(stream: string): number {
    return this.#marks.get(stream) ?? -1
  }

  #pass(stream: string, frame: DecodedFrame, messages: FrameMessage[]): void {
    const mark = this.#mark(stream)
    for (const message of frame.messages) if (message.sequence > mark) messages.push(message)
    this.#marks.delete(stream)
    this.#marks.set(stream, Math.max(mark, frame.lastSequence))
    if (this.#marks.size > STREAMS_MAX) this.#marks.delete(this.#marks.keys().next().value!)
  }

  // ---- frames that wait

  /** What they have waited for has come late, and with messages of its own. */
  #isBeforeWaiting(stream: string, { lastSequence }: DecodedFrame): boolean {
    const first = this.#waiting.get(stream)?.frames.values().next().value
    return first !== undefined && lastSequence < frameHeader(first).firstSequence
  }

  #wait(stream: string, { firstSequence, lastSequence }: DecodedFrame | FrameNeeds, frame: Uint8Array): boolean {
    const waiting = this.#waiting.get(stream) ?? { frames: new Map<string, Uint8Array>(), asked: '', asks: 0, since: 0 }
    const key = `${firstSequence}-${lastSequence}`
    const bytes = this.#waitingBytes + frame.length - (waiting.frames.get(key)?.length ?? 0)
    if (bytes > this.#waitingBytesMax) return false
    waiting.frames.set(key, frame)
    this.#waiting.set(stream, waiting)
    this.#waitingBytes = bytes
    return true
  }

  /** Passes on what has waited, as far as its dictionaries are there. Answers how many frames were lost. */
  #release(stream: string, come: DecodedFrame | FrameNeeds, messages: FrameMessage[], brings: Dictionary[]): number {
    const waiting = this.#waiting.get(stream)
    if (waiting === undefined) return 0
    const givesUp = come.needs === null && waiting.asks >= ASKS_MAX
    let lost = 0
    for (const [key, frame] of waiting.frames) {
      const decoded = this.#attempt(frame)
      if (decoded !== null && decoded.needs !== null && !givesUp) return lost
      if (decoded === null || decoded.needs !== null) lost++
      else {
        brings.push(...decoded.brings)
        this.#pass(stream, decoded, messages)
      }
      waiting.frames.delete(key)
      this.#waitingBytes -= frame.length
    }
    this.#waiting.delete(stream)
    return lost
  }

  /** Null: it was damaged, or made with another dictionary of that name. */
  #attempt(frame: Uint8Array): DecodedFrame | FrameNeeds | null {
    try {
      return this.#decoder.decode(frame)
    } catch (error) {
      if (error instanceof FrameError) return null
      throw error
    }
  }

  /** What the first frame that waits needs, when it is to be asked for now. */
  #ask(stream: string, come: DecodedFrame | FrameNeeds): string | null {
    const waiting = this.#waiting.get(stream)
    const first = waiting?.frames.values().next().value
    const needs = first === undefined ? null : this.#attempt(first)?.needs
    if (waiting === undefined || needs === null || needs === undefined) return null
    if (waiting.asked !== needs) Object.assign(waiting, { asked: needs, asks: 0, since: ASK_AGAIN_FRAMES })
    else if (come.part !== null) Object.assign(waiting, { asks: 1, since: 0 }) // it is on its way
    else waiting.since++
    if (waiting.since < ASK_AGAIN_FRAMES) return null
    waiting.since = 0
    waiting.asks++
    return needs
  }
}
