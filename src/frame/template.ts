// What payloads (and properties) of one shape have in common: pieces of text, and holes for numbers and for texts.
import { FrameError } from './error.ts'

/** In a template, these bytes are marks; UTF-8 has none of them. */
export const Mark = {
  number: 0xf8,
  text: 0xf9,
  /** Once at most: properties end here and the payload begins. Without it the messages have no properties. */
  payload: 0xfa,
  /** The byte behind it is itself. */
  literal: 0xfb,
} as const

export const HOLES_MAX = 255

export interface Template {
  readonly source: Uint8Array
  /** Latin-1, one more than holes. */
  readonly pieces: readonly string[]
  /** What is behind each piece but the last: Mark.number or Mark.text. */
  readonly holes: Uint8Array
  readonly numbers: number
  readonly texts: number
  /** Properties are the first so many pieces and the holes between them; 0: there are none. */
  readonly propertyPieces: number
}

/** Throws FrameError when it is none. */
export function parseTemplate(source: Uint8Array): Template {
  const pieces: string[] = []
  const holes: number[] = []
  let piece = ''
  let propertyPieces = 0
  for (let i = 0; i < source.length; i++) {
    const byte = source[i]!
    if (byte < Mark.number) piece += String.fromCharCode(byte)
    else if (byte === Mark.literal && i + 1 < source.length) piece += String.fromCharCode(source[++i]!)
    else if (byte === Mark.number || byte === Mark.text || (byte === Mark.payload && propertyPieces === 0)) {
      pieces.push(piece)
      piece = ''
      holes.push(byte)
      if (byte === Mark.payload) propertyPieces = pieces.length
    } else throw new FrameError(`a template has 0x${byte.toString(16)} where it may not be`)
  }
  pieces.push(piece)
  if (holes.length > HOLES_MAX) throw new FrameError(`a template has ${holes.length} holes`)
  const numbers = holes.filter((hole) => hole === Mark.number).length
  const texts = holes.filter((hole) => hole === Mark.text).length
  return { source, pieces, holes: Uint8Array.from(holes), numbers, texts, propertyPieces }
}

/** A piece as it is written in a template. */
export function escaped(piece: string): string {
  return piece.replaceAll(/[\xf8-\xff]/g, (char) => `\xfb${char}`)
}
