// Long lists come in pages, in the order of a text key; `after` is the key of the last item of the page before. What is put in or goes between two pages moves nothing.
import { count, text, type JsonSchema, type Properties } from './route.ts'

export const LIMIT_MAX = 1000

export const PAGE_QUERY: Properties = {
  limit: { type: 'integer', minimum: 1, maximum: LIMIT_MAX, default: 100, description: 'Items of this page.' },
  after: text('`next` of the page before.', { default: '' }),
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Give it as `after`; null on the last page. */
  readonly next: string | null
  readonly total: number
}

export function pageSchema(item: JsonSchema): JsonSchema {
  return {
    type: 'object',
    required: ['items', 'next', 'total'],
    properties: { items: { type: 'array', items: item }, next: { type: ['string', 'null'], description: 'Give it as `after` for the next page; null on the last one.' }, total: count('Items of all pages.') },
    additionalProperties: false,
  }
}

/** Only what is on the page is made. */
export function pageOf<T, U>(all: Iterable<T>, keyOf: (item: T) => string, { limit, after }: Readonly<Record<string, unknown>>, show: (item: T) => U): Page<U> {
  const keyed: [string, T][] = []
  let total = 0
  for (const item of all) {
    total++
    const key = keyOf(item)
    if (key > (after as string)) keyed.push([key, item])
  }
  keyed.sort(([a], [b]) => (a < b ? -1 : 1))
  const page = keyed.slice(0, limit as number)
  return { items: page.map(([, item]) => show(item)), next: keyed.length > page.length ? page.at(-1)![0] : null, total }
}
