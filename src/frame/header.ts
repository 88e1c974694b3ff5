// What stands before the bits of a frame; FRAME.md draws it.
import { type Blob, readBlob, writeBlob } from './blob.ts'
import { FrameError } from './error.ts'
import { SEQUENCE_MAX, STREAM_BYTES } from './message.ts'
import { ByteReader, ByteWriter } from './varint.ts'

export const VERSION = 1
/** Bits of the first byte; the version is above them. */
const NAMES = 1
const BRINGS = 2
const TEXTS = 4
const PART = 8

export const COUNT_MAX = 16384
/** A check of the head, behind the last message. */
export const CHECK_BYTES = 2

/** What can be read without decoding. */
export interface FrameHeader {
  readonly version: number
  /** STREAM_BYTES bytes. */
  readonly stream: Buffer
  readonly firstSequence: number
  readonly lastSequence: number
  readonly count: number
  /** The dictionary that is needed to decode it, 8 hex digits; null: none. */
  readonly dictionary: string | null
}

/** A piece of a dictionary on its way to a receiver that has lost it. */
export interface DictionaryPart {
  /** The dictionary's name. */
  readonly name: string
  /** How large it is when it is whole, and where this piece belongs. */
  readonly size: number
  readonly offset: number
  readonly bytes: Uint8Array
}

export interface Head extends FrameHeader {
  /** The state after the last message is a dictionary for the frames to come. */
  readonly brings: boolean
  readonly part: DictionaryPart | null
  readonly blob: Blob | null
}

export function writeHead(head: Head): Uint8Array {
  const to = new ByteWriter(64)
  const { dictionary, part, blob } = head
  to.number(0) // room for the first byte
  to.raw(head.stream)
  if (dictionary !== null) to.raw(Buffer.from(dictionary, 'hex'))
  to.number(head.firstSequence)
  to.number(head.count - 1)
  to.number(head.lastSequence - head.firstSequence - (head.count - 1))
  if (part !== null) {
    to.raw(Buffer.from(part.name, 'hex'))
    to.number(part.size)
    to.number(part.offset)
    to.bytes(part.bytes)
  }
  if (blob !== null) writeBlob(to, blob)
  const bytes = to.written
  bytes[0] = VERSION * 16 + (dictionary === null ? 0 : NAMES) + (head.brings ? BRINGS : 0) + (blob === null ? 0 : TEXTS) + (part === null ? 0 : PART)
  return bytes
}

/** The head, and where it ends. Throws FrameError. */
export function readHead(bytes: Uint8Array): { head: Head; end: number } {
  if (bytes.length === 0) throw new FrameError('the frame is empty')
  const version = bytes[0]! >> 4
  if (version !== VERSION) throw new FrameError(version === 0 || version > 8 ? 'this is no frame' : `the frame has version ${version}, and this decoder knows ${VERSION}`)
  const flags = bytes[0]! & 15
  const from = new ByteReader(bytes, 1)
  const stream = Buffer.from(from.raw(STREAM_BYTES))
  const dictionary = (flags & NAMES) === 0 ? null : hex(from.raw(4))
  const firstSequence = from.number()
  const count = from.number() + 1
  const lastSequence = firstSequence + count - 1 + from.number()
  if (count > COUNT_MAX) throw new FrameError(`the frame has ${count} messages`)
  if (lastSequence > SEQUENCE_MAX) throw new FrameError('the frame has a sequence number out of bounds')
  const part = (flags & PART) === 0 ? null : { name: hex(from.raw(4)), size: from.number(), offset: from.number(), bytes: from.bytes() }
  const blob = (flags & TEXTS) === 0 ? null : readBlob(from)
  return { head: { version, stream, firstSequence, lastSequence, count, dictionary, brings: (flags & BRINGS) !== 0, part, blob }, end: from.at }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
