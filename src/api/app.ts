// Routes over HTTP: the one importer of fastify and ajv, loaded with the first request.
//
//   header ─► rate ─► whose page? ─► its turn ─► caller ─► role ─► body ─► schema ─► handler ─► JSON
//             429     403                        401       403     413 415  400       4xx 5xx
//
// The dashboard's files go the same way, as far as the rate: they say nothing of this gateway, so nobody has to prove anything for them.
//
// What is always true
//   1. Nothing of a request is acted on before all of it has been checked, and what is refused is answered with a problem document.
//   2. No answer may be read by a page of another site (there are no CORS fields), and none of its requests is carried out.
//   3. However many requests come at once, one of them begins in a turn of the loop: messages pass between them.
import { createServer, type RequestListener, type Server } from 'node:http'
import { type Duplex, Readable } from 'node:stream'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteShorthandOptions } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Page } from '../dashboard/serve.ts'
import { type Caller, type Callers, requireRole } from './caller.ts'
import type { Entrance } from './entrance.ts'
import { EventStreams } from './event-streams.ts'
import { type FieldError, Problem, PROBLEM_TYPE, type ProblemCode } from './problem.ts'
import { RequestRate } from './request-rate.ts'
import { type Call, isStream, pathOf, type ReadRoute, type Route, type StreamRoute } from './route.ts'
import { checkSite } from './same-site.ts'

const BODY_BYTES_MAX = 65_536
const HEADER_BYTES_MAX = 16_384
const HEADERS_MS_MAX = 10_000
const REQUEST_MS_MAX = 30_000
const KEEP_ALIVE_MS = 10_000
/** Shorter answers are not worth packing. */
const PACKED_BYTES_MIN = 1024
/** A test looks at the schemas themselves (test/unit/api/routes.test.ts): to do it here takes a quarter of the first request. */
const AJV = { useDefaults: true, validateFormats: false, strictTypes: false, meta: false, validateSchema: false } as const
const PAGE_PATHS = ['/', '/dashboard/*'] as const

const pack = promisify(gzip)

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/** What fastify refuses by itself. */
const REFUSALS: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 'send JSON, with the field `Content-Type: application/json`'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', 'send less'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid-request', 'the body is empty: send JSON'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid-request', 'the body is not JSON'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid-request', 'the body is not as long as Content-Length says'],
}

export interface AppDeps {
  readonly clock: Clock
  readonly callers: Callers
  readonly routes: readonly Route[]
  readonly requestsPerMinuteMax: number
  /** Asked for once, when somebody opens it. */
  readonly page: () => Promise<Page>
  readonly log: { error(fields: object, text: string): void }
}

/** Of a route: its path, its query or its body. */
interface SchemaPart {
  readonly schema: unknown
  readonly httpPart?: string
}

interface Arrived {
  readonly entrance: Entrance
  readonly address: string
}

export class App {
  readonly #deps: AppDeps
  readonly #fastify: FastifyInstance
  #server!: Server
  /** By connection. */
  readonly #arrived = new WeakMap<object, Arrived>()
  readonly #rate: RequestRate
  readonly #streams: EventStreams
  readonly #callers = new WeakMap<FastifyRequest, Caller>()
  #page: Promise<Page> | null = null
  /** When the request that came last has its turn. */
  #begun: Promise<void> = Promise.resolve()
  readonly #ofQuery = new Ajv({ ...AJV, coerceTypes: 'array' })
  readonly #ofBody = new Ajv(AJV)

