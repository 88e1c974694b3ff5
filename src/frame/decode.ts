// Frames → messages. Whoever sent the bytes may be wrong or mean harm: every count is checked before anything is made of it.
import { ArithmeticDecoder } from './arithmetic.ts'
import { unpackBlob } from './blob.ts'
import { Body } from './body.ts'
import { checksum } from './checksum.ts'
import { contentsOf, Dictionary } from './dictionary.ts'
import { FrameError } from './error.ts'
import { type DictionaryPart, type FrameHeader, type Head, readHead } from './header.ts'
import { type FrameMessage, OUTPUT_BYTES_MAX } from './message.ts'
import { Parts } from './part.ts'
import { Remembered } from './remembered.ts'
import { State } from './state.ts'

export interface DecodedFrame extends FrameHeader {
  readonly needs: null
  readonly messages: readonly FrameMessage[]
  /** Dictionaries that later frames of the stream (and earlier ones that were kept) may name, to be remembered. */
  readonly brings: readonly Dictionary[]
  /** A part of a dictionary that is not whole yet. FrameDecoder puts them together. */
  readonly part: DictionaryPart | null
}

/** Keep the frame and the later ones of its stream, and ask for `needs`, 8 hex digits: a frame that carries that dictionary will come. */
export interface FrameNeeds extends FrameHeader {
  readonly needs: string
  readonly messages: readonly FrameMessage[]
  readonly brings: readonly Dictionary[]
  readonly part: DictionaryPart | null
}

const REMEMBERED_BYTES_MAX = 64 * 1024 * 1024
/** Streams that a dictionary is on its way of, in parts. */
const PARTS_MAX = 64

/** Throws FrameError for bytes that are no frame, or one of a later version. */
export function frameHeader(bytes: Uint8Array): FrameHeader {
  return fieldsOf(readHead(bytes).head)
}

/** `dictionaries`: those that are known, by name; a Map will do. Throws FrameError, and nothing else. */
export function decodeFrame(bytes: Uint8Array, dictionaries: { get(name: string): Dictionary | undefined } = new Map<string, Dictionary>()): DecodedFrame | FrameNeeds {
  const { head, end } = readHead(bytes)
  const whole = head.part === null ? null : new Parts().add(head.part)
  const brings = whole === null ? [] : [whole]
  const rest = { ...fieldsOf(head), part: whole === null ? head.part : null }
  const base = head.dictionary === null ? null : head.dictionary === whole?.name ? whole : dictionaries.get(head.dictionary)
  if (base === undefined) return { ...rest, needs: head.dictionary!, messages: [], brings }
  const state = base?.state() ?? new State()
  const messages = messagesOf(bytes, head, end, state)
  if (head.brings) brings.push(Dictionary.after(bytes, contentsOf(state)))
  return { ...rest, needs: null, messages, brings }
}

function fieldsOf({ version, stream, firstSequence, lastSequence, count, dictionary }: Head): FrameHeader {
  return { version, stream, firstSequence, lastSequence, count, dictionary }
}

function messagesOf(bytes: Uint8Array, head: Head, end: number, state: State): FrameMessage[] {
  const texts = head.blob === null ? new Uint8Array(0) : unpackBlob(head.blob, state.history, OUTPUT_BYTES_MAX)
  const coder = new ArithmeticDecoder(bytes, end)
  const body = new Body(coder, state, head.firstSequence, texts, 0)
  const messages: FrameMessage[] = []
  for (let i = 0; i < head.count; i++) messages.push(body.message(null))
  if (messages.at(-1)!.sequence !== head.lastSequence) throw new FrameError('the frame does not end with the message that it says')
  body.check(checksum(bytes.subarray(0, end)))
  if (!coder.isAtEnd) throw new FrameError('the frame does not end behind its last message')
  body.settle()
  return messages
}

/** Decodes frames as they come, of any number of streams, and remembers the dictionaries they bring. */
export class FrameDecoder {
  readonly #dictionaries: Remembered
  readonly #parts = new Map<string, Parts>()

  /** `rememberedBytesMax`: what the dictionaries take together; the oldest go first. A stream whose last one is gone asks for it again. */
  constructor({ rememberedBytesMax = REMEMBERED_BYTES_MAX }: { readonly rememberedBytesMax?: number } = {}) {
    this.#dictionaries = new Remembered(rememberedBytesMax)
  }

  /** Throws FrameError, and nothing else. */
  decode(bytes: Uint8Array): DecodedFrame | FrameNeeds {
    const decoded = decodeFrame(bytes, this.#dictionaries)
    for (const dictionary of decoded.brings) this.add(dictionary)
    const whole = decoded.part === null ? null : this.#partsOf(decoded.stream).add(decoded.part)
    if (whole === null) return decoded
    this.add(whole)
    const again = decoded.needs === whole.name ? this.decode(bytes) : decoded
    return { ...again, brings: [whole, ...again.brings] }
  }

  /** One that was kept over a restart. */
  add(dictionary: Dictionary): void {
    this.#dictionaries.add(dictionary)
  }

  #partsOf(stream: Buffer): Parts {
    const key = stream.toString('hex')
    const parts = this.#parts.get(key) ?? new Parts()
    this.#parts.delete(key)
    this.#parts.set(key, parts)
    if (this.#parts.size > PARTS_MAX) this.#parts.delete(this.#parts.keys().next().value!)
    return parts
  }
}
