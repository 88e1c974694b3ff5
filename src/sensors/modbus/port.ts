// The ports that the Modbus library talks through, over lines of ours: it writes a whole RTU request and is given a whole RTU answer, with its
// checksum. How they come over the wire is here: RTU (MODBUS over Serial Line V1.02 section 2.5.1) or MBAP (MODBUS Messaging on TCP/IP V1.0b
// section 3.1).
// Rules:
// - An answer is given only while it is awaited, and only when it can be one: the same slave, function and length. Any other frame is
//   a stray: the late answer to a request that was given up, or somebody else's.
// - RTU frames are found by their checksum wherever they begin, so that noise before one costs nothing, and given as soon as they are whole.
//   Only slaves that are known can have sent one: garbage is passed over quickly.
// - An adapter that hears what it sends itself is found out by the request in front of an answer. Then the first copy of a write, which is what
//   a slave answers one with, is not taken for its answer.
// - Memory is bounded by what a frame can have.
import { EventEmitter } from 'node:events'
import { crc16Modbus } from '../serial/checksum.ts'

const EXCEPTION = 0x80
const HELD_BYTES_MAX = 520
const MBAP_BYTES = 6
/** Unit and PDU. */
const MBAP_LENGTH_MAX = 254

export interface Wire {
  readonly isOpen: boolean
  write(bytes: Uint8Array): boolean
}

/** What the library expects of a port, and what the bus does with it. */
export abstract class AnswerPort extends EventEmitter {
  /** The library's numbers of requests. There is one at a time, and late answers do not come so far: they stay 1. */
  _transactionIdRead = 1
  _transactionIdWrite = 1
  /** A frame that was not awaited came from this slave. */
  onStray: (slave: number) => void = () => {}
  /** Slaves that may be asked. */
  readonly slaves = new Set<number>()
  /** Nothing more can be made of what comes. */
  onUnreadable: () => void = () => {}
  protected readonly wire: Wire
  #request: Buffer | null = null

  constructor(wire: Wire) {
    super()
    this.wire = wire
  }

  get isOpen(): boolean {
    return this.wire.isOpen
  }

  /** Bytes of the request that waits for its answer, and of the answer, on a serial line. */
  get requestBytes(): number {
    return this.#request?.length ?? 0
  }

  get answerBytes(): number {
    return this.#request === null ? 0 : answerLength(this.#request)
  }

  /** The line is opened and closed by its owner. */
  open(callback: (error: Error | null) => void): void {
    callback(null)
  }

  close(callback: (error: Error | null) => void): void {
    callback(null)
  }

  /** An RTU request of the library's. Its answer is awaited until it comes or the request is given up. */
  write(request: Buffer): void {
    this.#request = Buffer.from(request)
    this.send(this.#request)
  }

  /** No answer is awaited any more. Whether anything had come, which was none. */
  giveUp(): boolean {
    this.#request = null
    return this.forget()
  }

  /** The line was opened anew: what came before belongs to nothing. */
  reset(): void {
    this.#request = null
    this.forget()
  }

  abstract push(chunk: Buffer): void
  protected abstract send(request: Buffer): void
  protected abstract forget(): boolean

  /** A whole frame with its checksum, on bytes of its own. */
  protected onFrame(frame: Buffer): void {
    const request = this.#request
    if (request === null || !answers(request, frame)) {
      this.onStray(frame[0]!)
      return
    }
    this.#request = null
    this.emit('data', frame)
  }
}

export class RtuPort extends AnswerPort {
  #held: Buffer = Buffer.alloc(0)
  #sent: Buffer = Buffer.alloc(0)
  /** The line gives back what is sent. */
  #echoes = false
  /** It has done so with this request. */
  #isEchoed = false

