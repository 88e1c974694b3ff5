// What the API says of itself.
import { VERSION } from '../../layout.ts'
import { openApi } from '../openapi.ts'
import { notFound, PROBLEMS } from '../problem.ts'
import { count, record, type Route, text } from '../route.ts'

/** `routes`: all the others. */
export function aboutRoutes(routes: readonly Route[]): Route[] {
  const own: Route[] = [
    {
      method: 'GET',
      path: '/openapi.json',
      role: null,
      tag: 'status',
      summary: 'This description of the API (OpenAPI 3.1)',
      answer: { type: 'object', description: 'An OpenAPI document.' },
      handle: () => openApi([...routes, ...own], VERSION),
    },
    {
      method: 'GET',
      path: '/problems/{code}',
      role: null,
      tag: 'status',
      summary: 'What a problem is that a document names by its type',
      params: { code: text('The last part of `type`.') },
      problems: ['not-found'],
      answer: record({ code: text('Its name.'), title: text('What it is.'), status: count('Of the answer.') }),
      handle: ({ params }) => {
        const code = params['code']!
        if (!Object.hasOwn(PROBLEMS, code)) throw notFound('code', `there is no such problem: ${Object.keys(PROBLEMS).join(', ')}`)
        return { code, ...PROBLEMS[code as keyof typeof PROBLEMS] }
      },
    },
  ]
  return own
}
