// Steps through the fields of one packet (MQTT 5.0 section 1.5). Every read stays inside the packet or throws malformed.
// For what is off the hot path: PUBLISH and plain acknowledgements are read by offsets in decode.ts.
import { malformed, protocolError, type ProtocolError } from './reason.ts'
import { checkUtf8 } from './utf8.ts'

export function tooShort(): ProtocolError {
  return malformed('packet ends in the middle of a field')
}

/**
 * The Variable Byte Integer at `bytes[at, end)`, or -1 when it does not end before `end`. Throws when it has more than four bytes
 * or is not in its shortest form, so its length follows from its value: see `varintSize`.
 */
export function readVarint(bytes: Buffer, at: number, end: number): number {
  let value = 0
  for (let shift = 0; at < end; shift += 7, at++) {
    const b = bytes[at]!
    value |= (b & 127) << shift
    if (b < 128) {
      if (b === 0 && shift > 0) throw malformed('variable byte integer is not in its shortest form') // [MQTT-1.5.5-1]
      return value
    }
    if (shift === 21) throw malformed('variable byte integer has more than four bytes')
  }
  return -1
}

/** Bytes of `value` as a Variable Byte Integer. */
export function varintSize(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4
}

export class Cursor {
  readonly bytes: Buffer
  readonly end: number
  at: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  /** Passes over `size` bytes and returns where they began. */
  skip(size: number): number {
    const at = this.at
    if (at + size > this.end) throw tooShort()
    this.at = at + size
    return at
  }

  u8(): number {
    return this.bytes[this.skip(1)]!
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.skip(2))
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.skip(4))
  }

  varint(): number {
    const value = readVarint(this.bytes, this.at, this.end)
    if (value < 0) throw tooShort()
    this.at += varintSize(value)
    return value
  }

  /** A UTF-8 Encoded String, checked [MQTT-1.5.4-1] [MQTT-1.5.4-2]; a BOM stays in it [MQTT-1.5.4-3] [MQTT-4.7.3-3]. */
  string(): string {
    const size = this.u16()
    const at = this.skip(size)
    checkUtf8(this.bytes, at, this.at)
    return this.bytes.toString('utf8', at, this.at)
  }

  /** Binary Data, copied: what comes from here is kept beyond the socket's chunk. */
  binary(): Buffer {
    const size = this.u16()
    const at = this.skip(size)
    return Buffer.from(this.bytes.subarray(at, this.at))
  }

  /** A packet identifier, which is never 0 (section 2.2.1). */
  packetIdentifier(): number {
    const identifier = this.u16()
    if (identifier === 0) throw zeroIdentifier()
    return identifier
  }

  /** Throws unless all of the packet has been read. */
  finish(): void {
    if (this.at !== this.end) throw malformed(`packet has ${this.end - this.at} bytes too many`)
  }
}

export function zeroIdentifier(): ProtocolError {
  return protocolError('packet identifier is 0')
}
