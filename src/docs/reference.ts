// The reference of gateway.yaml as a tree: every key with what it may be, its default and what it is for. Made of the JSON Schema that the checker
// has of itself, so that nothing can be said here that the checker does not hold. Pure.
//
//   a group of keys       keys
//   a list of groups      keys of one item, under `name[]`
//   groups of many kinds  the keys that all of them have, and for each kind those that only it has (`kinds`)

interface Json {
  readonly [keyword: string]: unknown
}

export interface Key {
  readonly name: string
  /** From the top: `uplinks[].links[].connect`. Names that the file gives are `*`. */
  readonly path: string
  /** What may be written, as a checker's sentence says it. */
  readonly value: string
  readonly need: 'required' | 'optional'
  /** As it is written in the file; null where there is none. */
  readonly default: string | null
  readonly description: string
  readonly keys: readonly Key[]
  readonly kinds: readonly Kind[]
}

/** One of several groups that may stand in a place. */
export interface Kind {
  /** The keys that tell it from others. */
  readonly name: string
  readonly keys: readonly Key[]
}

/** The top of the tree: sections of the file, in their order. */
export function reference(schema: Json): readonly Key[] {
  return keysOf(schema, '')
}

/** All keys of the tree. */
export function* allKeys(keys: readonly Key[]): Iterable<Key> {
  for (const key of keys) {
    yield key
    yield* allKeys(key.keys)
    for (const kind of key.kinds) yield* allKeys(kind.keys)
  }
}

/** By its path, with or without the brackets of lists; null when there is none. Where several kinds have it: that of the first. */
export function findKey(keys: readonly Key[], path: string): Key | null {
  const wanted = plain(path)
  for (const key of allKeys(keys)) if (plain(key.path) === wanted) return key
  return null
}

export function plain(path: string): string {
  return path.replaceAll('[]', '').replace(/^\.|\.$/g, '')
}

function keysOf(group: Json, path: string): Key[] {
  const required = (group['required'] as readonly string[] | undefined) ?? []
  return Object.entries((group['properties'] as Record<string, Json> | undefined) ?? {}).map(([name, json]) => keyOf(name, json, `${path}${name}`, required.includes(name)))
}

function keyOf(name: string, json: Json, path: string, isRequired: boolean): Key {
  const { groups, suffix } = groupsIn(json)
  const base = `${path}${suffix}.`
  return {
    name,
    path,
    value: valueOf(json),
    need: isRequired ? 'required' : 'optional',
    default: json['default'] === undefined ? null : yamlOf(json['default']),
    description: String(json['description'] ?? ''),
    ...insideOf(groups, base),
  }
}

/** The groups that may stand in a place, in a list there, or under names that the file gives. */
function groupsIn(json: Json): { readonly groups: readonly Json[]; readonly suffix: string } {
  const items = json['items'] as Json | undefined
  if (items !== undefined) return { groups: groupsIn(items).groups, suffix: '[]' }
  const named = json['additionalProperties']
  if (named !== undefined && named !== false && named !== true) return { groups: groupsIn(named as Json).groups, suffix: '.*' }
  const any = json['anyOf'] as readonly Json[] | undefined
  if (any === undefined) return { groups: json['properties'] === undefined ? [] : [json], suffix: '' }
  const found = any.map(groupsIn)
  return { groups: found.flatMap(({ groups }) => groups), suffix: found.find(({ suffix }) => suffix !== '')?.suffix ?? '' }
}

function insideOf(groups: readonly Json[], base: string): Pick<Key, 'keys' | 'kinds'> {
  const [first, ...others] = groups.map((group) => keysOf(group, base))
  if (first === undefined) return { keys: [], kinds: [] }
  if (others.length === 0) return { keys: first, kinds: [] }
  const all = [first, ...others]
  const isCommon = (key: Key): boolean => all.every((keys) => keys.some((other) => isSame(other, key)))
  const common = first.filter(isCommon)
  const kinds = all.map((keys, i) => {
    const own = keys.filter((key) => !isCommon(key))
    const telling = ((groups[i]!['required'] as readonly string[] | undefined) ?? []).filter((name) => own.some((key) => key.name === name))
    return { name: telling.length > 0 ? telling.join(', ') : own.map(({ name }) => name).join(', '), keys: own }
  })
  return { keys: common, kinds: kinds.filter(({ keys }) => keys.length > 0) }
}

function isSame(a: Key, b: Key): boolean {
  return a.name === b.name && JSON.stringify(a) === JSON.stringify(b)
}

/** For a sentence: `a duration from 1s to 1h`. */
function valueOf(json: Json): string {
  const { title, type, anyOf, items, minimum, maximum, additionalProperties: named } = json as { title?: string; type?: string; anyOf?: Json[]; items?: Json; minimum?: number; maximum?: number; additionalProperties?: Json | boolean }
  if (title !== undefined) return title
  if (json['enum'] !== undefined) return either((json['enum'] as unknown[]).map(String))
  if (json['const'] !== undefined) return String(json['const'])
  if (anyOf !== undefined) return either([...new Set(anyOf.map(valueOf))])
  switch (type) {
    case 'boolean':
      return 'true or false'
    case 'integer':
      return minimum === undefined ? 'a whole number' : `a whole number from ${minimum} to ${maximum}`
    case 'number':
      return 'a number'
    case 'string':
      return 'text'
    case 'array':
      return items === undefined ? 'a list' : `a list: ${valueOf(items)}`
    case 'object':
      return named === undefined || typeof named === 'boolean' ? 'a group of keys' : `names, and for each ${valueOf(named)}`
    case 'null':
      return 'nothing'
    default:
      return 'a value'
  }
}

function either(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** As it stands in a file, on one line. */
function yamlOf(value: unknown): string {
  if (typeof value === 'string') return value === '' ? "''" : value
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.map(yamlOf).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
    return entries.length === 0 ? '{}' : `{ ${entries.map(([name, inner]) => `${name}: ${yamlOf(inner)}`).join(', ')} }`
  }
  return String(value)
}
