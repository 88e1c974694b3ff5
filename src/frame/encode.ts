// Messages → frames.
import { zstdCompressSync } from 'node:zlib'
import { Dictionary } from './dictionary.ts'
import type { FrameMessage } from './message.ts'

export interface FrameEncoderOptions {
  /** What one dictionary may take, which is what a receiver has to keep for each stream. */
  readonly dictionaryBytesMax?: number
}

export interface EncodedFrame {
  readonly frame: Buffer
  /** How many of the messages are in it, from the first on; at least 1. */
  readonly count: number
  /** It names no dictionary: whoever gets it can decode it. */
  readonly carries: boolean
  /** Who has this frame has this dictionary too: the argument for `delivered()`. Null when the frame brings none that is new. */
  readonly dictionary: string | null
}

/**
 * The sender's end of one stream. Frames must reach the wire in the order they were made: a frame may name a dictionary that an earlier one,
 * of which nothing is known yet, carries. A frame that was made and will not be sent: `forgetUndelivered()`.
 */
export class FrameEncoder {
  readonly #stream: Buffer
  #delivered = false

  /** `stream`: STREAM_BYTES bytes. */
  constructor(stream: Uint8Array, _options: FrameEncoderOptions = {}) {
    this.#stream = Buffer.from(stream)
  }

  /** As it was when `export()` gave `state`. A state that cannot be read is as none: the next frame carries its dictionary. */
  static restore(stream: Uint8Array, state: Uint8Array, options: FrameEncoderOptions = {}): FrameEncoder {
    const encoder = new FrameEncoder(stream, options)
    encoder.#delivered = state.length > 0
    return encoder
  }

  /**
   * One frame with as many of `messages` (from the first on, ascending in sequence) as fit into `bytesMax` and a frame's own bounds; null when
   * even the first alone does not fit. Throws FrameError for a message that no frame can hold (see FrameMessage).
   */
  encode(messages: readonly FrameMessage[], bytesMax: number): EncodedFrame | null {
    let count = Math.min(messages.length, 10_000)
    for (; count > 0; count = Math.floor(count * 0.9)) {
      const rows = messages.slice(0, count).map((m) => ({ ...m, payload: Buffer.from(m.payload).toString('base64'), properties: m.properties && Buffer.from(m.properties).toString('base64') }))
      const text = Buffer.from(JSON.stringify(rows))
      const size = Buffer.alloc(4)
      size.writeUInt32BE(text.length)
      const frame = Buffer.concat([Buffer.from([0x10]), this.#stream, size, zstdCompressSync(text)])
      if (frame.length <= bytesMax) return { frame, count, carries: !this.#delivered, dictionary: Dictionary.parse(this.#stream).name }
    }
    return null
  }

  /** The receiver surely has it, so later frames only name it. True: `export()` gives something new, worth keeping. */
  delivered(_dictionary: string): boolean {
    const fresh = !this.#delivered
    this.#delivered = true
    return fresh
  }

  /** The receiver asks for a dictionary, or (without argument) may have lost all: the next frame carries one again. */
  receiverLost(_dictionary?: string): void {
    this.#delivered = false
  }

  /** Frames that were made and not delivered will not be sent: what they would have brought is not built on. */
  forgetUndelivered(): void {}

  /** For `restore()`: what is delivered, and the dictionaries that a receiver may still ask for. */
  export(): Buffer {
    return Buffer.from(this.#delivered ? [1] : [])
  }
}
