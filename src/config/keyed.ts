// A group whose keys are names that somebody chose, each with a value of the same kind.
import { clip, type Place } from './place.ts'
import { Schema } from './schema.ts'

/** `key.pattern` is what a name looks like; `key.expected` says it. In the order of the file. */
export function keyed<T>(key: { readonly expected: string; readonly pattern: RegExp }, value: Schema<T>): Schema<readonly (readonly [key: string, value: T])[]> {
  const json = { type: 'object', propertyNames: { pattern: key.pattern.source }, additionalProperties: value.json }
  return new Schema('a group of keys', json, (place: Place) => {
    const { tree } = place
    if (tree.kind !== 'map') return place.wrong('a group of keys', `one \`key: value\` on a line, indented under it; each key is ${key.expected}`)
    const entries: (readonly [string, T])[] = []
    let valid = true
    for (const name of tree.entries.keys()) {
      if (!key.pattern.test(name)) {
        place.keyProblem(name, `the key \`${clip(name)}\` is not ${key.expected}`, `write ${key.expected}`)
        valid = false
        continue
      }
      const checked = value.check(place.key(name))
      if (checked === undefined) valid = false
      else entries.push([name, checked])
    }
    return valid ? entries : undefined
  })
}
