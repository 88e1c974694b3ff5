// Frames → payloads. Pure: one frame in, a payload or the reason for skipping it out.
// Rules:
// - Nothing is repaired. A frame that is not what the configuration says is skipped with its reason; the next one is not
//   touched by it.
// - The payload stands on bytes of its own: the frame is a view of the framer's memory.
// - json, csv and regex are text and must be valid UTF-8. raw passes any bytes: it serves binary frames with a delimiter.
// - csv and regex make a JSON object with the same keys in the same order every time. A field that is a number as JSON
//   writes it stays that number, digit for digit ("21.40" is not made 21.4); an empty one, or a group without a match, is
//   null; anything else is a string ("007" is an identifier, not seven).
import { isUtf8 } from 'node:buffer'
import type { SerialSensorConfig } from '../config/config.ts'
import type { SkipReason } from './state.ts'

/** Gives the payload, or why there is none. */
export type Decoder = (frame: Buffer) => Buffer | SkipReason

export function makeDecoder(decode: SerialSensorConfig['decode']): Decoder {
  switch (decode.kind) {
    case 'raw':
      return (frame) => Buffer.from(frame)
    case 'json':
      return decodeJson
    case 'csv':
      return csvDecoder(decode.columns, decode.separator)
    case 'regex':
      return regexDecoder(decode.pattern)
  }
}

function decodeJson(frame: Buffer): Buffer | SkipReason {
  const text = textOf(frame)
  if (text === null) return 'not-utf8'
  try {
    JSON.parse(text)
  } catch {
    return 'not-json'
  }
  return Buffer.from(frame)
}

/** Plain separated values: no quotes, spaces around a field do not belong to it. */
function csvDecoder(columns: readonly string[], separator: string): Decoder {
  const keys = columns.map(keyText)
  return (frame) => {
    const text = textOf(frame)
    if (text === null) return 'not-utf8'
    const fields = text.split(separator)
    if (fields.length !== keys.length) return 'wrong-columns'
    return objectOf(keys, (i) => fields[i]!.trim())
  }
}

function regexDecoder(pattern: RegExp): Decoder {
  // g and y would make a match depend on the frame before.
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  const names = groupNames(stateless)
  const keys = names.map(keyText)
  return (frame) => {
    const text = textOf(frame)
    if (text === null) return 'not-utf8'
    const groups = stateless.exec(text)
    if (groups === null) return 'no-match'
    return objectOf(keys, (i) => groups.groups?.[names[i]!] ?? '')
  }
}

/** The names of a pattern's groups in order, found by a match that cannot fail: the pattern or nothing. */
export function groupNames(pattern: RegExp): string[] {
  const match = new RegExp(`(?:${pattern.source})|`, pattern.flags.replace(/[gy]/g, '')).exec('')
  return Object.keys(match?.groups ?? {})
}

function textOf(frame: Buffer): string | null {
  return isUtf8(frame) ? frame.toString('utf8') : null
}

const JSON_NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/

/** `keys` come ready for JSON, so that no column name can be mistaken for a property of an object ("__proto__"). */
function objectOf(keys: readonly string[], field: (i: number) => string): Buffer {
  let json = '{'
  for (let i = 0; i < keys.length; i++) {
    json += (i === 0 ? '' : ',') + keys[i]! + valueText(field(i))
  }
  return Buffer.from(json + '}', 'utf8')
}

function keyText(name: string): string {
  return JSON.stringify(name) + ':'
}

function valueText(field: string): string {
  if (field === '') return 'null'
  // 1e999 is a JSON number, but every reader makes Infinity of it or refuses the message: it goes as text.
  if (JSON_NUMBER.test(field) && Number.isFinite(Number(field))) return field
  return JSON.stringify(field)
}
