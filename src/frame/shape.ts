// What payloads that resemble each other have in common: a template for them, and formats for its numbers.
import { decimalFormat, timeFormat } from './formats.ts'
import type { NumberFormat } from './number-format.ts'
import { RECENT_BYTES_MAX } from './state.ts'
import { escaped } from './template.ts'
import { Token, type Tokens, tokensOf } from './tokens.ts'

/** Longer texts are not looked into. */
const SHAPED_BYTES_MAX = 8192

/** A template's source as Latin-1, and the formats of its numbers. */
export interface Shape {
  readonly source: string
  readonly formats: readonly NumberFormat[]
}

/** Any text: one hole. */
export const RAW: Shape = { source: '\xf9', formats: [] }

/** Null when a text is better left as it is, or would have more than `holesMax` holes. */
export function shapedTokens(text: string, holesMax: number): Tokens | null {
  if (text.length > SHAPED_BYTES_MAX) return null
  const tokens = tokensOf(text)
  if (tokens === null) return null
  const holes = tokens.kinds.filter((kind) => kind !== Token.piece).length
  if (holes === 0 || holes > holesMax) return null
  const hasNumbers = tokens.kinds.some((kind) => kind === Token.number || kind === Token.time)
  return hasNumbers || text.length > RECENT_BYTES_MAX ? tokens : null
}

/** `all`: tokens with the same skeleton, those of the text that needs a shape first; `timesMs`: when they came. Words become holes where they vary. */
export function shapeOf(all: readonly Tokens[], timesMs: readonly number[]): Shape {
  const formats: NumberFormat[] = []
  let source = ''
  for (const [i, kind] of all[0]!.kinds.entries()) {
    const texts = all.map((tokens) => tokens.texts[i]!)
    const isNumber = kind === Token.number || kind === Token.time
    const format = isNumber ? formatOf(kind, texts, timesMs) : null
    if (format !== null) {
      source += '\xf8'
      formats.push(format)
    } else if (isNumber || (kind === Token.word && texts.some((text) => text !== texts[0]))) source += '\xf9'
    else source += escaped(texts[0]!)
  }
  return { source, formats }
}

function formatOf(kind: number, texts: readonly string[], timesMs: readonly number[]): NumberFormat | null {
  return kind === Token.time ? timeFormat({ texts, timesMs }) : decimalFormat({ texts, timesMs })
}
