// The wire format of Protocol Buffers, as much of it as Sparkplug payloads need. Pure.
// Writing appends to a list of bytes; reading walks fields and never leaves the bytes it was given: what is damaged ends in a RangeError.

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

export class ProtobufWriter {
  readonly #parts: Buffer[] = []

  /** An unsigned number: a safe integer, or any of 64 bits as bigint. */
  varint(field: number, value: number | bigint): this {
    this.#parts.push(varintOf((field << 3) | VARINT), varintOf(value))
    return this
  }

  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    this.#parts.push(varintOf((field << 3) | FIXED64), bytes)
    return this
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'utf8'))
  }

  bytes(field: number, value: Buffer): this {
    this.#parts.push(varintOf((field << 3) | BYTES), varintOf(value.length), value)
    return this
  }

  end(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

function varintOf(value: number | bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

export interface ProtobufField {
  readonly field: number
  /** Of a varint, or of 4 or 8 bytes; 0n for others. */
  readonly bits: bigint
  /** Of a length-delimited field; empty for others. */
  readonly bytes: Buffer
}

/** The fields of a message, in order. Throws RangeError where it is damaged. */
export function* protobufFields(message: Buffer): Generator<ProtobufField> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++]
      if (byte === undefined) break
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw new RangeError('a number is cut or has no end')
  }
  const take = (length: number): Buffer => {
    if (length > message.length - at) throw new RangeError('a field ends behind its message')
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const key = Number(varint())
    const field = Math.floor(key / 8)
    switch (key % 8) {
      case VARINT:
        yield { field, bits: varint(), bytes: NOTHING }
        break
      case FIXED64:
        yield { field, bits: take(8).readBigUInt64LE(), bytes: NOTHING }
        break
      case BYTES:
        yield { field, bits: 0n, bytes: take(Number(varint())) }
        break
      case FIXED32:
        yield { field, bits: BigInt(take(4).readUInt32LE()), bytes: NOTHING }
        break
      default:
        throw new RangeError('a field has a type that does not exist')
    }
  }
}

const NOTHING = Buffer.alloc(0)