  push(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk])
    for (let at = 0; at + 5 <= this.#held.length; ) {
      const length = this.slaves.has(this.#held[at]!) ? frameLength(this.#held, at) : 0
      if (!isWhole(this.#held, at, length)) {
        at++
        continue
      }
      const frame = Buffer.from(this.#held.subarray(at, at + length))
      const before = this.#held.subarray(0, at)
      this.#held = this.#held.subarray(at + length)
      at = 0
      if (!this.#isEcho(frame, before)) this.onFrame(frame)
    }
    if (this.#held.length > HELD_BYTES_MAX) this.#held = this.#held.subarray(this.#held.length - HELD_BYTES_MAX)
  }

  protected send(request: Buffer): void {
    this.#held = Buffer.alloc(0)
    this.#sent = request
    this.#isEchoed = false
    this.wire.write(request)
  }

  override reset(): void {
    super.reset()
    this.#echoes = false // another adapter, perhaps
  }

  #isEcho(frame: Buffer, before: Buffer): boolean {
    const isCopy = frame.equals(this.#sent)
    if (!isCopy && this.#sent.length > 0 && before.subarray(-this.#sent.length).equals(this.#sent)) this.#echoes = true
    if (!this.#echoes || this.#isEchoed || !isCopy) return false
    this.#isEchoed = true
    return true
  }

  protected forget(): boolean {
    const some = this.#held.length > 0
    this.#held = Buffer.alloc(0)
    return some
  }
}

export class MbapPort extends AnswerPort {
  #held: Buffer = Buffer.alloc(0)
  #transaction = 0

  push(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk])
    while (this.#held.length >= MBAP_BYTES) {
      const length = this.#held.readUInt16BE(4)
      if (this.#held.readUInt16BE(2) !== 0 || length < 2 || length > MBAP_LENGTH_MAX) {
        // Without a length there is no way to the next frame: the connection has to go.
        this.#held = Buffer.alloc(0)
        this.onUnreadable()
        return
      }
      if (this.#held.length < MBAP_BYTES + length) return
      const transaction = this.#held.readUInt16BE(0)
      const adu = withChecksum(this.#held.subarray(MBAP_BYTES, MBAP_BYTES + length))
      this.#held = this.#held.subarray(MBAP_BYTES + length)
      if (transaction === this.#transaction) this.onFrame(adu)
      else this.onStray(adu[0]!)
    }
  }

  protected send(request: Buffer): void {
    this.#transaction = (this.#transaction + 1) & 0xffff
    const frame = Buffer.alloc(MBAP_BYTES + request.length - 2)
    frame.writeUInt16BE(this.#transaction, 0)
    frame.writeUInt16BE(request.length - 2, 4)
    request.copy(frame, MBAP_BYTES, 0, request.length - 2)
    this.wire.write(frame)
  }

  /** The rest of a frame that has begun is still to come: it belongs to the connection, not to the request. */
  protected forget(): boolean {
    return false
  }

  override reset(): void {
    super.reset()
    this.#held = Buffer.alloc(0)
  }
}

/** Whether `frame` can be what this request is answered with. */
function answers(request: Buffer, frame: Buffer): boolean {
  if (frame[0] !== request[0]) return false
  if (frame[1] === (request[1]! | EXCEPTION)) return frame.length === 5
  return frame[1] === request[1] && frame.length === answerLength(request)
}

/** Bytes of the whole RTU answer to a request, with address and checksum. */
function answerLength(request: Buffer): number {
  const count = request.readUInt16BE(4)
  switch (request[1]) {
    case 1:
    case 2:
      return 5 + Math.ceil(count / 8)
    case 3:
    case 4:
      return 5 + 2 * count
    default:
      return 8
  }
}

/** Bytes that the RTU answer at `at` would have; 0 when there can be none. There are 5 bytes at least. */
function frameLength(bytes: Buffer, at: number): number {
  const code = bytes[at + 1]!
  if ((code & EXCEPTION) !== 0) return 5
  if (code >= 1 && code <= 4) return 5 + bytes[at + 2]!
  return code === 5 || code === 6 || code === 15 || code === 16 ? 8 : 0
}

function isWhole(bytes: Buffer, at: number, length: number): boolean {
  if (length === 0 || at + length > bytes.length) return false
  return crc16Modbus(bytes.subarray(at, at + length - 2)) === bytes.readUInt16LE(at + length - 2)
}

function withChecksum(pdu: Buffer): Buffer {
  const frame = Buffer.alloc(pdu.length + 2)
  pdu.copy(frame)
  frame.writeUInt16LE(crc16Modbus(pdu), pdu.length)
  return frame
}
