// One download at a time, which may take days: over a slow link that comes and goes, over restarts of the machine. HTTP/1.1 with ranges
// (RFC 9110 sections 13.1.5, 14.2): what came stays, and the next try asks for the rest, as long as the file is the same one (If-Range).
//
//   download.part   what has come
//   download.json   of which address and of which version of it (its strong ETag)
//
// With a rate, the file is asked for in pieces: so the receive buffers of this machine cannot take more than the link has to spare.
import { once } from 'node:events'
import { createWriteStream, truncateSync } from 'node:fs'
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Disk } from './disk.ts'

const SILENCE_MS_MAX = 180_000
const REDIRECTS_MAX = 5
const WAIT_MS_FIRST = 5000
const WAIT_MS_MAX = 600_000
/** Tries in a row that brought nothing: days. */
const VAIN_TRIES_MAX = 1000
/** With a rate: so much at once, or a piece of this size at least, for each costs a head of its own. */
const PIECE_SEC = 10
const PIECE_BYTES_MIN = 8192
const HEAD_BYTES = 8

export interface DownloadDeps {
  readonly clock: Clock
  readonly disk: Disk
  /** On the data partition. */
  readonly folder: string
}

export interface DownloadWish {
  readonly url: string
  /** Bytes per second; Infinity for all that the link gives. */
  readonly rateMax: number
  /** What a file that begins so may have at most; a sentence refuses it. Called once `HEAD_BYTES` are there, and with the size when that is known. */
  readonly bytesMax: (head: Buffer, total: number | null) => number | string
  readonly onProgress: (bytes: number, total: number | null) => void
  /** Asked between pieces: true ends it. */
  readonly isUnwanted: () => boolean
}

/** isResumed: it was put together out of more than one answer. */
export type Downloaded = { readonly path: string; readonly isResumed: boolean } | { readonly problem: string }

interface State {
  readonly url: string
  readonly etag: string | null
  readonly total: number | null
}

/** What a try came to: `done`, `more` (ask again at once), a wait, or a sentence that ends it. */
type Step = 'done' | 'more' | 'again' | { readonly problem: string }

export class Download {
  readonly #deps: DownloadDeps
  readonly #part: string
  readonly #stateFile: string

  constructor(deps: DownloadDeps) {
    this.#deps = deps
    this.#part = join(deps.folder, 'download.part')
    this.#stateFile = join(deps.folder, 'download.json')
  }

  /** What has come of an address. */
  get bytes(): number {
    return this.#deps.disk.size(this.#part)
  }

  discard(): void {
    this.#deps.disk.remove(this.#stateFile)
    this.#deps.disk.remove(this.#part)
  }

  async run(wish: DownloadWish): Promise<Downloaded> {
    if (this.#state()?.url !== wish.url) this.discard()
    this.#deps.disk.makeFolder(this.#deps.folder)
    let isResumed = this.bytes > 0
    let vainTries = 0
    let waitMs = WAIT_MS_FIRST
    for (;;) {
      if (wish.isUnwanted()) return { problem: 'it is not wanted any more' }
      const before = this.bytes
      const beganMs = this.#deps.clock.now()
      const step = await this.#step(wish).catch((): Step => 'again')
      if (step === 'done') return { path: this.#part, isResumed }
      if (typeof step === 'object') return step
      const came = Math.max(0, this.bytes - before)
      if (came > 0) [vainTries, waitMs, isResumed] = [0, WAIT_MS_FIRST, true]
      if (step === 'more' && came > 0) await this.#sleep((came / wish.rateMax) * 1000 - (this.#deps.clock.now() - beganMs), wish)
      else {
        if (++vainTries > VAIN_TRIES_MAX) return { problem: 'nothing came of it in many tries' }
        await this.#sleep(waitMs, wish)
        waitMs = Math.min(waitMs * 2, WAIT_MS_MAX)
      }
    }
  }

  async #step(wish: DownloadWish): Promise<Step> {
    const at = this.bytes
    const state = this.#state()
    if (state !== null && at === state.total) return 'done'
    const piece = wish.rateMax === Infinity ? null : Math.max(PIECE_BYTES_MIN, Math.round(wish.rateMax * PIECE_SEC))
    const headers: Record<string, string> = { 'accept-encoding': 'identity' }
    if (at > 0 || piece !== null) headers['range'] = `bytes=${at}-${piece === null ? '' : at + piece - 1}`
    const etag = state?.etag ?? null
    if (at > 0 && etag !== null) headers['if-range'] = etag
    const answer = await ask(wish.url, headers, REDIRECTS_MAX)
    if (typeof answer === 'string') return { problem: answer }
    const { statusCode = 0 } = answer
    const range = statusCode === 206 ? /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers['content-range'] ?? '') : null
    if (statusCode === 200 || (range !== null && Number(range[1]) === at)) return this.#take(answer, range === null ? 0 : at, totalOf(answer, range), wish)
    answer.destroy()
    if (statusCode === 416 || statusCode === 206) {
      this.discard() // another file than that of before
      return 'again'
    }
    const isPassing = statusCode >= 500 || statusCode === 408 || statusCode === 425 || statusCode === 429
    return isPassing ? 'again' : { problem: `the server answers ${statusCode} to it` }
  }

