// The API of a gateway in a process of its own: where it listens, with what certificate, who may come in after a change, and what a port that is taken stops.
import { readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askHttp, askHttps } from '../support/ask-socket.ts'
import { freePort } from '../support/ports.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const TAKEN = /^the HTTP API cannot be reached there/
/** A port that is taken is tried again every ten seconds. */
const AGAIN_MS = 20_000

let site: Site
let port: number

beforeEach(async () => {
  site = await Site.make()
  port = await freePort()
})
afterEach(() => site[Symbol.asyncDispose]())

const token = (of: string) => ({ name: 't', token: of, role: 'viewer' })
const atSocket = (path: string) => askHttp({ socketPath: join(site.folder, 'data/api.sock'), path })
const atPort = (path: string, headers = {}) => askHttp({ host: '127.0.0.1', port, path, headers })

test('at the unix socket without a word of it in the file; its owner may open it, and it goes with the gateway', async () => {
  await site.configure()
  const gateway = await site.start()
  expect(JSON.parse((await atSocket('/api/v1/login')).text)).toEqual({ name: 'this machine', role: 'admin' })
  const socket = join(site.folder, 'data/api.sock')
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  expect(await gateway.stop()).toMatchObject({ code: 0 })
  expect(() => statSync(socket)).toThrow('ENOENT')
})

test('where systemd gives it a folder, the socket is there, for its group too', async () => {
  await site.configure()
  const gateway = await site.start([], { RUNTIME_DIRECTORY: site.folder })
  expect((await askHttp({ socketPath: join(site.folder, 'api.sock'), path: '/healthz' })).status).toBe(200)
  expect(statSync(join(site.folder, 'api.sock')).mode & 0o777).toBe(0o660)
  await gateway.stop()
})

test('with a certificate of its own, which stays the same', async () => {
  await site.configure({ http: { listeners: [{ port, tls: 'own' }] } })
  const first = await site.start()
  const certificate = readFileSync(join(site.folder, 'data/http.crt'))
  const made = first.log.find(({ fingerprint }) => fingerprint !== undefined)
  expect(made).toMatchObject({ level: 30, fingerprint: new X509Certificate(certificate).fingerprint256 })
  expect(statSync(join(site.folder, 'data/http.key')).mode & 0o777).toBe(0o600)
  const ask = () => askHttps({ host: '127.0.0.1', port, path: '/api/v1/status', ca: certificate })
  expect((await ask()).status).toBe(200)
  expect(await askHttps({ host: '127.0.0.1', port, path: '/healthz' }).catch((error: NodeJS.ErrnoException) => error.code)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  await first.stop()
  await site.start()
  expect((await ask()).status).toBe(200)
})

test('SIGHUP: another token comes in, the one before does not', async () => {
  await site.configure({ http: { listeners: [{ port }], tokens: [token('one-0123456789ab')] } })
  const gateway = await site.start()
  const statusWith = async (of: string) => (await atPort('/api/v1/status', { authorization: `Bearer ${of}` })).status
  expect([await statusWith('one-0123456789ab'), await statusWith('two-0123456789ab')]).toEqual([200, 401])
  await site.configure({ http: { listeners: [{ port }], tokens: [token('two-0123456789ab')] } })
  process.kill(gateway.pid, 'SIGHUP')
  await until(() => gateway.log.some(({ msg }) => msg.startsWith('the configuration was read again')), 'the configuration to be read again')
  expect([await statusWith('one-0123456789ab'), await statusWith('two-0123456789ab')]).toEqual([401, 200])
})

test('a port that is taken stops nothing, is told once, and listened on when it is free', async () => {
  const taken = await new Promise<Server>((resolve) => {
    const server = createServer()
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server))
  })
  await site.configure({ http: { listeners: [{ port }] } })
  const gateway = await site.start()
  expect(gateway.log.filter(({ msg }) => TAKEN.test(msg))).toMatchObject([{ level: 40, http: `127.0.0.1 port ${port}`, why: expect.stringContaining('EADDRINUSE') }])
  expect((await atSocket('/readyz')).status).toBe(200)
  await new Promise((resolve) => void taken.close(resolve))
  await until(async () => (await atPort('/healthz')).status === 200, 'the port to be listened on', AGAIN_MS)
  expect(gateway.log.filter(({ msg }) => TAKEN.test(msg))).toHaveLength(1)
}, 40_000)

test('a listener does not keep the gateway from stopping', async () => {
  await site.configure({ http: { listeners: [{ port }], anonymous: 'viewer' } })
  const gateway = await site.start()
  const heard = askHttp({ host: '127.0.0.1', port, path: '/api/v1/subscribe?filter=a' }).catch(() => null)
  await until(async () => JSON.parse((await atSocket('/api/v1/status')).text).site === 'test', 'an answer')
  const { code, ms } = await gateway.stop()
  expect(code).toBe(0)
  expect(ms).toBeLessThan(4000)
  await heard
})
