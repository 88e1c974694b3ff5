// One GET by HTTP or HTTPS of a text that is small: bounded in time and size, no redirects, no cookies, no connection that stays.
// Loads node:https, which takes 7 MB (fetch takes 14): only for a site with keys from a URL.
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.ts'

const ANSWER_MS_MAX = 10_000
const ANSWER_BYTES_MAX = 256 * 1024

/** The address has answered, but not with what was asked for: the operator has to look at it. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer'
}

export interface DownloadOptions {
  readonly clock: Clock
  /** PEM of the authorities to trust; null for the system's. */
  readonly ca: Buffer | null
  readonly signal: AbortSignal
}

/** Rejects with BadAnswer, or with the network's error. */
export function download(url: URL, { clock, ca, signal }: DownloadOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = { accept: 'application/jwk-set+json, application/json' }
  const request = url.protocol === 'https:'
    ? process.getBuiltinModule('node:https').get(url, { agent: false, headers, signal, ...(ca === null ? {} : { ca }) })
    : process.getBuiltinModule('node:http').get(url, { agent: false, headers, signal })
  const deadline = clock.after(ANSWER_MS_MAX, () => request.destroy(new Error(`no whole answer came within ${ANSWER_MS_MAX / 1000} s`)))
  request.on('error', reject)
  request.on('close', () => {
    deadline.cancel()
    reject(new Error('the connection was closed before the answer was whole')) // has no effect once it has come
  })
  request.on('response', (answer) => {
    answer.on('error', reject)
    const problem = problemOf(answer)
    if (problem === null) collect(answer, resolve, (error) => request.destroy(error))
    else request.destroy(problem)
  })
  return promise
}

function problemOf({ statusCode = 0 }: IncomingMessage): BadAnswer | null {
  if (statusCode === 200) return null
  if (statusCode >= 300 && statusCode < 400) return new BadAnswer(`it answers with a redirect (${statusCode}), which is not followed`)
  return new BadAnswer(`it answers with the status ${statusCode}`)
}

function collect(answer: IncomingMessage, done: (text: string) => void, failed: (error: BadAnswer) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  answer.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > ANSWER_BYTES_MAX) failed(new BadAnswer(`its answer is larger than ${ANSWER_BYTES_MAX / 1024} KiB`))
    else chunks.push(chunk)
  })
  answer.on('end', () => done(Buffer.concat(chunks).toString('utf8')))
}
