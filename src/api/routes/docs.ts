// The reference of gateway.yaml, for the page that edits it.
import type { ApiParts } from '../parts.ts'
import { notFound } from '../problem.ts'
import { list, orNull, record, type Route, text } from '../route.ts'

const SECTION = { name: text('Its name.'), value: text('What may be written.'), description: text('What it is for.') }

const KEY = {
  type: 'object',
  required: ['name', 'path', 'value', 'need', 'default', 'description', 'keys', 'kinds'],
  properties: {
    name: text('Its name.'),
    path: text('From the top; `[]` is an item of a list, `*` a name that the file gives.'),
    value: text('What may be written.'),
    need: { enum: ['required', 'optional'] },
    default: orNull(text('What holds when it is left out, as it is written.')),
    description: text('What it is for.'),
    keys: list({ type: 'object' }, 'Keys below it, as this one.'),
    kinds: list({ type: 'object' }, 'Groups of several kinds may stand there: for each the keys that tell it from the others (`name`), and those that only it has (`keys`).'),
  },
  additionalProperties: false,
}

export function docsRoutes(_parts: ApiParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/docs',
      role: 'viewer',
      tag: 'configuration',
      summary: 'Sections of gateway.yaml',
      answer: record({ sections: list(record(SECTION)) }),
      handle: async () => {
        const { sections } = await import('../../docs/docs.ts')
        return { sections: sections().map(({ name, value, description }) => ({ name, value, description })) }
      },
    },
    {
      method: 'GET',
      path: '/docs/{section}',
      role: 'viewer',
      tag: 'configuration',
      summary: 'All keys of a section of gateway.yaml, with examples',
      params: { section: text('Its name.') },
      problems: ['not-found'],
      answer: record({ key: KEY, examples: list(record({ title: text('What it shows.'), yaml: text('As it is written.') })) }),
      handle: async ({ params }) => {
        const { sections, examplesOf } = await import('../../docs/docs.ts')
        const key = sections().find(({ name }) => name === params['section'])
        if (key === undefined) throw notFound('section', `there is no such section: ${sections().map(({ name }) => name).join(', ')}`)
        return { key, examples: examplesOf(key.name) }
      },
    },
  ]
}
