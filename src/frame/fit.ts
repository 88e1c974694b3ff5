// Does a message have a certain shape, and what is in the holes?
import { Kind, type NumberFormat } from './number-format.ts'
import { Mark, type Template } from './template.ts'
import { TIME } from './tokens.ts'

/** In the order of the holes. */
export interface Fitted {
  /** Latin-1. */
  readonly numbers: readonly string[]
  readonly texts: readonly string[]
}

const NUMBER = /[-+]?\d+(?:\.\d+)?/y
const WORD = /[-+]?\w[\w.+-]*/y
const A_TIME = new RegExp(TIME, 'y')
/** A number that is too long for one column has its last digits in a second. */
const SPLIT_DIGITS = 15

/** Null when it does not have it. `properties` and `payload` are Latin-1. */
export function fitted(shape: Template, formats: (number: number) => NumberFormat, properties: string | null, payload: string): Fitted | null {
  const { pieces, holes, propertyPieces } = shape
  if ((properties === null) !== (propertyPieces === 0)) return null
  const numbers: string[] = []
  const texts: string[] = []
  let text = properties ?? payload
  if (!text.startsWith(pieces[0]!)) return null
  let at = pieces[0]!.length
  for (let i = 0; i < holes.length; i++) {
    const next = pieces[i + 1]!
    if (holes[i] === Mark.payload) {
      if (at !== text.length || !payload.startsWith(next)) return null
      text = payload
      at = next.length
      continue
    }
    const isLast = i + 1 === holes.length || holes[i + 1] === Mark.payload
    const end = holes[i] === Mark.number ? numberEnd(text, at, formats(numbers.length), next, isLast) : textEnd(text, at, next, isLast)
    if (end < 0) return null
    if (holes[i] === Mark.number) numbers.push(text.slice(at, end))
    else texts.push(text.slice(at, end))
    at = end + next.length
  }
  return at === text.length ? { numbers, texts } : null
}

function textEnd(text: string, at: number, next: string, isLast: boolean): number {
  if (!isLast) return next === '' ? -1 : text.indexOf(next, at)
  const end = text.length - next.length
  return end >= at && text.endsWith(next) ? end : -1
}

function numberEnd(text: string, at: number, { kind, width }: NumberFormat, next: string, isLast: boolean): number {
  if (kind === Kind.integer || kind === Kind.float) return at + width <= text.length && text.startsWith(next, at + width) ? at + width : -1
  const end = endOf(kind === Kind.time ? A_TIME : NUMBER, text, at)
  if (next === '' && !isLast && end - at > SPLIT_DIGITS) return end - SPLIT_DIGITS
  if (end >= 0 && text.startsWith(next, end)) return end
  const wordEnd = endOf(WORD, text, at)
  return wordEnd >= 0 && text.startsWith(next, wordEnd) ? wordEnd : -1
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : -1
}
