// A configuration as it may be shown to somebody who helps: without its secrets. What is one is known by the schema, not by how it looks.
//
// What is always true
//   1. Only a value is shown that the schema knows at its place and does not call secret (`writeOnly`). What stands under an unknown key, twice, or
//      where a group is expected is hidden: a misspelt `pasword` has one too.
//   2. Comments are hidden: the old password stands there.
//   3. Of a URL the user, the password and the query are hidden: some servers want a token there.
//   4. Lines stay where they are, so that a mistake is found by its number. A text that is no YAML is not shown at all: nobody can say what is what.
import { jsonSchema } from './gateway-schema.ts'
import type { JsonSchema } from './schema.ts'
import { replaced } from './replaced.ts'
import { commentSpans, parseYaml, scalarSpans, type Tree } from './yaml.ts'

export const HIDDEN = '(hidden)'

/** null for a text that is no YAML. */
export function redacted(text: string): string | null {
  const { tree, broken } = parseYaml(text)
  if (broken) return null
  const shown = new Shown()
  if (tree !== null) shown.walk(tree, [jsonSchema()])
  const scalars = scalarSpans(text).flatMap((span) => {
    const by = shown.has(span.start) ? shown.tamed.get(span.start) : HIDDEN
    return by === undefined ? [] : [{ ...span, by }]
  })
  // Behind the sign of a block a comment lies inside its scalar.
  const comments = commentSpans(text).filter(({ start }) => !scalars.some((span) => start >= span.start && start < span.end))
  return replaced(text, [...scalars, ...comments.map((span) => ({ ...span, by: '#' }))])
}

class Shown {
  readonly #allowed = new Set<number>()
  /** An anchored value may be a secret where it is used again. */
  readonly #forbidden = new Set<number>()
  /** Shown as something else, by their starts. */
  readonly tamed = new Map<number, string>()
  readonly #seen = new Map<Tree, Set<string>>()
  readonly #numbers = new Map<JsonSchema, number>()

  has(start: number): boolean {
    return this.#allowed.has(start) && !this.#forbidden.has(start)
  }

  /** `schemas`: all that the value may be; none: nothing is known of it. */
  walk(tree: Tree, schemas: readonly JsonSchema[]): void {
    const all = schemas.flatMap(alternatives)
    if (this.#isKnown(tree, all)) return
    if (tree.kind === 'map') {
      for (const [key, { keyStart, value }] of tree.entries) {
        this.#allowed.add(keyStart)
        this.walk(value, all.flatMap((schema) => schemaOf(schema, key)))
      }
    } else if (tree.kind === 'list') {
      for (const item of tree.items) this.walk(item, all.flatMap((schema) => (isSchema(schema['items']) ? [schema['items']] : [])))
    } else {
      const isSecret = all.some((schema) => schema['writeOnly'] === true)
      const isExpected = all.some((schema) => schema['type'] !== 'object' && schema['type'] !== 'array')
      if (!isSecret && isExpected && !isKey(tree.value)) this.#allowed.add(tree.start)
      else this.#forbidden.add(tree.start)
      const tame = typeof tree.value === 'string' ? tameUrl(tree.value) : null
      if (tame !== null) this.tamed.set(tree.start, JSON.stringify(tame))
    }
  }

  /** A bomb of aliases has few trees, and few places for each. */
  #isKnown(tree: Tree, all: readonly JsonSchema[]): boolean {
    const places = this.#seen.get(tree) ?? new Set<string>()
    const place = all.map((schema) => this.#numberOf(schema)).join()
    const isKnown = places.has(place)
    this.#seen.set(tree, places.add(place))
    return isKnown
  }

  #numberOf(schema: JsonSchema): number {
    const number = this.#numbers.get(schema) ?? this.#numbers.size
    this.#numbers.set(schema, number)
    return number
  }
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const { anyOf } = schema as { readonly anyOf?: readonly JsonSchema[] }
  return anyOf === undefined ? [schema] : anyOf.flatMap(alternatives)
}

function schemaOf({ properties, additionalProperties }: JsonSchema, key: string): readonly JsonSchema[] {
  if (isSchema(properties) && Object.hasOwn(properties, key)) return [properties[key] as JsonSchema]
  return isSchema(additionalProperties) ? [additionalProperties] : []
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null
}

/** Pasted where the name of its file belongs. */
function isKey(value: unknown): boolean {
  return typeof value === 'string' && value.includes('PRIVATE KEY-----')
}

/** null for what is no URL, or one with nothing to hide. */
function tameUrl(text: string): string | null {
  const tame = text.replace(/(:\/\/).*@/s, `$1${HIDDEN}@`).replace(/(:\/\/[^?]*\?).*/s, `$1${HIDDEN}`)
  return tame === text ? null : tame
}
