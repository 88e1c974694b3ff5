// Which format a column of numbers has, guessed from some of its texts. A wrong guess costs bytes, nothing else.
import { Kind, type NumberFormat, numberOf, PLAIN, Style } from './number-format.ts'

/** Texts of one column, the oldest first, and when they came. */
export interface Samples {
  readonly texts: readonly string[]
  readonly timesMs: readonly number[]
}

const DECIMAL = /^([-+]?)(\d+)(?:\.(\d+))?$/
/** More digits behind the point are what calculating left there. */
const DECIMALS_MAX = 8
const REAL_DECIMALS_MAX = 6
/** From so many numbers on it means something that none ends with a zero. */
const SHORT_TEXTS = 12
/** So many different numbers have to agree before a step is believed. */
const STEP_VALUES = 5
const HALVINGS_MAX = 8
const FACTOR_END = 2 ** 32
/** So many times have to agree before a column goes with the clock, over so long a time. */
const CLOCK_TEXTS = 4
const CLOCK_MS = 2000
/** By so many of its units it may be off, or by so many milliseconds. */
const CLOCK_OFF = 2.5
const CLOCK_OFF_MS = 500

/** Null when there is none that writes most of them. */
export function decimalFormat(samples: Samples): NumberFormat | null {
  const matches = samples.texts.map((text) => DECIMAL.exec(text)).filter((match) => match !== null)
  if (matches.length * 2 <= samples.texts.length) return null
  const fractions = matches.map((match) => match[3]?.length ?? 0)
  const decimals = Math.max(...fractions)
  if (decimals > DECIMALS_MAX) {
    const real = realFormat(samples)
    return real === null ? null : withClock(real, samples)
  }
  const isShort = matches.every((match) => match[3]?.endsWith('0') !== true) && (fractions.some((n) => n !== decimals) || matches.length >= SHORT_TEXTS)
  const padded = matches.find((match) => match[2]!.length > 1 && match[2]!.startsWith('0'))
  const style = (isShort && decimals > 0 ? Style.short : 0) + (matches.some((match) => match[1] === '+') ? Style.plus : 0)
  const plain: NumberFormat = { ...PLAIN, decimals, style, width: padded === undefined ? 0 : padded[2]!.length }
  if (!writesMost(plain, samples)) return null
  const stepped = withClock(withStep(plain, samples), samples)
  if (stepped.clock !== 0) return stepped
  // Some times have a common step by chance, and do not go with the clock in it.
  const clocked = withClock(plain, samples)
  return clocked.clock === 0 ? stepped : clocked
}

function realFormat(samples: Samples): NumberFormat | null {
  const style = samples.texts.some((text) => text.endsWith('.0')) ? 0 : Style.short
  for (let decimals = 0; decimals <= REAL_DECIMALS_MAX; decimals++) {
    for (const width of [4, 8]) {
      const format = { ...PLAIN, kind: Kind.real, style, decimals, width }
      if (writesMost(format, samples)) return format
    }
  }
  return null
}

function writesMost(format: NumberFormat, { texts }: Samples): boolean {
  return texts.filter((text) => numberOf(format, text) !== null).length * 2 > texts.length
}

/** With a date or without. */
export function timeFormat({ texts }: Samples): NumberFormat {
  const first = texts[0]!
  const isTimeOnly = first[2] === ':'
  const decimals = Math.max(0, first.length - (isTimeOnly ? 9 : 20))
  return { ...PLAIN, kind: Kind.time, decimals, style: isTimeOnly ? Style.timeOnly : first[10] === 'T' ? Style.letterT : 0, clock: 1 + decimals }
}

/** A sensor's step may be coarser than the digits it is written with: 0.5, or 1/16 with two decimals. */
function withStep(format: NumberFormat, { texts }: Samples): NumberFormat {
  const numbers = texts.map((text) => numberOf(format, text)).filter((n) => n !== null)
  const first = numbers[0]!
  if (new Set(numbers).size < STEP_VALUES) return format
  const factor = numbers.reduce((step, n) => divisor(step, Math.abs(n - first)), 0)
  if (factor > 1 && factor < FACTOR_END) return { ...format, factor, offset: ((first % factor) + factor) % factor }
  const unit = 10 ** format.decimals
  for (let halvings = 1; halvings <= HALVINGS_MAX && unit / 2 ** halvings > 1.5; halvings++) {
    for (const style of [format.style, format.style | Style.even]) {
      const stepped = { ...format, style, factor: unit, halvings }
      if (texts.every((text) => numberOf(format, text) === null || numberOf(stepped, text) !== null)) return stepped
    }
  }
  return format
}

/** The greatest common one. */
export function divisor(a: number, b: number): number {
  while (b > 0) [a, b] = [b, a % b]
  return a
}

/** Does it count seconds, milliseconds, or something like that? */
function withClock(format: NumberFormat, { texts, timesMs }: Samples): NumberFormat {
  const points: { n: number; timeMs: number }[] = []
  for (const [i, text] of texts.entries()) {
    const n = numberOf(format, text)
    if (n !== null) points.push({ n, timeMs: timesMs[i]! })
  }
  const first = points[0]
  const last = points.at(-1)
  if (first === undefined || last === undefined || points.length < CLOCK_TEXTS || last.timeMs - first.timeMs < CLOCK_MS) return format
  const exponent = Math.round(Math.log10((last.n - first.n) / (last.timeMs - first.timeMs)))
  if (!(exponent >= -3 && exponent <= 6)) return format
  const unit = 10 ** exponent
  const off = Math.max(CLOCK_OFF, CLOCK_OFF_MS * unit)
  const goes = points.every(({ n, timeMs }) => Math.abs(n - first.n - (timeMs - first.timeMs) * unit) <= off)
  return goes ? { ...format, clock: exponent + 4 } : format
}
