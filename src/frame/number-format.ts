// How a column's whole numbers are written in payloads. A format is a list of small numbers, because it travels; what it makes of a number is
// exact, and what it cannot make stays text.
import { FrameError } from './error.ts'

export const Kind = { decimal: 0, time: 1, integer: 2, float: 3, real: 4 } as const

/** A column's numbers are within this. */
export const NUMBER_MAX = 2 ** 51

/** Bits of `style`. */
export const Style = {
  /** decimal, real: zeros at the end of the fraction are left out, and the point when nothing is behind it. */
  short: 1,
  /** decimal: numbers that are not negative have a plus. */
  plus: 2,
  /** time: a T between date and time, not a space. */
  letterT: 1,
  /** time: there is no date. */
  timeOnly: 2,
  /** integer, float: the least significant byte is first. */
  little: 1,
  /** integer: two's complement. */
  signed: 2,
  /** decimal: a multiple that lies between two is rounded to the even one, not away from zero. */
  even: 4,
} as const

export interface NumberFormat {
  readonly kind: number
  readonly style: number
  /** Digits behind the point; the number counts in units of the last one. 0 to 15. */
  readonly decimals: number
  /** decimal: digits before the point, filled up with zeros; integer, float, real: bytes. 0 to 20. */
  readonly width: number
  /** The column has n where the payload has offset + n * factor / 2^halvings, rounded. */
  readonly factor: number
  readonly halvings: number
  readonly offset: number
  /** The number goes with the time: 10^(clock - 4) a millisecond. 0: it does not. */
  readonly clock: number
}

export const FIELDS = ['kind', 'style', 'decimals', 'width', 'factor', 'halvings', 'offset', 'clock'] as const
const MOST: Readonly<NumberFormat> = { kind: 4, style: 7, decimals: 15, width: 20, factor: 2 ** 32, halvings: 16, offset: 2 ** 32, clock: 10 }
export const PLAIN: NumberFormat = { kind: Kind.decimal, style: 0, decimals: 0, width: 0, factor: 1, halvings: 0, offset: 0, clock: 0 }

/** Throws FrameError for a format that no encoder makes. */
export function checkFormat(format: NumberFormat): NumberFormat {
  for (const field of FIELDS) if (format[field] > MOST[field]) throw new FrameError(`a number format has ${field} ${format[field]}`)
  const { kind, width, factor } = format
  const isPossible = kind === Kind.integer ? width >= 1 && width <= 6 : kind === Kind.float || kind === Kind.real ? width === 4 || width === 8 : true
  if (!isPossible || factor < 1) throw new FrameError('a number format is not possible')
  return format
}

/** What `format` writes for the column's number `n`, as Latin-1; null when it cannot. */
export function written(format: NumberFormat, n: number): string | null {
  const value = scaled(format, n)
  if (!Number.isSafeInteger(value)) return null
  switch (format.kind) {
    case Kind.decimal:
      return decimal(format, value)
    case Kind.time:
      return time(format, value)
    case Kind.integer:
      return integer(format, value)
    case Kind.float:
      return float(format, value)
    default:
      return real(format, value)
  }
}

function scaled({ factor, halvings, offset, style }: NumberFormat, n: number): number {
  if (factor === 1 && halvings === 0) return n + offset
  const product = n * factor
  if (!Number.isSafeInteger(product)) return NaN
  if (halvings === 0) return product + offset
  const parts = 2 ** halvings
  const size = Math.abs(product)
  const whole = Math.floor(size / parts)
  const rest = (size % parts) * 2
  const rounded = rest > parts || (rest === parts && ((style & Style.even) === 0 || whole % 2 === 1)) ? whole + 1 : whole
  return (product < 0 ? -rounded : rounded) + offset
}

function decimal({ decimals, width, style }: NumberFormat, value: number): string {
  const digits = String(Math.abs(value)).padStart(decimals + Math.max(width, 1), '0')
  const point = digits.length - decimals
  let text = decimals === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
  if ((style & Style.short) !== 0 && decimals > 0) {
    let end = text.length
    while (text.charCodeAt(end - 1) === 48) end--
    if (text.charCodeAt(end - 1) === 46) end--
    text = text.slice(0, end)
  }
  return value < 0 ? `-${text}` : (style & Style.plus) !== 0 ? `+${text}` : text
}

const DAY_SEC = 86_400
const DAY_MS = DAY_SEC * 1000
const SECONDS_MIN = -62135596800 // 0001-01-01
const SECONDS_MAX = 253402300799 // 9999-12-31