  private constructor(deps: AppDeps) {
    this.#deps = deps
    this.#rate = new RequestRate(deps.clock, deps.requestsPerMinuteMax)
    this.#streams = new EventStreams(deps.clock)
    this.#fastify = fastify({
      logger: false,
      bodyLimit: BODY_BYTES_MAX,
      exposeHeadRoutes: true,
      routerOptions: { maxParamLength: HEADER_BYTES_MAX },
      // Its types know ajv's own functions only.
      schemaController: { compilersFactory: { buildValidator: () => (part: SchemaPart) => this.#validatorOf(part), buildSerializer: () => () => JSON.stringify } } as never,
      serverFactory: (handler) => (this.#server = this.#makeServer(handler as RequestListener)),
      frameworkErrors: (error, _request, reply) => void this.#answerProblem(reply as FastifyReply, new Problem('invalid-request', error.message)),
      clientErrorHandler: (error, socket) => refuseUnread(socket, error as NodeJS.ErrnoException),
    })
    this.#fastify.removeContentTypeParser('text/plain') // JSON is all that is taken, but for routes that say otherwise
    for (const type of new Set(deps.routes.map(bodyTypeOf))) {
      if (type !== null) this.#fastify.addContentTypeParser(type, async (request: FastifyRequest, body: unknown) => (bodyTypeOf(routeOf(request)) === type ? body : Promise.reject(wrongType(null))))
    }
    this.#fastify.addHook('onRequest', (request, reply) => this.#admit(request, reply))
    this.#fastify.setErrorHandler((error, request, reply) => this.#answerProblem(reply, this.#problemOf(error as FastifyError, request)))
    this.#fastify.setNotFoundHandler((request) => {
      throw this.#unknown(request)
    })
    for (const route of deps.routes) this.#add(route)
    for (const url of PAGE_PATHS) this.#fastify.route({ method: 'GET', url, config: { isPage: true } as object, handler: (request, reply) => this.#showPage(request, reply) })
  }

  static async make(deps: AppDeps): Promise<App> {
    const app = new App(deps)
    await app.#fastify.ready()
    return app
  }

  /** A connection that has been accepted, and of which nothing was read. */
  take(stream: Duplex, entrance: Entrance, address: string): void {
    this.#arrived.set(stream, { entrance, address })
    this.#server.emit('connection', stream)
    stream.resume() // it was paused while the server was loaded: what had come by then lies in its buffer
  }

  /** Whoever listens has to ask again: what it may hear may be another matter now. */
  endStreams(): void {
    this.#streams.end()
  }

  async stop(): Promise<void> {
    this.#streams.destroy()
    this.#server.closeAllConnections()
    await this.#fastify.close()
  }

  /** Compiled when its route is asked for first: for all of them it takes megabytes. */
  #validatorOf({ schema, httpPart }: SchemaPart): (data: unknown) => true | { readonly error: Problem } {
    let validate: ValidateFunction | null = null
    return (data) => {
      validate ??= (httpPart === 'body' ? this.#ofBody : this.#ofQuery).compile(schema as object)
      if (validate(data)) return true
      const errors = fieldErrors(validate.errors ?? [], httpPart)
      return { error: new Problem('invalid-request', errors.map(({ field, detail }) => `${field} ${detail}`).join('; '), { errors }) }
    }
  }

  #makeServer(handler: RequestListener): Server {
    return createServer({ maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_MS_MAX, requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS }, handler)
  }

  // ---- before anything else

  async #admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.headers(HEADERS)
    const { entrance, address } = this.#arrived.get(request.raw.socket)!
    const { route, isPage } = request.routeOptions.config as { readonly route?: Route; readonly isPage?: true }
    if (entrance.kind === 'port') {
      this.#rate.take(address)
      if (isPage !== true) checkSite(request.headers, entrance)
    }
    if (bodyTypeOf(route) === null) this.#expect(request, reply)
    await (this.#begun = this.#begun.then(() => othersTurn()))
    const { role } = route ?? { role: null }
    if (role === null) return
    const caller = await this.#deps.callers.identify({ entrance, address, authorization: request.headers.authorization, isGone: () => request.raw.destroyed })
    requireRole(caller, role)
    this.#callers.set(request, caller)
  }

  /** All of it. What comes as a stream has a deadline of its own. */
  #expect({ raw }: FastifyRequest, reply: FastifyReply): void {
    const deadline = this.#deps.clock.after(REQUEST_MS_MAX, () => void (raw.complete || refuseUnread(raw.socket, Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }))))
    reply.raw.once('close', () => deadline.cancel())
  }

  // ---- routes

  #add(route: Route): void {
    const { params, query } = route
    const schema = {
      ...(params === undefined ? {} : { params: { type: 'object', properties: params } }),
      querystring: { type: 'object', properties: query ?? {}, additionalProperties: false },
      ...('body' in route && route.body !== undefined ? { body: route.body } : {}),
    }
    const url = pathOf(route).replaceAll(/\{(\w+)\}/g, ':$1')
    const options: RouteShorthandOptions = { schema, config: { route } as object }
    if (isStream(route)) {
      this.#fastify.route({ ...options, method: 'GET', url, exposeHeadRoute: false, handler: (request, reply) => this.#stream(route, request, reply) })
    } else {
      this.#fastify.route({ ...options, method: route.method, url, bodyLimit: route.bodyBytesMax ?? BODY_BYTES_MAX, handler: (request, reply) => this.#handle(route, request, reply) })
    }
  }

  async #handle(route: ReadRoute, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    if (route.bodyType !== undefined && !(request.body instanceof Readable)) throw wrongType(route.bodyType)
    const value = await route.handle(this.#callOf(request, reply))
    if (route.answer === null) return reply.code(204).send()
    if ('mediaType' in route.answer) return reply.type(route.answer['mediaType'] as string).send(value)
    reply.header('content-type', 'application/json')
    const json = Buffer.from(JSON.stringify(value))
    if (json.length < PACKED_BYTES_MIN || !/\bgzip\b(?!\s*;\s*q=0)/i.test(request.headers['accept-encoding'] ?? '')) return reply.send(json)
    return reply.headers({ 'content-encoding': 'gzip', vary: 'accept-encoding' }).send(await pack(json))
  }

  async #showPage(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const [path = ''] = request.url.split('?')
    const page = await (this.#page ??= this.#deps.page().catch((error: unknown) => {
      this.#page = null
      throw error
    }))
    const answer = await page.answer({ path, acceptEncoding: request.headers['accept-encoding'], ifNoneMatch: request.headers['if-none-match'] })
    if (answer === null) throw this.#unknown(request)
    return reply.code(answer.status).headers(answer.headers).send(answer.body)
  }

  #stream(route: StreamRoute, request: FastifyRequest, reply: FastifyReply): void {
    const call = this.#callOf(request, reply)
    const endsAtMs = call.caller?.identity?.endsAtMs ?? Infinity // its token's
    this.#streams.start({ raw: reply.raw, headers: HEADERS, hijack: () => void reply.hijack(), listen: (stream) => route.listen(call, stream), endsAtMs })
  }

  #callOf(request: FastifyRequest, reply: FastifyReply): Call {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const { entrance, address } = this.#arrived.get(request.raw.socket)!
    return {
      caller: this.#callers.get(request) ?? null,
      params: request.params as Call['params'],
      query: request.query as Call['query'],
      body: request.body,
      authorization: request.headers.authorization,
      entrance,
      address,
      gone: gone.signal,
    }
  }

  // ---- refusals

  #unknown({ method, url }: FastifyRequest): Problem {
    const [path = ''] = url.split('?')
    const methods = this.#deps.routes.filter((route) => matches(pathOf(route), path)).map((route) => route.method)
    if (methods.length === 0) return new Problem('not-found', `there is no ${path.slice(0, 200)}: see /api/v1/openapi.json`)
    return new Problem('method-not-allowed', `${method} is not for ${path.slice(0, 200)}: ${methods.join(', ')}`, { headers: { allow: methods.join(', ') } })
  }

  #problemOf(error: FastifyError | Problem, { method, url }: FastifyRequest): Problem {
    if (error instanceof Problem) return error
    const known = REFUSALS[error.code]
    if (known !== undefined) return new Problem(...known)
    if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return new Problem('invalid-request', error.message)
    this.#deps.log.error({ method, path: url.split('?')[0], why: error.stack ?? String(error) }, 'a request to the API has failed')
    return new Problem('failed', 'this is a mistake of the gateway: its log has more')
  }

  #answerProblem(reply: FastifyReply, problem: Problem): FastifyReply {
    return reply.code(problem.status).headers({ ...HEADERS, ...problem.headers, 'content-type': PROBLEM_TYPE }).send(Buffer.from(JSON.stringify(problem.document)))
  }
}

