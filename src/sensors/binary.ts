// Numbers as they stand in bytes: of a struct in a serial frame, of Modbus registers.
// Rules: a 64-bit integer that a double cannot hold is given as its digits, a text; a floating-point number that is none (NaN,
// infinite) is null. A float32 is the shortest decimal that means it: 21.4, not 21.399999618530273.
import type { NumberType } from '../config/config.ts'

export const NUMBER_BYTES: Readonly<Record<NumberType, 1 | 2 | 4 | 8>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  uint64: 8,
  int64: 8,
  float32: 4,
  float64: 8,
}

/** There must be as many bytes at `at` as the type has. */
export function readNumber(bytes: Buffer, at: number, type: NumberType, endian: 'big' | 'little'): number | string | null {
  const big = endian === 'big'
  switch (type) {
    case 'uint8':
      return bytes.readUInt8(at)
    case 'int8':
      return bytes.readInt8(at)
    case 'uint16':
      return big ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at)
    case 'int16':
      return big ? bytes.readInt16BE(at) : bytes.readInt16LE(at)
    case 'uint32':
      return big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)
    case 'int32':
      return big ? bytes.readInt32BE(at) : bytes.readInt32LE(at)
    case 'uint64':
      return exact(big ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at))
    case 'int64':
      return exact(big ? bytes.readBigInt64BE(at) : bytes.readBigInt64LE(at))
    case 'float32':
      return shortest(big ? bytes.readFloatBE(at) : bytes.readFloatLE(at))
    case 'float64':
      return finite(big ? bytes.readDoubleBE(at) : bytes.readDoubleLE(at))
  }
}

/** Bits `from` to `to` (0 is the lowest) of an unsigned integer of up to 32 bits. */
export function bitField(value: number, from: number, to: number): number {
  return Math.floor(value / 2 ** from) % 2 ** (to - from + 1)
}

/** Printable characters up to the first NUL, without the spaces that pad it; bytes above 0x7e are Latin-1. */
export function paddedText(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\0')
  return (end < 0 ? text : text.slice(0, end)).trimEnd()
}

function exact(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/** 6 to 9 digits tell every float32. */
function shortest(value: number): number | null {
  if (!Number.isFinite(value)) return null
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}