function time({ decimals, style }: NumberFormat, value: number): string | null {
  const unit = 10 ** decimals
  const seconds = Math.floor(value / unit)
  if (seconds < SECONDS_MIN || seconds > SECONDS_MAX) return null
  const day = Math.floor(seconds / DAY_SEC)
  const ofDay = seconds - day * DAY_SEC
  const clock = `${twoDigits(Math.floor(ofDay / 3600))}:${twoDigits(Math.floor(ofDay / 60) % 60)}:${twoDigits(ofDay % 60)}`
  const fraction = decimals === 0 ? '' : `.${String(value - seconds * unit).padStart(decimals, '0')}`
  if ((style & Style.timeOnly) !== 0) return clock + fraction
  return `${new Date(day * DAY_MS).toISOString().slice(0, 10)}${(style & Style.letterT) !== 0 ? 'T' : ' '}${clock}${fraction}`
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}

function integer({ width, style }: NumberFormat, value: number): string | null {
  const count = 256 ** width
  const isSigned = (style & Style.signed) !== 0
  if (value < (isSigned ? -count / 2 : 0) || value >= (isSigned ? count / 2 : count)) return null
  let rest = value < 0 ? value + count : value
  let text = ''
  for (let i = 0; i < width; i++) {
    const char = String.fromCharCode(rest % 256)
    text = (style & Style.little) !== 0 ? text + char : char + text
    rest = Math.floor(rest / 256)
  }
  return text
}

/** Between these, nobody writes an exponent. */
const REAL_MIN = 1e-3
const REAL_END = 1e15
const FLOAT = new DataView(new ArrayBuffer(8))

function float({ width, style, decimals }: NumberFormat, value: number): string {
  const isLittle = (style & Style.little) !== 0
  if (width === 4) FLOAT.setFloat32(0, value / 10 ** decimals, isLittle)
  else FLOAT.setFloat64(0, value / 10 ** decimals, isLittle)
  let text = ''
  for (let i = 0; i < width; i++) text += String.fromCharCode(FLOAT.getUint8(i))
  return text
}

/** What programs write who calculate with 32 bits, or multiply by 0.1, 0.01, …: the shortest text that is read as the same 64-bit number. */
function real({ width, style, decimals }: NumberFormat, value: number): string | null {
  const number = width === 4 ? Math.fround(value / 10 ** decimals) : value * Number(`1e-${decimals}`)
  const size = Math.abs(number)
  if (size !== 0 && (size < REAL_MIN || size >= REAL_END)) return null
  return Number.isInteger(number) && (style & Style.short) === 0 ? `${number}.0` : String(number)
}

/** The column's number for which `format` writes `text`; null when there is none. `nearMs`: when that was, for a time without a date. */
export function numberOf(format: NumberFormat, text: string, nearMs = 0): number | null {
  const value = valueOf(format, text, nearMs)
  if (value === null) return null
  const { factor, halvings, offset } = format
  const n = factor === 1 && halvings === 0 ? value - offset : Math.round(((value - offset) * 2 ** halvings) / factor)
  return Math.abs(n) <= NUMBER_MAX && written(format, n) === text ? n : null
}

function valueOf({ kind, decimals, width, style }: NumberFormat, text: string, nearMs: number): number | null {
  switch (kind) {
    case Kind.decimal: {
      const point = text.indexOf('.')
      const fraction = point < 0 ? 0 : text.length - point - 1
      if (text.length > 17 || fraction > decimals) return null
      return Math.round(Number(point < 0 ? text : text.slice(0, point) + text.slice(point + 1)) * 10 ** (decimals - fraction))
    }
    case Kind.time: {
      const isTimeOnly = (style & Style.timeOnly) !== 0
      const ms = Date.parse(isTimeOnly ? `1970-01-01T${text.slice(0, 8)}Z` : `${text.slice(0, 10)}T${text.slice(11, 19)}Z`)
      if (Number.isNaN(ms)) return null
      const days = isTimeOnly ? Math.round((nearMs - ms) / DAY_MS) : 0
      return (ms / 1000 + days * DAY_SEC) * 10 ** decimals + (decimals === 0 ? 0 : Number(text.slice(isTimeOnly ? 9 : 20)))
    }
    case Kind.integer: {
      let value = 0
      for (let i = 0; i < width; i++) value = value * 256 + text.charCodeAt((style & Style.little) !== 0 ? width - 1 - i : i)
      return (style & Style.signed) !== 0 && value >= 256 ** width / 2 ? value - 256 ** width : value
    }
    case Kind.real:
      return Math.round(Number(text) * 10 ** decimals)
    default: {
      for (let i = 0; i < width; i++) FLOAT.setUint8(i, text.charCodeAt(i))
      const isLittle = (style & Style.little) !== 0
      return Math.round((width === 4 ? FLOAT.getFloat32(0, isLittle) : FLOAT.getFloat64(0, isLittle)) * 10 ** decimals)
    }
  }
}
