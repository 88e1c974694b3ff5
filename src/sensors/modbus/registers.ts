// Registers and bits ↔ values. Pure. A register goes over the wire with its high byte first (MODBUS Application Protocol V1.1b3 section 4.2);
// how larger numbers stand in several of them is up to the device.
import type { ModbusReadConfig, ModbusWords, ModbusWriteConfig, NumberType } from '../../config/config.ts'
import { bitField, NUMBER_BYTES, paddedText, readNumber } from '../binary.ts'
import type { Raw } from '../sensor.ts'
import type { Block } from './blocks.ts'

/** The value of `read` in the bytes that answered `block`. */
export function valueIn(block: Block, bytes: Buffer, read: ModbusReadConfig): Raw {
  const offset = read.address - block.address
  if (read.type === 'bit') return ((bytes[offset >> 3]! >> (offset & 7)) & 1) === 1
  const straight = reordered(bytes.subarray(2 * offset, 2 * (offset + read.count)), read)
  if (read.type === 'string') return paddedText(straight)
  const number = readNumber(straight, 0, read.type, 'big')
  if (read.bits === null) return number
  const { from, to } = read.bits
  const field = bitField(number as number, from, to)
  return from === to ? field === 1 : field
}

/** Bytes of the answer to a read of `count` registers or bits. */
export function answerBytes(table: Block['table'], count: number): number {
  return table === 'coil' || table === 'discrete' ? Math.ceil(count / 8) : 2 * count
}

/** What a command writes: registers, or one bit; null when its payload is no such value. `payload` is JSON, or on and off. */
export function valueToWrite(write: ModbusWriteConfig, payload: Buffer): readonly number[] | boolean | null {
  const value = commandValue(payload.toString('utf8').trim())
  if (write.type === 'bit') return typeof value === 'boolean' ? value : value === 0 || value === 1 ? value === 1 : null
  const number = typeof value === 'boolean' ? Number(value) : value
  return number === null ? null : registersOf(number, write.type, write)
}

const WORDS: Readonly<Record<string, boolean>> = { on: true, off: false, true: true, false: false }

function commandValue(text: string): number | bigint | boolean | null {
  const word = text.toLowerCase()
  if (Object.hasOwn(WORDS, word)) return WORDS[word]!
  if (/^-?\d{1,20}$/.test(text)) {
    const exact = BigInt(text)
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact
  }
  if (/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text)) return Number(text)
  const inner = /^\{\s*"value"\s*:\s*(?:"([a-zA-Z]+)"|([-\w.+]+))\s*\}$/.exec(text)
  return inner === null ? null : commandValue(inner[1] ?? inner[2]!)
}

function registersOf(value: number | bigint, type: NumberType, order: ModbusWords): readonly number[] | null {
  const bytes = numberBytes(value, type)
  if (bytes === null) return null
  const wire = reordered(bytes, order)
  return Array.from({ length: wire.length / 2 }, (_, i) => wire.readUInt16BE(2 * i))
}

/** null when the number is not one of the type. */
function numberBytes(value: number | bigint, type: NumberType): Buffer | null {
  const size = NUMBER_BYTES[type]
  const bytes = Buffer.alloc(size)
  if (type === 'float64') {
    bytes.writeDoubleBE(Number(value))
    return Number.isFinite(Number(value)) ? bytes : null
  }
  if (type === 'float32') {
    bytes.writeFloatBE(Number(value))
    return Number.isFinite(bytes.readFloatBE()) ? bytes : null
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return null
  const exact = BigInt(value)
  const bits = 8 * size
  const wrapped = type.startsWith('u') ? BigInt.asUintN(bits, exact) : BigInt.asIntN(bits, exact)
  if (wrapped !== exact) return null
  return Buffer.from(BigInt.asUintN(bits, exact).toString(16).padStart(2 * size, '0'), 'hex')
}

/** Big-endian bytes from those of the device, and back: both are the same exchange. */
function reordered(bytes: Buffer, { words, bytes: order }: ModbusWords): Buffer {
  if (words === 'big' && order === 'big') return bytes
  const out = Buffer.alloc(bytes.length)
  for (let at = 0; at < bytes.length; at += 2) {
    const to = words === 'big' ? at : bytes.length - 2 - at
    out[to] = bytes[order === 'big' ? at : at + 1]!
    out[to + 1] = bytes[order === 'big' ? at + 1 : at]!
  }
  return out
}
