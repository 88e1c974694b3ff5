// What a route of the API is: data, from which both the server (app.ts) and the OpenAPI document (openapi.ts) are made. A handler knows nothing of HTTP: it
// gets checked values and answers with one, or throws a Problem.
import type { ApiRole } from '../config/config.ts'
import type { Caller } from './caller.ts'
import type { Entrance } from './entrance.ts'
import type { ProblemCode } from './problem.ts'

/** JSON Schema of 2020-12, as OpenAPI 3.1 has it. */
export interface JsonSchema {
  readonly [keyword: string]: unknown
}

export interface Properties {
  readonly [name: string]: JsonSchema
}

export interface Call {
  /** null where nothing has to be proved (`role: null`). */
  readonly caller: Caller | null
  /** Of the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  /** As the schema has it: with its defaults. */
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  /** The field of that name; undefined where there is none. */
  readonly authorization: string | undefined
  readonly entrance: Entrance
  /** Of whoever calls; '' at a unix socket. */
  readonly address: string
  /** Aborted when who called has gone. */
  readonly gone: AbortSignal
}

/** An answer that goes on as long as somebody listens (server-sent events). */
export interface EventStream {
  /** Left out when who listens does not read: he is told how many were. */
  send(event: string, data: unknown): void
}

interface Common {
  /** Without a blank at its end or a full stop: what is done. */
  readonly summary: string
  readonly description?: string
  /** What it takes at least; null: nothing has to be proved. */
  readonly role: ApiRole | null
  /** Which group it is shown in. */
  readonly tag: Tag
  /** Parts of the path in braces. */
  readonly params?: Properties
  readonly query?: Properties
  /** Problems besides those that every call may have. */
  readonly problems?: readonly ProblemCode[]
}

export interface ReadRoute extends Common {
  readonly method: 'GET' | 'DELETE' | 'POST' | 'PUT'
  /** `/clients/{clientId}`, below BASE unless it is absolute (`absolute`). */
  readonly path: string
  readonly absolute?: true
  readonly body?: JsonSchema
  /** Default 64 kB. */
  readonly bodyBytesMax?: number
  /** Its body is no JSON: it comes as a stream of this media type (`Call.body` is a Readable), as long as it takes and as large as it is. */
  readonly bodyType?: string
  /** Of what is answered; a media type where that is no JSON. null: nothing is (204). */
  readonly answer: JsonSchema | { readonly mediaType: string } | null
  handle(call: Call): unknown
}

export interface StreamRoute extends Common {
  readonly method: 'GET'
  readonly path: string
  readonly absolute?: true
  /** Names of its events, and what their data are. */
  readonly events: Properties
  /** Begins; answers what ends it when nobody listens any more. Throws a Problem before it has sent anything. */
  listen(call: Call, stream: EventStream): () => void
}

export type Route = ReadRoute | StreamRoute

export const BASE = '/api/v1'

export const TAGS = {
  health: 'Whether it works',
  status: 'How it is',
  alarms: 'What is wrong',
  clients: 'Clients, sessions and what waits for them',
  messages: 'Publishing, listening, retained messages',
  devices: 'Sensors and outputs',
  uplinks: 'Remote brokers and links',
  configuration: 'The configuration',
  update: 'Updates',
  log: 'What it has said',
  backup: 'Its store, taken away and brought back',
} as const

export type Tag = keyof typeof TAGS

export function isStream(route: Route): route is StreamRoute {
  return 'events' in route
}

export function pathOf({ path, absolute }: Pick<Route, 'path' | 'absolute'>): string {
  return absolute === true ? path : BASE + path
}

// ---- schemas that many routes use

export const text = (description: string, more: JsonSchema = {}): JsonSchema => ({ type: 'string', description, ...more })
export const count = (description: string, more: JsonSchema = {}): JsonSchema => ({ type: 'integer', minimum: 0, description, ...more })
export const flag = (description: string): JsonSchema => ({ type: 'boolean', description })
export const time = (description: string): JsonSchema => ({ type: ['string', 'null'], format: 'date-time', description })
export const orNull = (schema: JsonSchema): JsonSchema => ({ ...schema, type: [schema['type'], 'null'] })
export const list = (items: JsonSchema, description?: string): JsonSchema => ({ type: 'array', items, ...(description === undefined ? {} : { description }) })

/** All properties are there in an answer, and no others. */
export function record(properties: Properties, description?: string): JsonSchema {
  return { type: 'object', required: Object.keys(properties), properties, additionalProperties: false, ...(description === undefined ? {} : { description }) }
}

/** Of a request: `required` have to be there. */
export function input(properties: Properties, required: readonly string[]): JsonSchema {
  return { type: 'object', required, properties, additionalProperties: false }
}
