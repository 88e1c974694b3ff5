// The nodes a schema is made of: groups of keys, lists, and values of several shapes. Single values are in scalar.ts.
//
// Every node knows how to check a value of the file and its JSON Schema; every field of a group also its description and
// its default. What a check answers is a finished value, or `undefined` after it has reported why not.
// Always true: unknown keys are refused, every mistake is reported, a default goes through the same check as a value of the file.
import { clip, type Place } from './place.ts'
import { nearest } from './spelling.ts'

/** A JSON Schema (draft 7, which editors understand best). */
export interface JsonSchema {
  readonly [keyword: string]: unknown
}

export class Schema<T> {
  readonly check: (place: Place) => T | undefined
  readonly json: JsonSchema
  /** What the value must be, for a sentence: `a duration`. */
  readonly expected: string

  constructor(expected: string, json: JsonSchema, check: (place: Place) => T | undefined) {
    this.expected = expected
    this.json = json
    this.check = check
  }

  /** The same node, with another value made of the checked one, or one more check: `fn` reports at `place` and answers undefined. */
  into<U>(fn: (value: T, place: Place) => U | undefined): Schema<U> {
    return new Schema(this.expected, this.json, (place) => {
      const value = this.check(place)
      return value === undefined ? undefined : fn(value, place)
    })
  }
}

/** One key of a group. */
export interface Field<T> {
  readonly description: string
  readonly schema: Schema<T>
  readonly need: 'required' | 'optional' | 'default'
  /** As it would be written in the file. */
  readonly default: unknown
}

export function required<T>(description: string, schema: Schema<T>): Field<T> {
  return { description, schema, need: 'required', default: undefined }
}

/** null when it is not given. */
export function optional<T>(description: string, schema: Schema<T>): Field<T | null> {
  return { description, schema, need: 'optional', default: undefined }
}

export function defaulted<T>(description: string, plain: unknown, schema: Schema<T>): Field<T> {
  return { description, schema, need: 'default', default: plain }
}

/** The same keys where none has to be given: null then. `note` is added to the descriptions. */
export function optionalOf<F extends Readonly<Record<string, Field<unknown>>>>(fields: F, note: string): { readonly [K in keyof F]: F[K] extends Field<infer T> ? Field<T | null> : never } {
  const entries = Object.entries(fields).map(([name, field]) => [name, { ...field, description: `${field.description} ${note}`, need: 'optional', default: undefined }])
  return Object.fromEntries(entries)
}

type Fields = Readonly<Record<string, Field<unknown>>>
type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }

/** A group of keys. Unknown keys are refused. */
export function object<F extends Fields>(fields: F): Schema<Values<F>> {
  const names = Object.keys(fields)
  return new Schema('a group of keys', objectJson(fields), (place) => {
    const { tree } = place
    if (tree.kind !== 'map') return place.wrong('a group of keys', `one \`key: value\` on a line, indented under it; the keys are ${names.join(', ')}`)
    let valid = true
    for (const key of tree.entries.keys()) {
      if (Object.hasOwn(fields, key)) continue
      unknownKey(place, key, names)
      valid = false
    }
    const values: Record<string, unknown> = {}
    for (const [name, field] of Object.entries(fields)) {
      const value = checkField(place, name, field)
      if (value === undefined) valid = false
      values[name] = value
    }
    return valid ? (values as Values<F>) : undefined
  })
}

function checkField(place: Place, name: string, field: Field<unknown>): unknown {
  if (place.has(name)) {
    const child = place.key(name)
    // `uplinks:` with every item commented out is a habit; an empty single value is a mistake.
    const isCollection = field.schema.json['type'] === 'object' || field.schema.json['type'] === 'array'
    if (!(child.isEmpty && isCollection && field.need === 'default')) return field.schema.check(child)
  }
  if (field.need === 'default') return field.schema.check(place.default(name, field.default))
  if (field.need === 'optional') return null
  return place.problem(`\`${name}\` is missing${place.path === '' ? '' : ` in ${place.name}`}`, `add \`${name}: …\`. ${field.description}`)
}

