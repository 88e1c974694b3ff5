// The single values of a schema: text, numbers, choices, durations, sizes, topics. Each refuses with what it found and what to write.
import { topicFilterProblem } from '../mqtt/topic.ts'
import { clip, type Place } from './place.ts'
import { Schema } from './schema.ts'
import { nearest } from './spelling.ts'
import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from './units.ts'

const UTF8_STRING_BYTES_MAX = 65_535 // MQTT 5.0 section 1.5.4

interface TextOptions {
  readonly expected?: string
  readonly pattern?: RegExp
  readonly hint?: string
  /** Replace `{site}`. */
  readonly placeholders?: boolean
  /** Placeholders that stay as they are. */
  readonly kept?: readonly string[]
  /** Never shown in a message. */
  readonly secret?: boolean
  readonly empty?: boolean
}

export function text(options: TextOptions = {}): Schema<string> {
  const { expected = 'text', pattern, placeholders = false, kept = [], secret = false, empty = false, hint = 'write it in quotes if it looks like something else' } = options
  const json = { ...(options.expected === undefined ? {} : { title: expected }), type: 'string', ...(pattern === undefined ? {} : { pattern: pattern.source }), ...(empty ? {} : { minLength: 1 }) }
  return new Schema(expected, json, (place) => {
    const { tree } = place
    if (tree.kind !== 'scalar' || typeof tree.value !== 'string') {
      const quoted = tree.kind === 'scalar' && tree.value !== null && !secret ? `write it in quotes: "${clip(tree.source)}"` : hint
      return place.wrong(expected, quoted, secret)
    }
    const value = placeholders ? replacePlaceholders(tree.value, place, kept) : tree.value
    if (value === undefined) return undefined
    if (value === '' && !empty) return place.problem(`${place.name} is empty`, `write ${expected}`)
    if (value.includes('\0')) return place.problem(`${place.name} holds the character U+0000`, 'MQTT does not allow it: remove it')
    if (Buffer.byteLength(value) > UTF8_STRING_BYTES_MAX) return place.problem(`${place.name} is longer than ${UTF8_STRING_BYTES_MAX} bytes`, 'MQTT carries no longer text')
    if (pattern !== undefined && !pattern.test(value)) return place.wrong(expected, hint, secret)
    return value
  })
}

function replacePlaceholders(value: string, place: Place, kept: readonly string[]): string | undefined {
  const known = new Map([...place.run.placeholders, ...kept.map((name) => [name, `{${name}}`] as const)])
  let valid = true
  const replaced = value.replaceAll(/\{([^{}/]*)\}/g, (whole, name: string) => {
    const replacement = known.get(name)
    if (replacement !== undefined) return replacement
    const near = nearest(name, [...known.keys()])
    place.problem(`unknown placeholder ${clip(whole)} in ${place.name}`, `${near === null ? '' : `did you mean {${near}}? `}the placeholders are ${[...known.keys()].map((k) => `{${k}}`).join(', ')}`)
    valid = false
    return whole
  })
  return valid ? replaced : undefined
}

/** A name of ours: it becomes part of topics, file names and tables. */
export function identifier(what: string): Schema<string> {
  return text({
    expected: `${what}: letters, digits, - _ and . (64 at most)`,
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    hint: 'use letters, digits, - _ and . only, for example well-07',
  })
}

/** '' is the gateway's own space. That there is such a tenant is checked when the whole file has been read. */
export function tenantName(): Schema<string> {
  return text({ expected: 'the name of a tenant', pattern: /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$/, empty: true, hint: 'write a name of `tenants`' })
}

export function boolean(): Schema<boolean> {
  return new Schema('true or false', { type: 'boolean' }, (place) => {
    const { tree } = place
    if (tree.kind === 'scalar' && typeof tree.value === 'boolean') return tree.value
    return place.wrong('true or false', 'write true or false, without quotes')
  })
}

/** `words` are other ways to write a value: `none`. */
export function integer(min: number, max: number, words: Readonly<Record<string, number>> = {}): Schema<number> {
  const named = Object.keys(words)
  const expected = `a whole number from ${min} to ${max}${named.map((word) => `, or ${word}`).join('')}`
  const whole = { type: 'integer', minimum: min, maximum: max }
  return new Schema(expected, named.length === 0 ? whole : { title: expected, anyOf: [whole, { enum: named }] }, (place) => {
    const { tree } = place
    const value = tree.kind === 'scalar' ? tree.value : null
    if (typeof value === 'string' && Object.hasOwn(words, value)) return words[value]!
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
    const quoted = typeof value === 'string' && /^\d+$/.test(value)
    return place.wrong(expected, quoted ? `write ${value} without quotes` : `write a number from ${min} to ${max}`)
  })
}

export function number(): Schema<number> {
  return new Schema('a number', { type: 'number' }, (place) => {
    const { tree } = place
    return tree.kind === 'scalar' && Number.isFinite(tree.value) ? (tree.value as number) : place.wrong('a number', 'write a number, for example 21.5')
  })
}

