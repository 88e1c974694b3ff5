// Frames → messages. Whoever sent the bytes may be wrong or mean harm: every count is checked before anything is made of it.
import { zstdDecompressSync } from 'node:zlib'
import { Dictionary } from './dictionary.ts'
import { FrameError } from './error.ts'
import type { FrameMessage } from './message.ts'

/** What can be read without decoding. */
export interface FrameHeader {
  readonly version: number
  /** STREAM_BYTES bytes. */
  readonly stream: Buffer
  readonly firstSequence: number
  readonly lastSequence: number
  readonly count: number
  /** The dictionary that is needed to decode it, 8 hex digits; null: the frame carries what it needs. */
  readonly dictionary: string | null
}

export interface DecodedFrame extends FrameHeader {
  readonly needs: null
  readonly messages: FrameMessage[]
  /** The dictionary that later frames of the stream may name from now on, to be kept; null when the frame brings none. */
  readonly brings: Dictionary | null
}

/** Keep the frame, and ask for `needs` (the payload for the topic …/need): a frame that carries it will come. */
export interface FrameNeeds extends FrameHeader {
  readonly needs: string
}

/** Throws FrameError for bytes that are no frame, or one of a later version. */
export function frameHeader(bytes: Uint8Array): FrameHeader {
  return headerOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
}

/** `dictionaries`: those that are known, by name. Throws FrameError, and nothing else. */
export function decodeFrame(bytes: Uint8Array, _dictionaries: ReadonlyMap<string, Dictionary> = new Map()): DecodedFrame | FrameNeeds {
  const header = frameHeader(bytes)
  const rows = rowsOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  const messages = rows.map((m) => ({
    ...m,
    payload: Buffer.from(m.payload as unknown as string, 'base64'),
    properties: m.properties === null ? null : Buffer.from(m.properties as unknown as string, 'base64'),
  }))
  return { ...header, needs: null, messages, brings: Dictionary.parse(header.stream) }
}

function rowsOf(bytes: Buffer): FrameMessage[] {
  if (bytes.length < 11 || bytes[0] !== 0x10) throw new FrameError('no frame')
  try {
    return JSON.parse(zstdDecompressSync(bytes.subarray(11), { maxOutputLength: 1 << 24 }).toString()) as FrameMessage[]
  } catch (error) {
    throw new FrameError('the frame is damaged', { cause: error })
  }
}

function headerOf(bytes: Buffer): FrameHeader {
  const rows = rowsOf(bytes)
  return { version: 1, stream: bytes.subarray(1, 7), firstSequence: rows[0]!.sequence, lastSequence: rows.at(-1)!.sequence, count: rows.length, dictionary: null }
}

/** Decodes frames as they come, and remembers the dictionaries they bring: of all streams the last ones used, up to a bound. */
export class FrameDecoder {
  readonly #dictionaries = new Map<string, Dictionary>()
  readonly #dictionariesMax: number

  constructor({ dictionariesMax = 256 }: { readonly dictionariesMax?: number } = {}) {
    this.#dictionariesMax = dictionariesMax
  }

  /** Throws FrameError, and nothing else. */
  decode(bytes: Uint8Array): DecodedFrame | FrameNeeds {
    const decoded = decodeFrame(bytes, this.#dictionaries)
    if (decoded.needs === null && decoded.brings !== null) this.add(decoded.brings)
    return decoded
  }

  /** One that was kept over a restart. */
  add(dictionary: Dictionary): void {
    this.#dictionaries.set(dictionary.name, dictionary)
    if (this.#dictionaries.size > this.#dictionariesMax) this.#dictionaries.delete(this.#dictionaries.keys().next().value!)
  }
}
