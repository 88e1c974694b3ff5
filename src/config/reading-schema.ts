// gateway.yaml, the keys of a sensor that say how raw values become messages: values, every, onChange, deadband, maxSilence, staleAfter, payload.
import type { ConvertConfig, PayloadConfig, ReadingConfig, ValueConfig } from './config.ts'
import { deadband } from './deadband-schema.ts'
import { keyed } from './keyed.ts'
import { clip, type Place } from './place.ts'
import { boolean, choice, duration, integer, number, text } from './scalar.ts'
import { defaulted, list, object, optional, Schema, wordOr } from './schema.ts'
import { nearest } from './spelling.ts'

const DAY_MS = 86_400_000
const VALUES_MAX = 256
const POINTS_MAX = 1000
const COEFFICIENTS_MAX = 16

const nonZero = number().into((value, place) => (value !== 0 ? value : place.problem(`${place.name} is 0: every value would be the same`, 'write what a raw value is multiplied by')))

const range = list(number()).into((ends, place) => {
  const [min, max] = ends
  if (ends.length !== 2 || min === undefined || max === undefined) return place.problem(`${place.name} has ${ends.length} numbers`, 'write the lowest and the highest good value: [0, 400]')
  return min < max ? { min, max } : place.problem(`${place.name} ends at ${max}, below its begin ${min}`, `write [${max}, ${min}]`)
})

const point = list(number()).into((pair, place) => {
  const [raw, value] = pair
  return pair.length === 2 && raw !== undefined && value !== undefined ? ([raw, value] as const) : place.problem(`a point of \`table\` has ${pair.length} numbers`, 'write the raw value and what it means: [512, 21.5]')
})

const table = list(point, { min: 2 }).into((points, place) => {
  if (points.length > POINTS_MAX) return place.problem(`${place.name} has ${points.length} points`, `give ${POINTS_MAX} at most: between points lines are straight`)
  const wrong = points.findIndex(([raw], i) => i > 0 && raw <= points[i - 1]![0])
  return wrong < 0 ? points : place.item(wrong).problem(`the raw value ${points[wrong]![0]} does not follow ${points[wrong - 1]![0]}`, 'sort the points by raw value, each once')
})

const polynomial = list(number(), { min: 1 }).into((coefficients, place) => {
  return coefficients.length <= COEFFICIENTS_MAX ? coefficients : place.problem(`${place.name} has ${coefficients.length} coefficients`, `give ${COEFFICIENTS_MAX} at most, that of the constant first`)
})

const value: Schema<Omit<ValueConfig, 'name'>> = object({
  from: optional("The source's name of it. Left out: the same name.", text()),
  scale: optional('What the raw value is multiplied by.', nonZero),
  offset: optional('What is added then.', number()),
  polynomial: optional('Coefficients instead: that of the constant first, then of raw, raw² …', polynomial),
  table: optional('Points [raw, value] instead, with straight lines between them.', table),
  unit: optional('Its unit, for those that are told: Home Assistant, SenML, payloads with `unit`.', text()),
  range: optional('[lowest, highest] good value: beyond it the quality is out-of-range.', range),
  decimals: optional('Digits behind the point.', integer(0, 12)),
  deadband: optional('Published only when it has moved by more than this: 0.5, or 2%.', deadband),
  of: defaulted('What one value is made of all that was read in `every`.', 'last', choice(['last', 'mean', 'median', 'min', 'max'])),
}).into((v, place) => {
  const convert = convertOf(v, place)
  return convert === undefined ? undefined : { from: v.from ?? '', convert, unit: v.unit, range: v.range, decimals: v.decimals, deadband: v.deadband, of: v.of }
})

interface ConvertKeys {
  readonly scale: number | null
  readonly offset: number | null
  readonly polynomial: readonly number[] | null
  readonly table: readonly (readonly [number, number])[] | null
}

function convertOf({ scale, offset, polynomial: coefficients, table: points }: ConvertKeys, place: Place): ConvertConfig | null | undefined {
  const isLinear = scale !== null || offset !== null
  const given = [isLinear ? (scale !== null ? 'scale' : 'offset') : null, coefficients === null ? null : 'polynomial', points === null ? null : 'table'].filter((key) => key !== null)
  if (given.length > 1) return place.key(given[1]!).problem(`${place.name} has both \`${given[0]}\` and \`${given[1]}\``, 'a raw value is converted in one way: remove one of them')
  if (coefficients !== null) return { kind: 'polynomial', coefficients }
  if (points !== null) return { kind: 'table', points }
  return isLinear ? { kind: 'linear', scale: scale ?? 1, offset: offset ?? 0 } : null
}

/** `level:` with nothing behind it: the value as it comes. */
const valueOrNothing = new Schema<Omit<ValueConfig, 'name'>>(value.expected, { anyOf: [value.json, { type: 'null' }] }, (place) => value.check(place.isEmpty ? place.default('', {}) : place))

const values: Schema<readonly ValueConfig[]> = keyed({ expected: 'a name: letters, digits, - _ . and blanks (64 at most)', pattern: /^[\p{L}\p{N}_][\p{L}\p{N}_. -]{0,63}$/u }, valueOrNothing).into((entries, place) => {
  if (entries.length === 0) return place.problem(`${place.name} is empty`, 'name the values that are wanted, or remove the key')
  if (entries.length > VALUES_MAX) return place.problem(`${place.name} has ${entries.length} values`, `give ${VALUES_MAX} at most`)
  return entries.map(([name, v]) => ({ ...v, name, from: v.from === '' ? name : v.from }))
})

const WORDS = ['value', 'time', 'timeMs', 'timeSec', 'quality', 'clock', 'name', 'site', 'unit', 'sequence']

