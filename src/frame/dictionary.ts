// What a receiver of a stream knows before a frame comes: topics, shapes of payloads, what columns are like.
import { crc32 } from 'node:zlib'

/** Immutable. `name` is 8 hex digits: the CRC-32 of `bytes`, which is all of it, to be kept over restarts. */
export class Dictionary {
  readonly name: string
  readonly bytes: Buffer

  private constructor(bytes: Buffer) {
    this.bytes = bytes
    this.name = crc32(bytes).toString(16).padStart(8, '0')
  }

  /** Throws FrameError when the bytes are no dictionary. */
  static parse(bytes: Uint8Array): Dictionary {
    return new Dictionary(Buffer.from(bytes))
  }
}