/** A part of a whole as a number from 0 to 1, written `20%`. `words` are other ways to write a value: `off`. */
export function percentage(words: Readonly<Record<string, number>> = {}): Schema<number> {
  const named = Object.keys(words)
  const expected = `a percentage from 0% to 100%${named.map((word) => `, or ${word}`).join('')}`
  const pattern = String.raw`^(\d+(\.\d+)?) ?%$`
  const json = { title: expected, type: 'string', pattern }
  return new Schema(expected, named.length === 0 ? json : { title: expected, anyOf: [json, { enum: named }] }, (place) => {
    const { tree } = place
    if (tree.kind === 'scalar' && typeof tree.value === 'string' && Object.hasOwn(words, tree.value)) return words[tree.value]!
    const match = tree.kind === 'scalar' && typeof tree.value === 'string' ? new RegExp(pattern).exec(tree.value) : null
    const value = Number(match?.[1]) / 100
    return match !== null && value <= 1 ? value : place.wrong(expected, 'write for example 20%')
  })
}

/** `expected` says it when the bare words do not. */
export function choice<const T extends string | number>(choices: readonly T[], expected = either(choices)): Schema<T> {
  return new Schema<T>(expected, { enum: choices }, (place) => {
    const { tree } = place
    const value = tree.kind === 'scalar' ? tree.value : null
    if (choices.includes(value as T)) return value as T
    const near = typeof value === 'string' ? nearest(value, choices.map(String)) : null
    return place.wrong(expected, near === null ? `write ${expected}` : `did you mean ${near}?`)
  })
}

function either(choices: readonly (string | number)[]): string {
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
}

/** Milliseconds. `words` are other ways to write a value: `never`. */
export function duration(minMs: number, maxMs: number, words: Readonly<Record<string, number>> = {}): Schema<number> {
  const named = Object.keys(words)
  const expected = `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}${named.map((word) => `, or ${word}`).join('')}`
  const pattern = [DURATION_PATTERN, ...named.map((word) => `^${word}$`)].join('|')
  return quantity(expected, { min: minMs, max: maxMs, words, pattern, parse: parseDuration, units: 'a number with ms, s, m, h or d, for example 20ms or 30d', guess: 's' })
}

/** Bytes. `words` are other ways to write a value: `unlimited`. */
export function size(minBytes: number, maxBytes: number, words: Readonly<Record<string, number>> = {}): Schema<number> {
  const named = Object.keys(words)
  const expected = `a size from ${formatSize(minBytes)} to ${formatSize(maxBytes)}${named.map((word) => `, or ${word}`).join('')}`
  const pattern = [SIZE_PATTERN, ...named.map((word) => `^${word}$`)].join('|')
  return quantity(expected, { min: minBytes, max: maxBytes, words, pattern, parse: parseSize, units: 'a number with B, kB, MB or GB (or KiB, MiB, GiB), for example 64kB or 2GB', guess: 'MB' })
}

interface Quantity {
  readonly min: number
  readonly max: number
  readonly words: Readonly<Record<string, number>>
  readonly pattern: string
  readonly parse: (text: string) => number | null
  readonly units: string
  /** A unit for the hint of a bare number. */
  readonly guess: string
}

function quantity(expected: string, q: Quantity): Schema<number> {
  const json = { title: expected, anyOf: [{ type: 'string', pattern: q.pattern }, ...(q.min === 0 ? [{ const: 0 }] : [])] }
  return new Schema(expected, json, (place) => {
    const { tree } = place
    if (tree.kind !== 'scalar' || tree.value === null || typeof tree.value === 'boolean') return place.wrong(expected, `write ${q.units}`)
    if (typeof tree.value === 'number' && tree.value !== 0) return place.problem(`${place.name} has no unit: ${clip(tree.source)} of what?`, `write ${q.units} (perhaps ${clip(tree.source)}${q.guess})`)
    const word = String(tree.value)
    const value = Object.hasOwn(q.words, word) ? q.words[word]! : q.parse(word)
    if (value === null) return place.wrong(expected, `write ${q.units}`)
    // Words stand outside the range on purpose.
    if (!Object.hasOwn(q.words, word) && (value < q.min || value > q.max)) return place.wrong(expected, `write ${expected}`)
    return value
  })
}

/** A topic of this site that we publish to: no wildcards, not one of the broker's own ($…). `kept`: placeholders that stay. */
export function topicName(kept: readonly string[] = []): Schema<string> {
  return text({ expected: 'a topic', placeholders: true, kept }).into((name, place) => {
    if (/[+#]/.test(name)) return place.problem(`${place.name} "${clip(name)}" has a wildcard`, 'a message goes to one topic: write it without + and #')
    if (name.startsWith('$')) return place.problem(`${place.name} "${clip(name)}" starts with $`, 'topics with $ belong to the broker: choose another first level')
    return name
  })
}

export function topicFilter(): Schema<string> {
  return text({ expected: 'a topic filter', placeholders: true }).into((filter, place) => {
    const problem = topicFilterProblem(filter)
    if (problem !== null) return place.problem(`${place.name} "${clip(filter)}" is not a topic filter: ${problem}`, 'write levels separated by /, + for one level, # at the end for all below')
    if (filter.startsWith('$share/')) return place.problem(`${place.name} "${clip(filter)}" is a shared subscription`, 'a route takes every message: write the filter behind $share/NAME/')
    return filter
  })
}
