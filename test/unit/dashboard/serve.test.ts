// How the page goes to browsers: forms, names that are kept for ever, what it may do there, and who may have it.
import { get, type IncomingHttpHeaders } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ApiBed } from '../../support/api-bed.ts'

const SITE = `http:
  listeners: [{ port: 0 }]
  tokens: [{ name: root, token: admin-0123456789ab, role: admin }]
`

let bed: ApiBed

beforeAll(async () => {
  bed = await ApiBed.start(SITE)
})
afterAll(() => bed[Symbol.asyncDispose]())

interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

function fetched(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: bed.api.ports[0]!, path, headers: { connection: 'close', ...headers } }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, bytes: Buffer.concat(chunks) }))
    }).on('error', reject)
  })
}

async function mainPath(): Promise<string> {
  return /\/dashboard\/[0-9a-f]{16}\/page\.js/.exec((await fetched('/')).bytes.toString('utf8'))![0]
}

describe('the page', () => {
  test('is there without a proof, and asked for again each time', async () => {
    const { status, headers, bytes } = await fetched('/')
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', etag: expect.stringMatching(/^"[0-9a-f]{16}-identity"$/), vary: 'accept-encoding' })
    expect(bytes.toString('utf8')).toMatch(/^<!doctype html>/)
    expect(await fetched('/', { 'if-none-match': headers.etag! })).toMatchObject({ status: 304, bytes: Buffer.alloc(0) })
    expect((await fetched('/', { 'if-none-match': '"0123456789abcdef-identity"' })).status).toBe(200)
  })

  test('runs its own files only, in no frame, and says to nobody where it was', async () => {
    const { headers } = await fetched('/')
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("require-trusted-types-for 'script'")
    expect(policy).not.toContain('unsafe')
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin' })
  })

  test('has no script and no style in its text', async () => {
    const text = (await fetched('/')).bytes.toString('utf8')
    expect(text).not.toMatch(/<style|style=|<script(?![^>]* src=)| on[a-z]+=/)
  })

  test('opens from a link on another site, whose requests to the API are refused', async () => {
    const fromElsewhere = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    expect((await fetched('/', fromElsewhere)).status).toBe(200)
    expect((await fetched('/api/v1/login', fromElsewhere)).status).toBe(403)
  })

  test('is at the unix socket too, and only its header where that is asked for', async () => {
    expect(await bed.ask('GET ./', { socket: true })).toMatchObject({ status: 200, text: expect.stringContaining('<title>Sandpiper</title>') })
    expect(await bed.ask('HEAD ./')).toMatchObject({ status: 200, text: '' })
  })
})

describe('its files', () => {
  test('are kept for ever, in the form that the browser takes', async () => {
    const path = await mainPath()
    const plain = await fetched(path)
    expect(plain.headers).toMatchObject({ 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'public, max-age=31536000, immutable' })
    expect(plain.headers['content-encoding']).toBeUndefined()
    const forms = { br: brotliDecompressSync, gzip: gunzipSync }
    for (const [encoding, unpack] of Object.entries(forms)) {
      const { headers, bytes } = await fetched(path, { 'accept-encoding': encoding })
      expect(headers).toMatchObject({ 'content-encoding': encoding, 'content-length': String(bytes.length), etag: expect.stringContaining(`-${encoding}"`) })
      expect(bytes.length).toBeLessThan(plain.bytes.length / 1.8)
      expect(unpack(bytes).equals(plain.bytes)).toBe(true)
    }
  })

  test.each([['gzip, deflate, br, zstd', 'br'], ['gzip;q=1, br;q=0', 'gzip'], ['*', 'br'], ['gzip;q=0', undefined], ['deflate', undefined], ['', undefined]])('accept-encoding %s: %s', async (accept, encoding) => {
    expect((await fetched(await mainPath(), { 'accept-encoding': accept })).headers['content-encoding']).toBe(encoding)
  })

  test('of another version, by another way, or that are none: not found', async () => {
    const path = await mainPath()
    for (const wrong of [path.replace(/[0-9a-f]{16}/, '0123456789abcdef'), `${path}x`, '/dashboard/', path.replace('page.js', 'index.html'), path.replace('page.js', '..%2fserve.ts'), '/dashboard/__proto__']) {
      expect((await fetched(wrong)).status, wrong).toBe(404)
    }
    expect(await bed.ask('POST ./', { body: {} })).toMatchObject({ status: 404 })
  })

  test('are four, and no others are asked for', async () => {
    const index = (await fetched('/')).bytes.toString('utf8')
    const named = [...new Set([...index.matchAll(/\/dashboard\/[0-9a-f]{16}\/([\w.]+)/g)].map(([, name]) => name))]
    expect(named.toSorted()).toEqual(['icon.svg', 'page.css', 'page.js', 'uplot.js'])
    const script = (await fetched(await mainPath())).bytes.toString('utf8')
    expect(script.match(/^import .*$/gm)).toEqual(["import uPlot from './uplot.js'"])
    expect(script).not.toMatch(/^\s*\/\/|: string\b|^export/m)
    expect((await fetched((await mainPath()).replace('page.js', 'uplot.js'))).bytes.toString('utf8')).toMatch(/export default uPlot\n$/)
  })
})

describe('what the page needs of the API', () => {
  const token = { authorization: 'Bearer admin-0123456789ab' }

  test('who asks is answered without a proof, too: nobody, who may do nothing', async () => {
    expect(await bed.ask('GET /login')).toMatchObject({ status: 200, json: { name: null, role: null } })
    expect(await bed.ask('GET /login', { headers: { authorization: 'Bearer x' } })).toMatchObject({ status: 401 })
    expect(await bed.ask('GET /login', { headers: token })).toMatchObject({ status: 200, json: { name: 'root', role: 'admin' } })
  })

  test('long answers are packed for who can unpack them', async () => {
    const plain = await fetched('/api/v1/openapi.json')
    expect(plain.headers['content-encoding']).toBeUndefined()
    const { headers, bytes } = await fetched('/api/v1/openapi.json', { 'accept-encoding': 'gzip, br' })
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'content-encoding': 'gzip', vary: 'accept-encoding' })
    expect(bytes.length).toBeLessThan(plain.bytes.length / 4)
    expect(gunzipSync(bytes).equals(plain.bytes)).toBe(true)
    expect((await fetched('/api/v1/openapi.json', { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding']).toBeUndefined()
  })

  test('short ones go as they are', async () => {
    expect((await fetched('/api/v1/login', { 'accept-encoding': 'gzip' })).headers['content-encoding']).toBeUndefined()
  })
})
