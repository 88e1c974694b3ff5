// Asks the gateway that runs on this machine, at its unix socket (api/).
import { request, type IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { OperatorError } from '../errors.ts'

/** An answer may wait for flash, or for the link. */
const ANSWER_MS_MAX = 60_000
/** A backup that was sent is checked as a whole. */
const CHECKED_MS_MAX = 30 * 60_000

interface ProblemDocument {
  readonly detail?: string
  readonly errors?: readonly { readonly field: string; readonly detail: string; readonly hint?: string }[]
}

export class GatewayClient {
  readonly #socket: string

  constructor(socket: string) {
    this.#socket = socket
  }

  /** `GET /clients`, below the API's base. Rejects with OperatorError: E_NO_GATEWAY, E_REFUSED. */
  async ask(what: string, body?: unknown): Promise<unknown> {
    const answer = await this.#send(what, body)
    const text = await textOf(answer)
    if (answer.statusCode! < 300) return text === '' ? null : (JSON.parse(text) as unknown)
    throw refusal(text, answer.statusCode!)
  }

  /** An answer that is no JSON, by its whole path: `/metrics`. */
  async text(path: string): Promise<string> {
    const answer = await this.#send('GET', undefined, path)
    const text = await textOf(answer)
    if (answer.statusCode! < 300) return text
    throw refusal(text, answer.statusCode!)
  }

  /** Server-sent events until `ended`; `tell` gets each. Resolves with false when the gateway ended it. */
  async listen(path: string, tell: (event: string, data: unknown) => void, ended: Promise<unknown>): Promise<boolean> {
    const answer = await this.#send(`GET ${path}`)
    if (answer.statusCode !== 200) throw refusal(await textOf(answer), answer.statusCode!)
    let unread = ''
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      const events = (unread + chunk).split('\n\n')
      unread = events.pop()!
      for (const event of events) {
        const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? []
        if (name !== undefined) tell(name, JSON.parse(data!))
      }
    })
    const over = new Promise<false>((resolve) => void answer.on('error', () => {}).once('close', () => resolve(false)))
    const isOurs = await Promise.race([ended.then(() => true), over])
    answer.destroy()
    return isOurs
  }

  /** What comes as it is. A stream that is cut off ends with an error. Rejects with OperatorError: E_NO_GATEWAY, E_REFUSED. */
  async download(what: string): Promise<Readable> {
    const answer = await this.#send(what)
    if (answer.statusCode! < 300) return answer
    throw refusal(await textOf(answer), answer.statusCode!)
  }

  /** Sends `stream`, and tells how much of it has gone. Rejects with OperatorError: E_NO_GATEWAY, E_REFUSED. */
  async upload(path: string, type: string, { stream, bytes }: { readonly stream: Readable; readonly bytes: number }, onProgress: (bytes: number) => void): Promise<unknown> {
    const options = { socketPath: this.#socket, method: 'POST', path: `/api/v1${path}`, headers: { 'content-type': type, 'content-length': bytes }, agent: false as const, timeout: CHECKED_MS_MAX }
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(options, resolve)
      asked.on('timeout', () => void asked.destroy(new OperatorError('E_NO_GATEWAY', `the gateway at ${this.#socket} does not answer`)))
      asked.on('error', (error: NodeJS.ErrnoException) => {
        stream.destroy()
        reject(error instanceof OperatorError ? error : unreachable(this.#socket, error))
      })
      stream.on('error', (error) => void asked.destroy(new OperatorError('E_REFUSED', `the file cannot be read (${error.message})`)))
      let sent = 0
      stream.on('data', (chunk: Buffer) => onProgress((sent += chunk.length)))
      stream.pipe(asked)
    })
    const text = await textOf(answer)
    stream.destroy()
    if (answer.statusCode! < 300) return JSON.parse(text) as unknown
    throw refusal(text, answer.statusCode!)
  }

  #send(what: string, body?: unknown, whole?: string): Promise<IncomingMessage> {
    const [method = 'GET', path = '/'] = what.split(' ')
    const text = body === undefined ? null : JSON.stringify(body)
    const headers = text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.#socket, method, path: whole ?? `/api/v1${path}`, headers, agent: false, timeout: ANSWER_MS_MAX }, resolve)
      asked.on('timeout', () => void asked.destroy(new OperatorError('E_NO_GATEWAY', `the gateway at ${this.#socket} does not answer`)))
      asked.on('error', (error: NodeJS.ErrnoException) => reject(error instanceof OperatorError ? error : unreachable(this.#socket, error)))
      asked.end(text ?? undefined)
    })
  }
}

/** Nobody listens there, as against one who does not answer. */
export function isAbsent(error: unknown): boolean {
  const code = error instanceof OperatorError && error.code === 'E_NO_GATEWAY' ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined
  return code === 'ENOENT' || code === 'ECONNREFUSED'
}

function unreachable(socket: string, cause: NodeJS.ErrnoException): OperatorError {
  const { code, message } = cause
  const why = code === 'ENOENT' || code === 'ECONNREFUSED' ? 'no gateway runs there' : code === 'EACCES' ? 'only root and the group of the gateway may ask it' : message
  return new OperatorError('E_NO_GATEWAY', `${socket}: ${why}`, { cause })
}

function refusal(text: string, status: number): OperatorError {
  try {
    const { detail, errors = [] } = JSON.parse(text) as ProblemDocument
    const fields = errors.map(({ field, detail: why, hint }) => `${field} ${why}${hint === undefined ? '' : `: ${hint}`}`).filter((one) => !detail?.includes(one))
    return new OperatorError('E_REFUSED', [detail ?? `status ${status}`, ...fields].join('; '))
  } catch {
    return new OperatorError('E_REFUSED', `the gateway has answered with status ${status}`)
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk as string
  return text
}