  async #take(answer: IncomingMessage, from: number, total: number | null, wish: DownloadWish): Promise<Step> {
    const { disk } = this.#deps
    const etag = answer.headers.etag
    const state: State = { url: wish.url, etag: etag !== undefined && etag.startsWith('"') ? etag : null, total }
    if (this.bytes > from) truncateSync(this.#part, from)
    disk.replace(this.#stateFile, JSON.stringify(state), 0o600)
    const file = createWriteStream(this.#part, { flags: 'a', mode: 0o644 })
    let head = from >= HEAD_BYTES ? disk.read(this.#part, HEAD_BYTES)! : from > 0 ? disk.read(this.#part)! : Buffer.alloc(0)
    let bytes = from
    let problem: string | null = null
    let isWhole = false
    let isBroken = false
    file.on('error', () => (isBroken = true)) // a full disk, say: asked again later
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk]).subarray(0, HEAD_BYTES)
        bytes += chunk.length
        const max = head.length < HEAD_BYTES ? Infinity : wish.bytesMax(head, total)
        problem = typeof max === 'string' ? max : bytes > max || (total ?? 0) > max ? `it is larger than ${max} bytes` : null
        if (problem !== null || isBroken || wish.isUnwanted()) break
        if (!file.write(chunk)) await once(file, 'drain')
        wish.onProgress(bytes, total)
      }
      isWhole = answer.complete
    } finally {
      answer.destroy()
      await new Promise<void>((resolve) => (file.destroyed ? resolve() : file.end(() => resolve())))
    }
    if (problem !== null) {
      this.discard()
      return { problem }
    }
    if (isBroken) return 'again'
    disk.sync(this.#part)
    if (total === null) {
      if (!isWhole) return 'again'
      disk.replace(this.#stateFile, JSON.stringify({ ...state, total: bytes }), 0o600)
      return 'done'
    }
    return bytes >= total ? 'done' : isWhole ? 'more' : 'again'
  }

  #state(): State | null {
    try {
      return JSON.parse(this.#deps.disk.read(this.#stateFile)?.toString('utf8') ?? 'null') as State | null
    } catch {
      return null
    }
  }

  /** In steps, so that one that nobody wants ends soon. */
  async #sleep(ms: number, { isUnwanted }: DownloadWish): Promise<void> {
    const { clock } = this.#deps
    const untilMs = clock.now() + ms
    while (clock.now() < untilMs && !isUnwanted()) await new Promise<void>((resolve) => void clock.after(Math.min(2000, untilMs - clock.now()), resolve))
  }
}

/** The answer, redirects followed; a sentence for an address that is none. Throws what the network throws. */
async function ask(url: string, headers: Readonly<Record<string, string>>, redirectsLeft: number): Promise<IncomingMessage | string> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return 'the address must begin with https:// or http://'
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(url, { headers, timeout: SILENCE_MS_MAX }, resolve)
    asked.on('timeout', () => asked.destroy(new Error('silent for too long')))
    asked.on('error', reject)
    asked.end()
  })
  const { location } = answer.headers
  if (answer.statusCode === undefined || answer.statusCode < 300 || answer.statusCode > 308 || location === undefined) return answer
  answer.destroy()
  if (redirectsLeft === 0) return 'the address leads from one to the next without end'
  return ask(new URL(location, url).href, headers, redirectsLeft - 1)
}

function totalOf({ headers }: IncomingMessage, range: RegExpExecArray | null): number | null {
  const text = range === null ? headers['content-length'] : range[2]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null
}
