// Checksums of frames. Pure: a frame in, what is decoded out, or null when it is not what was sent.
//
//   crc16-modbus   polynomial 0x8005, begins with 0xFFFF, reflected; its low byte first
//   crc16-ccitt    polynomial 0x1021, begins with 0xFFFF ("CCITT-FALSE"); its high byte first
//   crc8           polynomial 0x07, begins with 0
//   sum8, sum16    the bytes added up; sum16 high byte first
//   xor8           the bytes, exclusive or
//
// A checksum that stands at the very end of its frame is cut off before decoding; elsewhere it stays, so that offsets stay true.
import type { ChecksumConfig } from '../../config/config.ts'

/** The frame as it is decoded; null for a wrong checksum, or a frame too short to have one. */
export type ChecksumCheck = (frame: Buffer) => Buffer | null

export function makeChecksum(config: ChecksumConfig): ChecksumCheck {
  const bytes = WIDTH[config.kind]
  const written = config.hex ? 2 * bytes : bytes
  const sum = SUMS[config.kind]
  return (frame) => {
    const at = fromEnd(config.at ?? -written, frame.length)
    const from = fromEnd(config.from, frame.length)
    const to = config.to === null ? at : fromEnd(config.to, frame.length)
    if (at < 0 || at + written > frame.length || from < 0 || to < from || to > frame.length) return null
    const told = config.hex ? hexNumber(frame, at, written) : readNumber(frame, at, bytes, config.endian)
    if (told !== sum(frame.subarray(from, to))) return null
    return at + written === frame.length ? frame.subarray(0, at) : frame
  }
}

/** Bytes of each kind, not written in hexadecimal. */
const WIDTH: Readonly<Record<ChecksumConfig['kind'], 1 | 2>> = {
  'crc16-modbus': 2,
  'crc16-ccitt': 2,
  crc8: 1,
  sum8: 1,
  sum16: 2,
  xor8: 1,
}

const SUMS: Readonly<Record<ChecksumConfig['kind'], (bytes: Buffer) => number>> = {
  'crc16-modbus': crc16Modbus,
  'crc16-ccitt': crc16Ccitt,
  crc8,
  sum8: (bytes) => sum(bytes) & 0xff,
  sum16: (bytes) => sum(bytes) & 0xffff,
  xor8: (bytes) => bytes.reduce((all, byte) => all ^ byte, 0),
}

/** Of MODBUS over Serial Line V1.02, appendix B. */
export function crc16Modbus(bytes: Uint8Array): number {
  let crc = 0xffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xa001
  }
  return crc
}

function crc16Ccitt(bytes: Uint8Array): number {
  let crc = 0xffff
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff
  }
  return crc
}

function crc8(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x80) === 0 ? crc << 1 : (crc << 1) ^ 0x07) & 0xff
  }
  return crc
}

/** Frames are short: the sum of a megabyte is far from what a number holds. */
function sum(bytes: Uint8Array): number {
  let total = 0
  for (const byte of bytes) total += byte
  return total
}

/** Negative offsets count from the end. */
function fromEnd(offset: number, length: number): number {
  return offset < 0 ? length + offset : offset
}

function readNumber(frame: Buffer, at: number, bytes: 1 | 2, endian: 'big' | 'little'): number {
  return endian === 'big' ? frame.readUIntBE(at, bytes) : frame.readUIntLE(at, bytes)
}

/** -1 when it is no hexadecimal number: no checksum is equal to it. */
function hexNumber(frame: Buffer, at: number, digits: number): number {
  const text = frame.toString('latin1', at, at + digits)
  return /^[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : -1
}
