// gateway.yaml, `decode` of a serial sensor: what a frame says.
import type { DecodeConfig, NumberType, StructField } from './config.ts'
import { parseEscapes } from './escapes.ts'
import { clip, type Place } from './place.ts'
import { choice, integer, text } from './scalar.ts'
import { byKey, defaulted, list, object, optional, required, Schema, wordOr } from './schema.ts'

const FIELDS_MAX = 200
const STRUCT_BYTES_MAX = 65_536

const NUMBERS = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64'] as const
const BYTES: Readonly<Record<NumberType, number>> = { uint8: 1, int8: 1, uint16: 2, int16: 2, uint32: 4, int32: 4, uint64: 8, int64: 8, float32: 4, float64: 8 }

/** Some bits of an integer: `3`, or `4-7`; 0 is the lowest. */
export function bitRange(): Schema<{ readonly from: number; readonly to: number }> {
  const expected = 'a bit such as 3, or bits such as 4-7 (0 is the lowest)'
  const pattern = /^(\d{1,2})(?:-(\d{1,2}))?$/
  return new Schema(expected, { anyOf: [{ type: 'integer', minimum: 0, maximum: 31 }, { type: 'string', pattern: pattern.source }] }, (place) => {
    const { tree } = place
    const match = tree.kind === 'scalar' ? pattern.exec(String(tree.value)) : null
    if (match === null) return place.wrong(expected, 'write the number of a bit, or the lowest and the highest with - between them')
    const from = Number(match[1])
    const to = Number(match[2] ?? match[1])
    if (to < from) return place.problem(`${place.name} ${from}-${to} is the wrong way round`, `write ${to}-${from}`)
    return { from, to }
  })
}

const csv = object({
  csv: required('Names of the columns, in order.', list(text({ expected: 'a column name' }), { min: 1 }).into(distinctColumns)),
  separator: defaulted(String.raw`The character between two columns; \t is a tab.`, ',', text({ expected: 'one character' }).into(oneCharacter)),
}).into((c): DecodeConfig => ({ kind: 'csv', columns: c.csv, separator: c.separator }))

function distinctColumns(columns: readonly string[], place: Place): readonly string[] | undefined {
  const twice = columns.findIndex((name, i) => columns.indexOf(name) < i)
  if (twice < 0) return columns
  return place.item(twice).problem(`the column "${clip(columns[twice]!)}" is named twice`, 'give each column a name of its own')
}

function oneCharacter(written: string, place: Place): string | undefined {
  const character = parseEscapes(written)?.toString('latin1') ?? ''
  return character.length === 1 ? character : place.problem(`${place.name} must be one ASCII character, found "${clip(written)}"`, String.raw`write for example ";" or "\t"`)
}

const regex = object({
  regex: required('Regular expression with named groups; each becomes a key of the JSON that is published.', text({ expected: 'a regular expression' }).into(namedGroups)),
}).into((r): DecodeConfig => ({ kind: 'regex', pattern: r.regex }))

function namedGroups(source: string, place: Place): RegExp | undefined {
  let pattern: RegExp
  try {
    pattern = new RegExp(source, 'u')
  } catch (error) {
    const why = (error as Error).message.replace(/^Invalid regular expression: /, '')
    return place.problem(`${place.name} is not a regular expression: ${clip(why)}`, "try it with `node -e`; in YAML, single quotes keep backslashes: '(?<level>\\d+)'")
  }
  if (groupsOf(source).length === 0) return place.problem(`${place.name} has no named group`, "name what is to be published: '(?<level>\\d+)'")
  return pattern
}

/** An alternative that matches the empty text shows the groups without matching any input. */
function groupsOf(source: string): string[] {
  return Object.keys(new RegExp(`${source}|`, 'u').exec('')?.groups ?? {})
}

