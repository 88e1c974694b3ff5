// What a refused call is answered with: a problem document (RFC 9457). The catalogue is the reference; the document names its line by `type`, and
// the fields that are wrong by `errors`, each with a JSON Pointer (RFC 6901) into the body, or the name of a parameter.

interface Kind {
  readonly status: number
  readonly title: string
}

export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request is not as the API takes it' },
  unauthorized: { status: 401, title: 'Say who you are' },
  forbidden: { status: 403, title: 'This may not be done by whoever asks' },
  'cross-site': { status: 403, title: 'A page of another site has sent this request' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'This cannot be done here' },
  'timed-out': { status: 408, title: 'The request did not come to its end in time' },
  conflict: { status: 409, title: 'As things are now this cannot be done' },
  'not-confirmed': { status: 409, title: 'What would be lost has not been confirmed' },
  'too-large': { status: 413, title: 'The request is larger than the API takes' },
  'unsupported-media-type': { status: 415, title: 'The body has to be JSON' },
  'invalid-configuration': { status: 422, title: 'The configuration has mistakes' },
  'unusable-backup': { status: 422, title: 'The backup cannot be restored here' },
  'too-many-requests': { status: 429, title: 'More requests than one address may make' },
  'headers-too-large': { status: 431, title: 'The header fields are larger than the API takes' },
  failed: { status: 500, title: 'The gateway has failed at this' },
  unavailable: { status: 503, title: 'Not at the moment' },
} as const satisfies Readonly<Record<string, Kind>>

export type ProblemCode = keyof typeof PROBLEMS

export const PROBLEM_TYPE = 'application/problem+json'
/** `type` is relative to the document (RFC 9457, 3.1.1), wherever the gateway is reached. */
export const PROBLEM_PATH = '/api/v1/problems/'

export interface FieldError {
  /** JSON Pointer into the body, `#/topic`; the name of a parameter of the path or the query; or a line of a configuration. */
  readonly field: string
  readonly detail: string
  /** What to write instead. */
  readonly hint?: string
  readonly line?: number
  readonly column?: number
}

export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly errors?: readonly FieldError[]
}

/** Thrown by whoever refuses a call; nothing of it has been done then. `detail` is a sentence for a person, with what to do. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly errors: readonly FieldError[]
  /** Fields of the answer's header. */
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, detail: string, options: { readonly errors?: readonly FieldError[]; readonly headers?: Readonly<Record<string, string>> } = {}) {
    super(detail)
    this.code = code
    this.errors = options.errors ?? []
    this.headers = options.headers ?? {}
  }

  get status(): number {
    return PROBLEMS[this.code].status
  }

  get document(): ProblemDocument {
    const { status, title } = PROBLEMS[this.code]
    return { type: `${PROBLEM_PATH}${this.code}`, title, status, detail: this.message, ...(this.errors.length > 0 ? { errors: this.errors } : {}) }
  }
}

/** Something that the path names is not there. */
export function notFound(parameter: string, detail: string): Problem {
  return new Problem('not-found', detail, { errors: [{ field: parameter, detail }] })
}

/** One field of the body or one parameter is wrong. */
export function invalid(field: string, detail: string): Problem {
  return new Problem('invalid-request', detail, { errors: [{ field, detail }] })
}

export const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string', description: 'Which problem: its last part is the code.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong with this very request, and what to do.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'detail'],
        properties: {
          field: { type: 'string', description: 'A JSON Pointer into the body (#/topic), or the name of a parameter.' },
          detail: { type: 'string' },
          hint: { type: 'string', description: 'What to write instead.' },
          line: { type: 'integer' },
          column: { type: 'integer' },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
} as const