// ---- small things

function routeOf(request: FastifyRequest): Route | undefined {
  return (request.routeOptions.config as { readonly route?: Route }).route
}

function bodyTypeOf(route: Route | undefined): string | null {
  return route !== undefined && 'bodyType' in route ? (route.bodyType ?? null) : null
}

/** `wanted`: null for JSON. */
function wrongType(wanted: string | null): Problem {
  return wanted === null ? new Problem(...REFUSALS['FST_ERR_CTP_INVALID_MEDIA_TYPE']!) : new Problem('unsupported-media-type', `send it with the field \`Content-Type: ${wanted}\``)
}

/** Sent by hand: nothing of such a request could be read. */
function refuseUnread(socket: Duplex & { readonly writable: boolean }, error: NodeJS.ErrnoException): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const code = error.code === 'HPE_HEADER_OVERFLOW' ? 'headers-too-large' : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'timed-out' : 'invalid-request'
  const problem = new Problem(code, 'this is no request that can be read')
  const body = JSON.stringify(problem.document)
  socket.end(`HTTP/1.1 ${problem.status} ${problem.document.title}\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
}

function matches(pattern: string, path: string): boolean {
  const parts = pattern.split('/')
  const given = path.split('/')
  return parts.length === given.length && parts.every((part, i) => part.startsWith('{') || part === given[i])
}

function fieldErrors(errors: readonly ErrorObject[], part: string | undefined): FieldError[] {
  return errors.map(({ instancePath, keyword, params, message = 'is wrong' }) => {
    const inner = keyword === 'required' ? `/${(params as { missingProperty: string }).missingProperty}` : keyword === 'additionalProperties' ? `/${(params as { additionalProperty: string }).additionalProperty}` : ''
    const path = `${instancePath}${inner}`
    const detail = keyword === 'required' ? 'is missing' : keyword === 'additionalProperties' ? 'is not known here' : message
    return { field: part === 'body' ? `#${path}` : path.slice(1), detail }
  })
}
