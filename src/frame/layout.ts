// What binary payloads of one length are made of: bytes, integers and floating point numbers of several sizes, guessed from some of them.
import { Kind, type NumberFormat, numberOf, PLAIN, Style } from './number-format.ts'
import type { Shape } from './shape.ts'
import { Mark } from './template.ts'

/** Longer ones are not looked into, nor are fewer. */
const BYTES_MAX = 128
const TEXTS_MIN = 2
const TEXTS_MAX = 12
const FLOAT_DECIMALS_MAX = 6
/** A column has its own costs; a field that explains more bytes is worth a little. */
const COLUMN_BITS = 3

/** Null for texts of different lengths, or when it would be a guess into the blue. Latin-1. */
export function layoutOf(texts: readonly string[]): Shape | null {
  const { length } = texts[0]!
  if (texts.length < TEXTS_MIN || length === 0 || length > BYTES_MAX || texts.some((text) => text.length !== length)) return null
  const some = texts.slice(0, TEXTS_MAX)
  // The cheapest way to each position, from the end.
  const costs = new Float64Array(length + 1)
  const choices: NumberFormat[] = []
  for (let at = length - 1; at >= 0; at--) {
    costs[at] = Infinity
    for (const format of CANDIDATES) {
      const end = at + format.width
      if (end > length) continue
      const { cost, chosen } = costOf(format, some.map((text) => text.slice(at, end)))
      if (cost + costs[end]! >= costs[at]!) continue
      costs[at] = cost + costs[end]!
      choices[at] = chosen
    }
  }
  const formats: NumberFormat[] = []
  for (let at = 0; at < length; at += choices[at]!.width) formats.push(choices[at]!)
  return { source: String.fromCharCode(Mark.number).repeat(formats.length), formats }
}

const INTEGER: NumberFormat = { ...PLAIN, kind: Kind.integer }
const CANDIDATES: readonly NumberFormat[] = [
  { ...INTEGER, width: 1 },
  ...[2, 3, 4, 6].flatMap((width) => [0, Style.little, Style.signed, Style.little + Style.signed].map((style) => ({ ...INTEGER, width, style }))),
  ...[4, 8].flatMap((width) => [0, Style.little].map((style) => ({ ...PLAIN, kind: Kind.float, width, style }))),
]

function costOf(format: NumberFormat, texts: readonly string[]): { cost: number; chosen: NumberFormat } {
  if (format.kind === Kind.integer) return { cost: bitsOf(format, texts), chosen: format }
  for (let decimals = 0; decimals <= FLOAT_DECIMALS_MAX; decimals++) {
    const chosen = { ...format, decimals }
    const cost = bitsOf(chosen, texts)
    if (cost < Infinity) return { cost, chosen }
  }
  return { cost: Infinity, chosen: format }
}

/** About what a column costs that has its last number as its guess; infinite when the format does not write them all. */
function bitsOf(format: NumberFormat, texts: readonly string[]): number {
  let bits = COLUMN_BITS
  let before: number | null = null
  for (const text of texts) {
    const n = numberOf(format, text)
    if (n === null) return Infinity
    if (before !== null) bits += Math.log2(1 + 2 * Math.abs(n - before))
    before = n
  }
  return bits
}
