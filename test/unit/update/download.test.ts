// Downloads over a link that is slow, breaks, and serves another file at times: a real HTTP server, a clock that runs two hundred times as fast.
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../src/clock.ts'
import { disk } from '../../../src/update/disk.ts'
import { Download, type DownloadWish } from '../../../src/update/download.ts'

const SPEED = 200
/** A second of it lasts 5 ms. */
const fast: Clock = {
  now: () => systemClock.now() * SPEED,
  wall: () => systemClock.wall(),
  after: (ms, fn) => systemClock.after(ms / SPEED, fn),
  every: (ms, fn) => systemClock.every(ms / SPEED, fn),
}

/** Bytes that no two places have alike. */
function fileOf(length: number, seed = 1): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i * 32 < length; i++) parts.push(createHash('sha256').update(`${seed} ${i}`).digest())
  return Buffer.concat(parts).subarray(0, length)
}

interface Request {
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

/** Serves `file` in ranges, as RFC 9110 says, and breaks off where `cut` says so. */
class Server implements AsyncDisposable {
  file = fileOf(60_000)
  etag: string | null = '"one"'
  /** Bytes after which the answer with this number (from 0) breaks off; Infinity for never. */
  cut: (answer: number) => number = () => Infinity
  /** Bytes per second of the fast clock; Infinity for at once. */
  rate = Infinity
  status: (answer: number) => number = () => 200
  ranges = true
  readonly requests: Request[] = []
  readonly folder = mkdtempSync(join(tmpdir(), 'download-'))
  sent = 0
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/file`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    rmSync(this.folder, { recursive: true, force: true })
  }

  download(): Download {
    return new Download({ clock: fast, disk, folder: this.folder })
  }

  wish(more: Partial<DownloadWish> = {}): DownloadWish {
    return { url: this.url, rateMax: Infinity, bytesMax: () => 1_000_000, onProgress: () => {}, isUnwanted: () => false, ...more }
  }

  async #answer({ url, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url === '/moved') return void response.writeHead(302, { location: '/file' }).end()
    if (url === '/loop') return void response.writeHead(302, { location: '/loop' }).end()
    const number = this.requests.push({ range: headers.range, ifRange: headers['if-range'] as string | undefined }) - 1
    const status = this.status(number)
    if (status !== 200) return void response.writeHead(status).end()
    const fresh = headers['if-range'] === undefined || headers['if-range'] === this.etag
    const [, from, to] = (this.ranges && fresh ? /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') : null) ?? []
    const begin = Number(from ?? 0)
    if (begin >= this.file.length) return void response.writeHead(416, { 'content-range': `bytes */${this.file.length}` }).end()
    const body = this.file.subarray(begin, to === undefined || to === '' ? undefined : Number(to) + 1)
    const common = { 'content-length': body.length, ...(this.etag === null ? {} : { etag: this.etag }) }
    if (from === undefined) response.writeHead(200, common)
    else response.writeHead(206, { ...common, 'content-range': `bytes ${begin}-${begin + body.length - 1}/${this.file.length}` })
    const until = Math.min(this.cut(number), body.length)
    const piece = this.rate === Infinity ? until : 500
    for (let at = 0; at < until; at += piece) {
      const bytes = body.subarray(at, Math.min(at + piece, until))
      this.sent += bytes.length
      await new Promise<void>((resolve) => response.write(bytes, () => resolve()))
      if (this.rate < Infinity) await new Promise<void>((resolve) => void fast.after((bytes.length / this.rate) * 1000, resolve))
    }
    if (until < body.length) response.destroy()
    else response.end()
  }
}

async function got(server: Server, more: Partial<DownloadWish> = {}): Promise<Buffer> {
  const result = await server.download().run(server.wish(more))
  if ('problem' in result) throw new Error(result.problem)
  return readFileSync(result.path)
}

test('a file in one piece', async () => {
  await using server = await new Server().listen()
  expect(await got(server)).toEqual(server.file)
  expect(server.requests).toEqual([{ range: undefined, ifRange: undefined }])
})

test('300 bytes a second, broken off at random places: every byte comes, and few of them twice', async () => {
  await using server = await new Server().listen()
  server.rate = 300 * 60 // 300 a second of a clock 12,000 times as fast
  const places = [1, 7, 500, 501, 9000, 12_345, 3, 20_000]
  server.cut = (answer) => places[answer] ?? Infinity
  expect(await got(server)).toEqual(server.file)
  expect(server.requests.length).toBeGreaterThan(places.length - 2)
  expect(server.requests.slice(1).every(({ range, ifRange }) => range === undefined || (/^bytes=\d+-$/.test(range) && ifRange === '"one"'))).toBe(true)
  expect(server.sent).toBeLessThan(server.file.length * 1.2)
})

test('over a restart of the machine', async () => {
  await using server = await new Server().listen()
  let came = 0
  server.cut = (answer) => (answer === 0 ? 25_000 : Infinity)
  const first = await server.download().run(server.wish({ onProgress: (bytes) => (came = bytes), isUnwanted: () => came >= 25_000 }))
  expect(first).toEqual({ problem: 'it is not wanted any more' })
  expect(await got(server)).toEqual(server.file)
  expect(server.requests[1]).toEqual({ range: 'bytes=25000-', ifRange: '"one"' })
})

test('the file has changed on the server: all of the new one', async () => {
  await using server = await new Server().listen()
  server.cut = (answer) => (answer === 0 ? 30_000 : Infinity)
  server.status = (answer) => {
    if (answer === 1) [server.file, server.etag] = [fileOf(40_000, 2), '"two"']
    return 200
  }
  expect(await got(server)).toEqual(fileOf(40_000, 2))
})

test('it has become shorter than what has come', async () => {
  await using server = await new Server().listen()
  server.etag = null
  server.cut = (answer) => (answer === 0 ? 30_000 : Infinity)
  server.status = (answer) => {
    if (answer === 1) server.file = fileOf(20_000, 2)
    return 200
  }
  expect(await got(server)).toEqual(fileOf(20_000, 2))
})

test('a server without ranges', async () => {
  await using server = await new Server().listen()
  server.ranges = false
  server.cut = (answer) => (answer < 2 ? 30_000 : Infinity)
  expect(await got(server)).toEqual(server.file)
})

test('another address begins anew', async () => {
  await using server = await new Server().listen()
  writeFileSync(join(server.folder, 'download.part'), fileOf(1000, 9))
  writeFileSync(join(server.folder, 'download.json'), JSON.stringify({ url: 'http://elsewhere/file', etag: '"one"', total: 60_000 }))
  expect(await got(server)).toEqual(server.file)
})

test.each(['', 'null', '{', '[]', '7'])('a state that is damaged (%j) begins anew', async (text) => {
  await using server = await new Server().listen()
  writeFileSync(join(server.folder, 'download.part'), fileOf(1000, 9))
  writeFileSync(join(server.folder, 'download.json'), text)
  expect(await got(server)).toEqual(server.file)
})

test('a rate is kept, in pieces that fit no receive buffer', async () => {
  await using server = await new Server().listen()
  server.file = fileOf(50_000)
  const beganMs = fast.now()
  expect(await got(server, { rateMax: 2000 })).toEqual(server.file)
  expect(fast.now() - beganMs).toBeGreaterThan(15_000)
  expect(server.requests.map(({ range }) => range)).toEqual(['bytes=0-19999', 'bytes=20000-39999', 'bytes=40000-59999'])
  server.file = fileOf(50_000, 3)
  server.etag = '"three"'
  rmSync(join(server.folder, 'download.part'))
  server.requests.length = 0
  expect(await got(server, { rateMax: 300 })).toEqual(server.file)
  expect(server.requests.length).toBe(7)
})

test('redirects are followed, not for ever', async () => {
  await using server = await new Server().listen()
  expect(await got(server, { url: server.url.replace('/file', '/moved') })).toEqual(server.file)
  expect(await server.download().run(server.wish({ url: server.url.replace('/file', '/loop') }))).toEqual({ problem: 'the address leads from one to the next without end' })
})

describe('what ends it', () => {
  test.each([404, 403, 410])('%i', async (status) => {
    await using server = await new Server().listen()
    server.status = () => status
    expect(await server.download().run(server.wish())).toEqual({ problem: `the server answers ${status} to it` })
  })
  test.each(['ftp://x/y', 'file:///etc/passwd', 'nothing'])('the address %s', async (url) => {
    await using server = await new Server().listen()
    expect(await server.download().run(server.wish({ url }))).toEqual({ problem: 'the address must begin with https:// or http://' })
  })
  test('its first bytes say what it is, and that is not wanted', async () => {
    await using server = await new Server().listen()
    expect(await server.download().run(server.wish({ bytesMax: (head) => `no ${head.length}` }))).toEqual({ problem: 'no 8' })
  })
  test('it is too large, as the server says or as it turns out', async () => {
    await using server = await new Server().listen()
    expect(await server.download().run(server.wish({ bytesMax: () => 50_000 }))).toEqual({ problem: 'it is larger than 50000 bytes' })
    expect(server.sent).toBeLessThanOrEqual(60_000)
  })
})

test('a server that is busy is asked again', async () => {
  await using server = await new Server().listen()
  server.status = (answer) => (answer < 3 ? 503 : 200)
  expect(await got(server)).toEqual(server.file)
})