function unknownKey(place: Place, key: string, names: readonly string[]): void {
  const near = nearest(key, names)
  const where = place.path === '' ? '' : ` in ${place.name}`
  if (key === '<<') place.keyProblem(key, 'merge keys (<<) are not known here', 'write the keys out')
  else place.keyProblem(key, `unknown key \`${clip(key)}\`${where}`, `${near === null ? '' : `did you mean \`${near}\`? `}allowed here: ${names.join(', ')}`)
}

function objectJson(fields: Fields): JsonSchema {
  const properties: Record<string, JsonSchema> = {}
  for (const [name, field] of Object.entries(fields)) {
    properties[name] = { ...field.schema.json, description: field.description, ...(field.need === 'default' ? { default: field.default } : {}) }
  }
  const needed = Object.keys(fields).filter((name) => fields[name]!.need === 'required')
  return { type: 'object', properties, ...(needed.length > 0 ? { required: needed } : {}), additionalProperties: false }
}

/** What no two items of a list may have in common. */
export interface Unique<T> {
  /** The key to point at. */
  readonly key: string
  /** null takes no part. */
  readonly of: (item: T) => string | null
  readonly message: (value: string) => string
  readonly hint: string
}

export function list<T>(item: Schema<T>, options: { readonly min?: number; readonly unique?: readonly Unique<T>[] } = {}): Schema<readonly T[]> {
  const { min = 0, unique = [] } = options
  const expected = `a list${min > 0 ? ` of at least ${min}` : ''}`
  const json = { type: 'array', items: item.json, ...(min > 0 ? { minItems: min } : {}) }
  return new Schema(expected, json, (place) => {
    const { tree } = place
    if (tree.kind !== 'list') return place.wrong(expected, 'start each item with a dash: `- …`')
    if (tree.items.length < min) return place.problem(`${place.name} is empty`, `give at least ${min}: ${item.expected}`)
    const values: T[] = []
    const seen = unique.map(() => new Map<string, string>())
    for (let i = 0; i < tree.items.length; i++) {
      const at = place.item(i)
      const value = item.check(at)
      if (value === undefined) continue
      values.push(value)
      unique.forEach((rule, n) => distinct(rule, value, at, seen[n]!))
    }
    return values.length === tree.items.length ? values : undefined
  })
}

function distinct<T>(rule: Unique<T>, value: T, at: Place, seen: Map<string, string>): void {
  const shared = rule.of(value)
  if (shared === null) return
  const first = seen.get(shared)
  if (first === undefined) seen.set(shared, at.path)
  else at.key(rule.key).problem(`${rule.message(shared)}, as in \`${first}\``, rule.hint)
}

/** One value, or a list of them. */
export function oneOrMore<T>(one: Schema<T>): Schema<readonly T[]> {
  const more = list(one, { min: 1 })
  return new Schema<readonly T[]>(one.expected, { anyOf: [one.json, more.json] }, (place) => {
    if (place.tree.kind === 'list') return more.check(place)
    const value = one.check(place)
    return value === undefined ? undefined : [value]
  })
}

/** A group of keys whose kind is told by which one key it has. */
export function byKey<V extends Readonly<Record<string, Schema<unknown>>>>(what: string, variants: V): Schema<V[keyof V] extends Schema<infer T> ? T : never> {
  type T = V[keyof V] extends Schema<infer U> ? U : never
  const keys = Object.keys(variants)
  const choices = keys.map((key) => `\`${key}\``).join(' or ')
  const expected = `${what} with ${choices}`
  const json = { anyOf: keys.map((key) => ({ ...variants[key]!.json, required: [...new Set([key, ...((variants[key]!.json['required'] as string[] | undefined) ?? [])])] })) }
  return new Schema<T>(expected, json, (place) => {
    const { tree } = place
    if (tree.kind !== 'map') return place.wrong(expected, `give a group with the key ${choices}`)
    const present = keys.filter((key) => tree.entries.has(key))
    if (present.length === 1) return variants[present[0]!]!.check(place) as T | undefined
    if (present.length > 1) return place.keyProblem(present[1]!, `${place.name} has both \`${present[0]}\` and \`${present[1]}\``, `give one of ${choices}`)
    const guesses = [...tree.entries.keys()].map((key) => [key, nearest(key, keys)] as const)
    const guess = guesses.find(([, near]) => near !== null)
    if (guess !== undefined) return place.keyProblem(guess[0], `unknown key \`${clip(guess[0])}\` in ${place.name}`, `did you mean \`${guess[1]}\`?`)
    return place.problem(`${place.name} has no ${choices}`, `${what} needs one of ${choices}`)
  })
}

/** Either a single value or a group of keys. `word.expected` speaks for both. */
export function wordOr<A, B>(word: Schema<A>, group: Schema<B>): Schema<A | B> {
  return new Schema<A | B>(word.expected, { anyOf: [word.json, group.json] }, (place) => {
    return place.tree.kind === 'map' ? group.check(place) : word.check(place)
  })
}
