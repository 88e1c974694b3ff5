// Frames → payloads, or fields. Pure: one frame in, what it says or the reason for skipping it out.
// Rules:
// - Nothing is repaired. A frame that is not what the configuration says is skipped with its reason; the next one is not
//   touched by it.
// - A sensor without `values` publishes payloads, one with them is given fields; both say the same.
// - The payload stands on bytes of its own: the frame is a view of the framer's memory.
// - json, csv and regex are text and must be valid UTF-8. A raw payload passes any bytes: it serves binary frames with a delimiter.
// - csv, regex and struct make a JSON object with the same keys in the same order every time. A field that is a number as JSON
//   writes it stays that number, digit for digit ("21.40" is not made 21.4); an empty one, or a group without a match, is
//   null; anything else is a string ("007" is an identifier, not seven).
// - The fields of a JSON text are its keys, those of groups inside as `outer.inner` and `list.0`; FIELDS_MAX of them and DEPTH_MAX
//   levels, the rest is not looked at. What has no keys (raw, or a JSON text that is a number) is the field `value`.
import { isUtf8 } from 'node:buffer'
import type { DecodeConfig } from '../../config/config.ts'
import type { Fields, Raw } from '../sensor.ts'
import type { SkipReason } from '../state.ts'
import { type Layout, makeLayout } from './struct.ts'

export interface Decoder {
  /** What is published as it is. */
  payload(frame: Buffer): Buffer | SkipReason
  /** What readings are made of. */
  fields(frame: Buffer): Fields | SkipReason
}

export const FIELDS_MAX = 200
export const DEPTH_MAX = 8

export function makeDecoder(decode: DecodeConfig): Decoder {
  switch (decode.kind) {
    case 'raw':
      return { payload: (frame) => Buffer.from(frame), fields: rawFields }
    case 'json':
      return { payload: decodeJson, fields: jsonFields }
    case 'csv':
      return textDecoder(decode.columns, csvSplitter(decode.columns.length, decode.separator))
    case 'regex':
      return regexDecoder(decode.pattern)
    case 'struct':
      return structDecoder(makeLayout(decode))
  }
}

function rawFields(frame: Buffer): Fields | SkipReason {
  const text = textOf(frame)
  return text === null ? 'not-utf8' : { value: valueOf(text.trim()) }
}

function decodeJson(frame: Buffer): Buffer | SkipReason {
  const parsed = parseJson(frame)
  return typeof parsed === 'string' ? parsed : Buffer.from(frame)
}

function jsonFields(frame: Buffer): Fields | SkipReason {
  const parsed = parseJson(frame)
  if (typeof parsed === 'string') return parsed
  const fields: Record<string, Raw> = Object.create(null)
  spread(fields, '', parsed.value, 0, { count: 0 })
  return fields
}

function parseJson(frame: Buffer): { readonly value: unknown } | SkipReason {
  const text = textOf(frame)
  if (text === null) return 'not-utf8'
  try {
    return { value: JSON.parse(text) }
  } catch {
    return 'not-json'
  }
}

function spread(fields: Record<string, Raw>, path: string, value: unknown, depth: number, seen: { count: number }): void {
  if (typeof value !== 'object' || value === null) {
    fields[path === '' ? 'value' : path] = value as Raw
    seen.count++
    return
  }
  if (depth === DEPTH_MAX) return
  for (const key of Object.keys(value)) {
    if (seen.count >= FIELDS_MAX) return
    spread(fields, path === '' ? key : `${path}.${key}`, (value as Record<string, unknown>)[key], depth + 1, seen)
  }
}

/** What stands in the places of a text; a reason when it has not those places. */
type Splitter = (text: string) => readonly string[] | SkipReason

/** Plain separated values: no quotes, spaces around a field do not belong to it. */
function csvSplitter(columns: number, separator: string): Splitter {
  return (text) => {
    const fields = text.split(separator)
    return fields.length === columns ? fields.map((field) => field.trim()) : 'wrong-columns'
  }
}

function regexDecoder(pattern: RegExp): Decoder {
  // g and y would make a match depend on the frame before.
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  const names = groupNames(stateless)
  return textDecoder(names, (text) => {
    const groups = stateless.exec(text)
    return groups === null ? 'no-match' : names.map((name) => groups.groups?.[name] ?? '')
  })
}

/** The names of a pattern's groups in order, found by a match that cannot fail: the pattern or nothing. */
export function groupNames(pattern: RegExp): string[] {
  const match = new RegExp(`(?:${pattern.source})|`, pattern.flags.replace(/[gy]/g, '')).exec('')
  return Object.keys(match?.groups ?? {})
}

function textDecoder(names: readonly string[], split: Splitter): Decoder {
  const keys = names.map(keyText)
  const parts = (frame: Buffer): readonly string[] | SkipReason => {
    const text = textOf(frame)
    return text === null ? 'not-utf8' : split(text)
  }
  return {
    payload(frame) {
      const found = parts(frame)
      return typeof found === 'string' ? found : objectOf(keys, (i) => valueText(found[i]!))
    },
    fields(frame) {
      const found = parts(frame)
      return typeof found === 'string' ? found : fieldsOf(names, (i) => valueOf(found[i]!))
    },
  }
}

function structDecoder({ bytes, names, readers }: Layout): Decoder {
  const keys = names.map(keyText)
  return {
    payload: (frame) => (frame.length === bytes ? objectOf(keys, (i) => JSON.stringify(readers[i]!(frame))) : 'wrong-length'),
    fields: (frame) => (frame.length === bytes ? fieldsOf(names, (i) => readers[i]!(frame)) : 'wrong-length'),
  }
}

function textOf(frame: Buffer): string | null {
  return isUtf8(frame) ? frame.toString('utf8') : null
}

const JSON_NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/

function isNumber(field: string): boolean {
  // 1e999 is a JSON number, but every reader makes Infinity of it or refuses the message: it goes as text.
  return JSON_NUMBER.test(field) && Number.isFinite(Number(field))
}

/** `keys` come ready for JSON, so that no column name can be mistaken for a property of an object ("__proto__"). */
function objectOf(keys: readonly string[], value: (i: number) => string): Buffer {
  let json = '{'
  for (let i = 0; i < keys.length; i++) json += (i === 0 ? '' : ',') + keys[i]! + value(i)
  return Buffer.from(json + '}', 'utf8')
}

function fieldsOf(names: readonly string[], value: (i: number) => Raw): Fields {
  const fields: Record<string, Raw> = Object.create(null)
  for (let i = 0; i < names.length; i++) fields[names[i]!] = value(i)
  return fields
}

function keyText(name: string): string {
  return JSON.stringify(name) + ':'
}

function valueText(field: string): string {
  if (field === '') return 'null'
  return isNumber(field) ? field : JSON.stringify(field)
}

function valueOf(field: string): Raw {
  if (field === '') return null
  return isNumber(field) ? Number(field) : field
}