const field = object({
  name: required('Name of the value.', text({ expected: 'a name' })),
  type: required('What stands there. bcd has two digits a byte, char is text, bool is true when it is not 0.', choice([...NUMBERS, 'bcd', 'bool', 'char'])),
  at: optional('Where it stands, from the first byte of the frame; left out: behind the field before.', integer(0, STRUCT_BYTES_MAX - 1)),
  bytes: optional('How many bytes it has, for bcd and char.', integer(1, 4096)),
  endian: optional('Whether its high byte (big) or its low one (little) comes first; left out: as said for all.', choice(['big', 'little'])),
  bits: optional('Only some bits of an unsigned integer; one alone is true or false.', bitRange()),
})

type Written = typeof field extends Schema<infer T> ? T : never

const struct = object({
  struct: required('Binary fields, in order.', list(field, { min: 1, unique: [{ key: 'name', of: (f) => f.name, message: (name) => `the field \`${clip(name)}\` is named twice`, hint: 'give each field a name of its own' }] })),
  endian: defaulted('Whether the high byte (big) or the low one (little) of a number comes first.', 'big', choice(['big', 'little'])),
  bytes: optional('Bytes of a frame; left out: up to the end of the last field.', integer(1, STRUCT_BYTES_MAX)),
}).into((s, place): DecodeConfig | undefined => {
  if (s.struct.length > FIELDS_MAX) return place.key('struct').problem(`\`struct\` has ${s.struct.length} fields`, `write ${FIELDS_MAX} at most`)
  const fields: StructField[] = []
  let next = 0
  for (const [i, written] of s.struct.entries()) {
    const made = structField(written, next, s.endian, place.key('struct').item(i))
    if (made === undefined) return undefined
    fields.push(made)
    next = made.at + made.bytes
  }
  const end = Math.max(...fields.map((f) => f.at + f.bytes))
  if (s.bytes !== null && s.bytes < end) return place.key('bytes').problem(`the fields take ${end} bytes, and \`bytes\` is ${s.bytes}`, `write \`bytes: ${end}\` or more`)
  return { kind: 'struct', bytes: s.bytes ?? end, fields }
})

function structField(f: Written, next: number, endian: 'big' | 'little', place: Place): StructField | undefined {
  const known = f.type === 'bool' ? 1 : f.type === 'bcd' || f.type === 'char' ? null : BYTES[f.type]
  if (known !== null && f.bytes !== null && f.bytes !== known) return place.key('bytes').problem(`${f.type} has ${known} ${known === 1 ? 'byte' : 'bytes'}, not ${f.bytes}`, 'leave `bytes` out, or choose another type')
  const bytes = known ?? f.bytes
  if (bytes === null) return place.problem(`the field \`${clip(f.name)}\` does not say how long it is`, 'add `bytes: …`')
  if (f.bits !== null && !(f.type === 'uint8' || f.type === 'uint16' || f.type === 'uint32')) return place.key('bits').problem(`${f.type} has no bits to choose from`, 'write uint8, uint16 or uint32')
  if (f.bits !== null && f.bits.to >= 8 * bytes) return place.key('bits').problem(`${f.type} has bits 0 to ${8 * bytes - 1}, not ${f.bits.to}`, 'count the bits from 0, the lowest')
  return { name: f.name, type: f.type, at: f.at ?? next, bytes, endian: f.endian ?? endian, bits: f.bits }
}

export const decode: Schema<DecodeConfig> = wordOr(
  choice(['json', 'raw'], 'json, raw, `{ csv: […] }`, `{ regex: … }` or `{ struct: […] }`').into((kind): DecodeConfig => ({ kind })),
  byKey('a group', { csv, regex, struct }),
)

/** The names that readings may be made of; null where only the device knows them. */
export function decodedNames(decode: DecodeConfig): readonly string[] | null {
  switch (decode.kind) {
    case 'csv':
      return decode.columns
    case 'regex':
      return groupsOf(decode.pattern.source)
    case 'struct':
      return decode.fields.map((f) => f.name)
    case 'raw':
      return ['value']
    case 'json':
      return null
  }
}
