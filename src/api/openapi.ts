// The API's description for programs (OpenAPI 3.1), made of the routes themselves: what it says of parameters and bodies is what requests are checked by.
import { PROBLEM_SCHEMA, PROBLEM_TYPE, PROBLEMS, type ProblemCode } from './problem.ts'
import { isStream, type JsonSchema, pathOf, type Route, TAGS } from './route.ts'

/** What every call may be answered with that has to prove something, and every call. */
const OF_CALLERS: readonly ProblemCode[] = ['unauthorized', 'forbidden']
const OF_ALL: readonly ProblemCode[] = ['invalid-request', 'timed-out', 'cross-site', 'too-many-requests', 'failed']
const OF_BODIES: readonly ProblemCode[] = ['too-large', 'unsupported-media-type']

export function openApi(routes: readonly Route[], version: string): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const route of routes) (paths[pathOf(route)] ??= {})[route.method.toLowerCase()] = operation(route)
  return {
    openapi: '3.1.0',
    info: { title: 'Sandpiper', version, description: 'What a gateway tells and does. What is refused is answered with a problem document (RFC 9457).' },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' }, user: { type: 'http', scheme: 'basic' } },
    },
  }
}

function operation(route: Route): JsonSchema {
  const { summary, description, tag, role, params = {}, query = {} } = route
  const body = bodyOf(route)
  return {
    operationId: `${route.method.toLowerCase()}${pathOf(route).replace(/^\/api\/v\d+/, '').replaceAll(/[^A-Za-z0-9]+(\w?)/g, (_, first: string) => first.toUpperCase())}`,
    summary,
    description: `${description === undefined ? '' : `${description} `}${role === null ? 'Nothing has to be proved.' : `Takes the role ${role}.`}`,
    tags: [tag],
    security: role === null ? [] : [{ token: [] }, { user: [] }, {}],
    parameters: [
      ...Object.entries(params).map(([name, schema]) => parameter('path', name, schema, true)),
      ...Object.entries(query).map(([name, schema]) => parameter('query', name, schema, false)),
    ],
    ...(body === undefined ? {} : { requestBody: { required: true, content: body } }),
    responses: { ...answerOf(route), ...problemsOf(route, body !== undefined) },
  }
}

function bodyOf(route: Route): JsonSchema | undefined {
  if (isStream(route)) return undefined
  if (route.bodyType !== undefined) return { [route.bodyType]: { schema: { type: 'string', format: 'binary' } } }
  return route.body === undefined ? undefined : { 'application/json': { schema: route.body } }
}

function parameter(where: 'path' | 'query', name: string, { description, ...schema }: JsonSchema, required: boolean): JsonSchema {
  return { in: where, name, required, schema, ...(description === undefined ? {} : { description }) }
}

function answerOf(route: Route): JsonSchema {
  if (isStream(route)) {
    const events = Object.entries(route.events).map(([name, schema]) => `- \`${name}\`: ${JSON.stringify(schema)}`)
    return { 200: { description: `Server-sent events, as long as somebody listens:\n\n${events.join('\n')}`, content: { 'text/event-stream': { schema: { type: 'string' } } } } }
  }
  const { answer, summary } = route
  if (answer === null) return { 204: { description: `Done: ${summary}.` } }
  if ('mediaType' in answer) return { 200: { description: summary, content: { [answer['mediaType'] as string]: { schema: { type: 'string' } } } } }
  return { 200: { description: summary, content: { 'application/json': { schema: answer } } } }
}

/** By status: several problems may have the same one. */
function problemsOf({ problems = [], role }: Route, hasBody: boolean): JsonSchema {
  const codes = [...OF_ALL, ...(role === null ? [] : OF_CALLERS), ...(hasBody ? OF_BODIES : []), ...problems]
  const byStatus = Map.groupBy(new Set(codes), (code) => PROBLEMS[code].status)
  const content = { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries([...byStatus].map(([status, of]) => [status, { description: of.map((code) => `${code}: ${PROBLEMS[code].title}`).join('. '), content }]))
}
