// What a modem says on its serial line, taken apart: lines of text, and blocks of bytes where one is awaited. Pure: bytes in, calls out.
//
//   verbose   CR LF text CR LF … CR LF OK CR LF
//   numeric   text CR LF … 0 CR                    (V0: a modem that was not set up yet)
//   echoed    AT+CSQ CR                            (E1: the same, or one that has started anew)
//   block     length, high byte first; bytes; their sum modulo 65,536, high byte first     (AT+SBDRB)
//
// What is always true: empty lines are nothing, a line has no CR and no LF, and no more than a block's largest size is held. A length that no
// block can have is text: every printable character, CR and LF are more than its first byte may be.

/** The longest line that means anything is an echo: a command line has 128 characters. */
const LINE_BYTES_MAX = 256
/** The largest message of any modem of this kind, either way. */
export const BLOCK_BYTES_MAX = 1960
const CR = 0x0d
const LF = 0x0a

export interface AtEvents {
  line(text: string): void
  /** `bytes` are the receiver's to keep. */
  block(bytes: Buffer): void
  /** The block's sum is not that of its bytes. */
  blockDamaged(): void
}

export class AtParser {
  readonly #events: AtEvents
  #line: number[] = []
  #isTooLong = false
  /** A block is awaited, and so many bytes of it are here. */
  #awaitsBlock = false
  readonly #block = Buffer.alloc(2 + BLOCK_BYTES_MAX + 2)
  #blockFill = 0

  constructor(events: AtEvents) {
    this.#events = events
  }

  /** A block comes next; text before it is still told as lines. */
  awaitBlock(): void {
    this.#awaitsBlock = true
    this.#blockFill = 0
  }

  /** What has come so far was nothing. */
  reset(): void {
    this.#awaitsBlock = false
    this.#endLine(false)
  }

  push(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.#awaitsBlock && (this.#blockFill > 0 || (this.#line.length === 0 && !this.#isTooLong))) this.#onBlockByte(byte)
      else this.#onLineByte(byte)
    }
  }

  #onBlockByte(byte: number): void {
    const block = this.#block
    block[this.#blockFill++] = byte
    if (this.#blockFill < 2) return
    const length = block.readUInt16BE(0)
    if (length > BLOCK_BYTES_MAX) {
      this.#blockFill = 0
      this.#onLineByte(block[0]!)
      // The second byte begins a block if the first ended a line.
      this.push(block.subarray(1, 2))
      return
    }
    if (this.#blockFill < length + 4) return
    this.#awaitsBlock = false
    this.#blockFill = 0
    const bytes = block.subarray(2, 2 + length)
    if (block.readUInt16BE(2 + length) === checksum(bytes)) this.#events.block(Buffer.from(bytes))
    else this.#events.blockDamaged()
  }

  #onLineByte(byte: number): void {
    if (byte === CR || byte === LF) this.#endLine(true)
    else if (this.#line.length < LINE_BYTES_MAX) this.#line.push(byte)
    else this.#isTooLong = true
  }

  #endLine(tell: boolean): void {
    const bytes = this.#line
    const isTooLong = this.#isTooLong
    this.#line = []
    this.#isTooLong = false
    if (tell && bytes.length > 0) this.#events.line(isTooLong ? '' : Buffer.from(bytes).toString('latin1').trim())
  }
}

/** The sum that goes with a message, both ways: the low 16 bits of the sum of its bytes. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) sum += byte
  return sum & 0xffff
}