const payload: Schema<PayloadConfig> = wordOr(
  choice(['plain', 'json', 'senml'], 'plain, json, senml, `{ json: { KEY: WORD … } }` or `{ senml: BASE }`').into((kind): PayloadConfig => {
    return kind === 'json' ? { kind, keys: null } : kind === 'senml' ? { kind, baseName: '' } : { kind }
  }),
  object({
    json: optional(`Keys of the payload, and what stands under each: the name of a value, or ${WORDS.join(', ')}, unit.VALUE.`, keyed({ expected: 'a key of 1 to 64 characters', pattern: /^.{1,64}$/s }, text({ expected: 'the name of a value, or a word such as time' }))),
    senml: optional('SenML (RFC 8428) with this base name.', text({ expected: 'a base name such as urn:dev:mac:0024befffe804ff1:', pattern: /^[A-Za-z0-9][A-Za-z0-9:./_-]*$/, hint: 'letters, digits, - : . / _ only (RFC 8428, section 4.5.1)' })),
  }).into((p, place): PayloadConfig | undefined => {
    if ((p.json === null) === (p.senml === null)) return place.problem(`${place.name} needs one of \`json\` and \`senml\``, 'write { json: { value: value, at: time } } or { senml: "urn:…:" }')
    return p.json !== null ? { kind: 'json', keys: p.json.map(([key, word]) => ({ key, word })) } : { kind: 'senml', baseName: p.senml! }
  }),
)

/** The keys as they stand among those of a sensor. */
export const readingKeys = {
  values: optional('How raw values become those of a message, by name. Left out: as the source gives them.', values),
  every: optional('One message from all that was read in so long. Left out: one for each time something was read.', duration(10, 31 * DAY_MS)),
  onChange: optional('Only when a value has changed.', boolean()),
  deadband: optional('Only when a number has moved by more than this since the last message: 0.5, or 2%. For values that say nothing of their own.', deadband),
  maxSilence: optional('What is known is published again after so long without a message.', duration(1000, 365 * DAY_MS, { never: Infinity })),
  staleAfter: optional('After so long without anything read, what is known is published as stale.', duration(100, 365 * DAY_MS, { never: Infinity })),
  payload: optional('plain: the value alone; json; senml; or keys of your choice: `{ json: { v: level, at: time } }`.', payload),
} as const

export type ReadingValues = { readonly [K in keyof typeof readingKeys]: (typeof readingKeys)[K] extends { readonly schema: Schema<infer T> } ? T | null : never }

export interface ReadingContext {
  readonly topic: string
  readonly site: string
  readonly name: string
  /** Names that the source gives, where they are known. */
  readonly fields: readonly string[] | null
}

/** The reading of a sensor; `place` is the sensor's. Undefined when a problem was reported. */
export function readingOf(keys: ReadingValues, { topic, site, name, fields }: ReadingContext, place: Place): ReadingConfig | undefined {
  const { values: named, payload: wanted } = keys
  const isEach = topic.includes('{value}')
  const names = named?.map((v) => v.name) ?? fields
  let valid = true
  if (named !== null && fields !== null) {
    for (const v of named) {
      if (fields.includes(v.from)) continue
      const near = nearest(v.from, fields)
      const at = place.key('values').key(v.name)
      const where = at.has('from') ? at.key('from') : at
      where.problem(`the sensor gives no \`${clip(v.from)}\``, `${near === null ? '' : `did you mean ${near}? `}it gives ${fields.join(', ')}`)
      valid = false
    }
  }
  if (wanted?.kind === 'plain' && !isEach && names !== null && names.length > 1) {
    place.key('payload').problem(`a plain payload holds one value, and the sensor has ${names.length}`, 'give each a topic of its own with {value} in `topic`, or write `payload: json`')
    valid = false
  }
  if (wanted?.kind === 'plain' && !isEach && names === null) {
    place.key('payload').warning('a plain payload holds one value: of several that are read at once only the first is published', 'name the one that is wanted in `values`, or give each a topic of its own with {value} in `topic`')
  }
  if (wanted?.kind === 'json' && wanted.keys !== null) {
    for (const { key, word } of wanted.keys) {
      const plain = word.startsWith('unit.') ? word.slice(5) : word
      if (names === null || names.includes(plain) || WORDS.includes(word)) continue
      const near = nearest(word, [...names, ...WORDS])
      place.key('payload').key('json').key(key).problem(`\`${clip(word)}\` is no value of this sensor`, `${near === null ? '' : `did you mean ${near}? `}the values are ${names.join(', ')}; words are ${WORDS.join(', ')}`)
      valid = false
    }
  }
  const windowed = named?.find((v) => v.of !== 'last')
  if (windowed !== undefined && keys.every === null) {
    place.key('values').key(windowed.name).key('of').problem(`\`${windowed.of}\` of what? There is no \`every\``, 'add for example `every: 1m` to the sensor')
    valid = false
  }
  if (!valid) return undefined
  return {
    values: named,
    everyMs: keys.every,
    onChange: keys.onChange ?? false,
    deadband: keys.deadband,
    silenceMsMax: keys.maxSilence ?? Infinity,
    staleMs: keys.staleAfter ?? Infinity,
    payload: wanted === null ? { kind: 'json', keys: null } : wanted.kind === 'senml' && wanted.baseName === '' ? { kind: 'senml', baseName: `${site}:${name}:` } : wanted,
  }
}

/** None of the keys is given: what the source gives is published as it is. */
export function asItIs(keys: ReadingValues): boolean {
  return Object.keys(readingKeys).every((key) => keys[key as keyof ReadingValues] === null)
}


