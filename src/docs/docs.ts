// The reference of gateway.yaml: what the command and the API ask. Loaded when somebody asks: the schema is there anyway, the rest is text.
import { jsonSchema } from '../config/gateway-schema.ts'
import { nearest } from '../config/spelling.ts'
import { type Example, EXAMPLES } from './examples.ts'
import { markdown } from './markdown.ts'
import { allKeys, findKey, type Key, plain, reference } from './reference.ts'
import { keyText, listText, type Page } from './text.ts'

export type { Example, Key, Page }

/** The file's sections, in their order. */
export function sections(): readonly Key[] {
  return reference(jsonSchema())
}

export function examplesOf(section: string): readonly Example[] {
  return Object.hasOwn(EXAMPLES, section) ? EXAMPLES[section]!.map(({ title, yaml }) => ({ title, yaml: yaml.trim() })) : []
}

export function wholeMarkdown(): string {
  return markdown(sections(), examplesOf)
}

/** Of a section or a key by its path; of a name that several have, where. A sentence when there is none. */
export function pageOf(what: string | null, page: Page): { readonly text: string } | { readonly unknown: string } {
  const all = sections()
  if (what === null) return { text: `${listText(all, page)}\n\nsandpiper docs SECTION, or a key: sandpiper docs uplinks.links.connect. The whole of it: sandpiper docs --markdown\n` }
  const key = findKey(all, what)
  if (key !== null) return { text: `${keyText(key, examplesOf(key.path), page)}\n` }
  const places = [...new Map([...allKeys(all)].filter(({ name }) => name.toLowerCase() === what.toLowerCase()).map((found) => [found.path, found])).values()]
  if (places.length === 1) return { text: `${keyText(places[0]!, [], page)}\n` }
  if (places.length > 1) return { text: `${listText(places.map((found) => ({ ...found, name: plain(found.path) })), page)}\n` }
  const near = nearest(what, [...new Set([...allKeys(all)].flatMap(({ name, path }) => [name, plain(path)]))])
  return { unknown: `gateway.yaml has no ${what}${near === null ? '' : `: did you mean ${near}?`}` }
}
