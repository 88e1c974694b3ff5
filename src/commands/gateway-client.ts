// Asks the gateway that runs on this machine, at its unix socket (api/).
import { request, type IncomingMessage } from 'node:http'
import { OperatorError } from '../errors.ts'

/** An answer may wait for flash, or for the link. */
const ANSWER_MS_MAX = 60_000

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
