// Requests to the API, right and wrong, made from its own description. A case follows from the seed and its number alone.
import type { Random } from '../unit/mqtt/samples.ts'
import { randomOf } from './case.ts'

export interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

export interface Operation {
  readonly method: string
  /** With its parameters in braces. */
  readonly path: string
  readonly parameters: readonly { readonly in: 'path' | 'query'; readonly name: string; readonly schema: Schema }[]
  readonly body: Schema | null
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>>
}

export interface ApiCase {
  readonly number: number
  readonly operation: Operation
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** Nothing was made wrong on purpose. */
  readonly isRight: boolean
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly parameters: Operation['parameters']; readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }; readonly responses: Operation['responses'] }>>>>
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'] as const
const STRANGE = ['', ' ', '\0', '\ud800', '#', '+', '$SYS/x', '../../etc/passwd', '__proto__', 'constructor', '%', '\r\n', 'a'.repeat(5000), '🛢️/été', 'null', '-1', '1e309', '{}', '[]'] as const
const STRANGE_HEADERS: readonly (readonly [string, string])[] = [['content-type', 'text/plain'], ['content-type', 'application/json; charset=utf-16'], ['content-type', ''], ['content-length', '3'], ['transfer-encoding', 'chunked'], ['expect', '100-continue'], ['accept', 'text/html'], ['origin', 'null'], ['host', 'evil.example'], ['authorization', 'Basic !'], ['authorization', 'Bearer x'], ['connection', 'upgrade'], ['upgrade', 'websocket'], ['x-http-method-override', 'DELETE']]

export function operationsOf(document: unknown): Operation[] {
  return Object.entries((document as OpenApi).paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters, requestBody, responses }]) => ({ method: method.toUpperCase(), path, parameters, body: requestBody?.content['application/json']?.schema ?? null, responses })),
  )
}

export function makeCase(operations: readonly Operation[], seed: number, number: number): ApiCase {
  const random = randomOf(seed, number)
  const operation = random.pick(operations)
  const mistakes = random.pick([0, 0, 1, 1, 2, 3])
  const kinds = Array.from({ length: mistakes }, () => random.pick(['method', 'path', 'query', 'query', 'query', 'body', 'body', 'body', 'text', 'header'] as const))
  const of = (kind: string): boolean => kinds.includes(kind as never)
  const value = (schema: Schema, wrong: boolean): string => (wrong ? random.pick([...STRANGE, String(random.int(-5, 1e9))]) : String(made(schema, random)))
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encoded(value(operation.parameters.find((p) => p.name === name)!.schema, of('path'))))
  const query = operation.parameters.filter((p) => p.in === 'query' && random.chance(0.6)).map(({ name, schema }) => `${encoded(name)}=${encoded(value(schema, of('query') && random.chance()))}`)
  if (of('query') && random.chance(0.3)) query.push(`${encoded(random.pick(STRANGE))}=1`)
  let body: string | null = operation.body === null ? (of('body') ? '{}' : null) : JSON.stringify(of('body') ? spoilt(made(operation.body, random), random) : made(operation.body, random))
  if (of('text') && body !== null) body = spoiltText(body, random)
  return {
    number,
    operation,
    method: of('method') ? random.pick(METHODS) : operation.method,
    path: `${path}${query.length === 0 ? '' : `?${query.join('&')}`}`,
    headers: of('header') ? Object.fromEntries([random.pick(STRANGE_HEADERS)]) : {},
    body,
    isRight: mistakes === 0,
  }
}

/** A value that the schema takes. */
function made(schema: Schema, random: Random): unknown {
  if (schema.enum !== undefined) return random.pick(schema.enum)
  if ('const' in schema) return schema.const
  const type = typeof schema.type === 'string' ? schema.type : random.pick(schema.type ?? ['string', 'integer', 'boolean', 'null'])
  switch (type) {
    case 'object': {
      const entries = Object.entries(schema.properties ?? {}).filter(([name]) => schema.required?.includes(name) === true || random.chance())
      return Object.fromEntries(entries.map(([name, inner]) => [name, made(inner, random)]))
    }
    case 'array':
      return Array.from({ length: random.int(schema.minItems ?? 0, Math.min(schema.maxItems ?? 5, 5)) }, () => made(schema.items ?? {}, random))
    case 'integer':
    case 'number':
      return random.int(schema.minimum ?? -1000, Math.min(schema.maximum ?? 1_000_000, 1_000_000))
    case 'boolean':
      return random.chance()
    case 'null':
      return null
    default:
      return random.text(schema.minLength ?? 0, Math.min(schema.maxLength ?? 20, 20))
  }
}

/** Something in it is another thing. */
function spoilt(value: unknown, random: Random): unknown {
  const other = random.pick([null, true, -1, 1e308, 0.5, '', [], {}, [[[[]]]], ...STRANGE])
  if (typeof value !== 'object' || value === null || random.chance(0.15)) return other
  const names = Object.keys(value)
  const name = random.pick([...names, random.pick(STRANGE)])
  if (random.chance(0.2)) return Object.fromEntries(Object.entries(value).filter(([one]) => one !== name))
  return { ...value, [name]: random.chance(0.5) ? other : spoilt((value as Record<string, unknown>)[name], random) }
}

function spoiltText(text: string, random: Random): string {
  const at = random.int(0, text.length)
  return random.pick([text.slice(0, at), text.slice(at), `${text.slice(0, at)}${random.pick(['}', '"', '\0', ',', '{', '\\u'])}${text.slice(at)}`, '', ' ', '['.repeat(10_000), `${text}${text}`])
}

/** Half a character cannot stand in a path. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
