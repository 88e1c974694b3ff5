// What an open page asks of its gateway: recorded from a real browser, and asked again without one, so that the browser does not take the processors that are
// measured. A phone has its own.
import { Agent, request } from 'node:http'
import type { Page } from 'playwright-core'

interface Asked {
  readonly method: string
  readonly path: string
  readonly body: string | null
  readonly headers: Readonly<Record<string, string>>
  /** Since the recording began. */
  readonly atMs: number
}

export interface Visit {
  readonly view: string
  readonly asked: readonly Asked[]
  /** Those whose answer goes on. */
  readonly streams: readonly Asked[]
  readonly lastedMs: number
}

/** Fields that a browser makes of the connection. */
const NOT_SENT = new Set(['host', 'connection', 'content-length'])

/** What the page asks while `view` is open. */
export async function record(page: Page, view: string, lastMs: number): Promise<Visit> {
  const asked: Asked[] = []
  const streams = new Set<string>()
  const began = performance.now()
  page.on('request', (one) => {
    const { pathname, search } = new URL(one.url())
    const headers = Object.fromEntries(Object.entries(one.headers()).filter(([name]) => !name.startsWith(':') && !NOT_SENT.has(name)))
    asked.push({ method: one.method(), path: pathname + search, body: one.postData(), headers, atMs: performance.now() - began })
  })
  page.on('response', (answer) => {
    const { pathname, search } = new URL(answer.url())
    if (answer.headers()['content-type']?.startsWith('text/event-stream') === true) streams.add(pathname + search)
  })
  await page.goto(`${page.url().split('#')[0]}#/${view}`)
  await page.waitForTimeout(lastMs)
  page.removeAllListeners('request')
  page.removeAllListeners('response')
  const isStream = ({ path }: Asked): boolean => streams.has(path)
  return { view, asked: asked.filter((one) => !isStream(one)), streams: asked.filter(isStream), lastedMs: performance.now() - began }
}

/** Asks the same again and again, until `end` is called. */
export class Replay {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 6 }) // as many as a browser has
  readonly #port: number
  readonly #timers = new Set<NodeJS.Timeout>()
  #answers = 0
  #bytes = 0

  constructor(port: number, { asked, streams, lastedMs }: Visit) {
    this.#port = port
    for (const one of streams) this.#ask(one)
    for (const one of asked) {
      this.#timers.add(setTimeout(() => {
        this.#ask(one)
        this.#timers.add(setInterval(() => this.#ask(one), lastedMs))
      }, one.atMs))
    }
  }

  get figures(): { readonly answers: number; readonly bytes: number } {
    return { answers: this.#answers, bytes: this.#bytes }
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#agent.destroy()
  }

  #ask({ method, path, body, headers }: Asked): void {
    const asking = request({ host: '127.0.0.1', port: this.#port, method, path, headers: { ...headers, ...(body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }) }, agent: this.#agent }, (answer) => {
      this.#answers++
      answer.on('data', (chunk: Buffer) => (this.#bytes += chunk.length)).on('error', () => {})
    })
    asking.on('error', () => {}) // at the end
    asking.end(body ?? undefined)
  }
}
