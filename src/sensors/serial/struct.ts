// Binary frames → fields by a layout. Pure.
// Rules: a frame that is not exactly as long as the layout says is none. Fields stand one behind the other unless they say where;
// the same bytes may be read by several fields, which is how single bits get names of their own.
import type { StructConfig, StructField } from '../../config/config.ts'
import { bitField, paddedText, readNumber } from '../binary.ts'
import type { Raw } from '../sensor.ts'

/** The field's value; null when what stands there is none. */
export type FieldReader = (frame: Buffer) => Raw

export interface Layout {
  readonly bytes: number
  readonly names: readonly string[]
  readonly readers: readonly FieldReader[]
}

export function makeLayout(config: StructConfig): Layout {
  return { bytes: config.bytes, names: config.fields.map((field) => field.name), readers: config.fields.map(readerOf) }
}

function readerOf(field: StructField): FieldReader {
  const { at, bytes } = field
  switch (field.type) {
    case 'bool':
      return (frame) => frame[at] !== 0
    case 'char':
      return (frame) => paddedText(frame.subarray(at, at + bytes))
    case 'bcd':
      return (frame) => bcdNumber(frame.subarray(at, at + bytes), field.endian)
    default: {
      const { type, endian, bits } = field
      if (bits === null) return (frame) => readNumber(frame, at, type, endian)
      const { from, to } = bits
      if (from === to) return (frame) => bitField(readNumber(frame, at, type, endian) as number, from, to) === 1
      return (frame) => bitField(readNumber(frame, at, type, endian) as number, from, to)
    }
  }
}

/** Two decimal digits a byte; null when one of them is none. */
function bcdNumber(bytes: Buffer, endian: 'big' | 'little'): Raw {
  const hex = Buffer.from(endian === 'big' ? bytes : bytes.toReversed()).toString('hex')
  if (/[a-f]/.test(hex)) return null
  const number = Number(hex)
  return Number.isSafeInteger(number) ? number : hex.replace(/^0+(?=.)/, '')
}
