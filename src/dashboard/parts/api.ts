// Asks the gateway. Who asks is proved by a token in every request: nothing here is kept in a cookie.
//
// What is always true: an answer is either what was asked for, a Refused with the gateway's own words, or a NoAnswer; and what it has cost is counted.
import { after } from './clock.ts'

const ANSWER_MS_MAX = 15_000
/** Header fields of a request and its answer, both ways; measured with Chromium. */
const HEADER_BYTES = 900
const KEY = 'sandpiper.token'

export interface ProblemField {
  readonly field: string
  readonly detail: string
  readonly hint?: string
}

/** A problem document (RFC 9457). */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: number
  readonly code: string
  readonly errors: readonly ProblemField[]

  constructor(status: number, { detail, type = '', errors = [] }: { readonly detail: string; readonly type?: string; readonly errors?: readonly ProblemField[] }) {
    super(detail)
    this.status = status
    this.code = type.split('/').at(-1)!
    this.errors = errors
  }
}

/** The gateway, or the way to it, is not there. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export class Api {
  #token: string | null = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY)
  /** Since the page was opened, as far as it can know. */
  spentBytes = 0

  get hasToken(): boolean {
    return this.#token !== null
  }

  /** From now on every request has it. `isKept`: also when the browser is closed and opened again. */
  useToken(token: string | null, isKept = false): void {
    this.#token = token
    sessionStorage.removeItem(KEY)
    localStorage.removeItem(KEY)
    if (token !== null) (isKept ? localStorage : sessionStorage).setItem(KEY, token)
  }

  /** `path`: below /api/v1. Rejects with Refused or NoAnswer. */
  async ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const answer = await this.#fetch(method, path, body, AbortSignal.timeout(ANSWER_MS_MAX))
    const text = await answer.text().catch((error: unknown) => {
      throw new NoAnswer('the answer broke off', { cause: error })
    })
    this.spentBytes += HEADER_BYTES + (body === undefined ? 0 : JSON.stringify(body).length) + (Number(answer.headers.get('content-length')) || text.length)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** What is to be kept as a file. */
  async download(path: string): Promise<Blob> {
    return (await this.#fetch('GET', path, undefined, null)).blob()
  }

  /** Server-sent events, until `signal` says that they are not wanted any more; resolves then, or when the gateway has ended them. */
  async listen(path: string, signal: AbortSignal, begun: () => void, tell: (event: string, data: never) => void): Promise<void> {
    const answer = await this.#fetch('GET', path, undefined, signal)
    begun()
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
    let unread = ''
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        const parts = (unread + value).split('\n\n')
        unread = parts.pop()!
        for (const part of parts) {
          const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? []
          if (event !== undefined) tell(event, JSON.parse(data!) as never)
        }
      }
    } catch (error) {
      if (!signal.aborted) throw new NoAnswer('what was listened to broke off', { cause: error })
    }
  }

  async #fetch(method: Method, path: string, body: unknown, signal: AbortSignal | null): Promise<Response> {
    const headers = { ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    let answer: Response
    try {
      // Without credentials: the browser would ask for a password in a window of its own.
      answer = await fetch(`/api/v1${path}`, { method, headers, signal, credentials: 'omit', cache: 'no-store', ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    } catch (error) {
      throw new NoAnswer('the gateway does not answer', { cause: error })
    }
    if (answer.ok) return answer
    throw new Refused(answer.status, await answer.json().catch(() => ({ detail: `${answer.status} ${answer.statusText}` })))
  }
}

/** Again and again, as long as `signal` lets it: a listener that comes back after a restart of the gateway. */
export async function keepListening(api: Api, path: string, signal: AbortSignal, tell: (event: string, data: never) => void, state: (isOn: boolean, why: string | null) => void): Promise<void> {
  for (let waitMs = 1000; !signal.aborted; waitMs = Math.min(15_000, waitMs * 2)) {
    try {
      await api.listen(path, signal, () => {
        waitMs = 1000
        state(true, null)
      }, tell)
      if (!signal.aborted) state(false, null)
    } catch (error) {
      state(false, (error as Error).message)
      if (error instanceof Refused && error.status < 500 && error.status !== 429) return
    }
    await new Promise<void>((resolve) => {
      const timer = after(waitMs, resolve)
      signal.addEventListener('abort', () => {
        timer.cancel()
        resolve()
      }, { once: true })
    })
  }
}
