// Chapter 8: TLS, unix sockets, both kinds of IP, several listeners. WebSocket and the PROXY protocol have files of their own.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, lstat, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Authority, type KeyPair } from '../support/certificates.ts'
import { TestGateway } from '../support/gateway.ts'
import { dial, dialTls, listenersOf } from '../support/listeners.ts'
import { until } from '../support/until.ts'
import { connectPacket, type Version, VERSIONS, WireClient } from '../support/wire-client.ts'

let authority: Authority
let ca: Buffer
let one: KeyPair
let two: KeyPair
let folder = ''
beforeAll(async () => {
  authority = await Authority.make()
  ca = readFileSync(authority.certFile)
  one = await authority.issue('one')
  two = await authority.issue('two')
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-transports-'))
})
afterAll(async () => {
  await authority[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const secure = ({ keyFile, certFile }: KeyPair, more = ''): string => `port: 0, tls: { key: "${keyFile}", cert: "${certFile}"${more} }`

/** A client whose CONNECT was accepted. */
async function entered(client: WireClient, clientId = ''): Promise<WireClient> {
  client.send(connectPacket(client.version, { clientId }))
  await client.expect({ cmd: 'connack', [client.version === 5 ? 'reasonCode' : 'returnCode']: 0 })
  return client
}

async function overTls(gateway: TestGateway, version: Version = 5): Promise<WireClient> {
  return WireClient.over(await dialTls(gateway.port, { ca }), version)
}

describe('TLS', () => {
  test.each(VERSIONS)('a message of each QoS, version %i', async (version) => {
    await using gateway = await TestGateway.start({ broker: listenersOf(secure(one)) })
    const client = await entered(await overTls(gateway, version))
    await client.subscribe('t', { qos: 2 })
    const payload = Buffer.alloc(200_000, 'x')
    client.publish('t', payload)
    await client.expect({ cmd: 'publish', qos: 0, payload })
    const messageId = client.publish('t', 'once', { qos: 1 })
    await client.expectAll({ cmd: 'publish', qos: 1, payload: 'once' }, { cmd: 'puback', messageId })
  })

  test('bytes one by one, each in a record of its own', async () => {
    await using gateway = await TestGateway.start({ broker: listenersOf(secure(one)) })
    const client = await overTls(gateway)
    await client.trickle(connectPacket(5))
    await client.expect({ cmd: 'connack', reasonCode: 0 })
  })

  test('1.1 is refused and counted, 1.2 and 1.3 are spoken, and 1.3 only where that is said', async () => {
    await using gateway = await TestGateway.start({ broker: listenersOf(secure(one), secure(one, ', minVersion: 1.3')) })
    const [from12, from13] = gateway.gateway.ports as [number, number]
    const only = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') => ({ ca, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }) as const
    await expect(dialTls(from12, only('TLSv1.1'))).rejects.toThrow(/alert protocol version/)
    await expect(dialTls(from13, only('TLSv1.2'))).rejects.toThrow(/alert protocol version/)
    await until(() => gateway.counters.refusedTlsHandshakes === 2, 'both to be counted')
    for (const [port, version] of [[from12, 'TLSv1.2'], [from12, 'TLSv1.3'], [from13, 'TLSv1.3']] as const) await entered(WireClient.over(await dialTls(port, only(version)), 5))
    expect(gateway.counters).toMatchObject({ connectionsRefused: 2, connectionsOpened: 3 })
  })

  test('what is no TLS is refused and counted; a client beside it goes on', async () => {
    await using gateway = await TestGateway.start({ broker: listenersOf(secure(one)) })
    const healthy = await entered(await overTls(gateway))
    for (const bytes of ['100c00044d5154540402003c0000', '16030100050100000100', 'ff'.repeat(300), '00']) {
      const socket = await dial({ port: gateway.port })
      const closed = new Promise((resolve) => void socket.on('error', () => {}).once('close', resolve))
      socket.resume().end(Buffer.from(bytes, 'hex'))
      await closed
    }
    await until(() => gateway.counters.refusedTlsHandshakes >= 3, 'the refusals')
    await healthy.expectNothing()
    expect(gateway.counters.connectionsNow).toBe(1)
  })

  test('a new certificate is seen by a new connection, an old one goes on; a broken one changes nothing', async () => {
    const live = { keyFile: join(folder, 'live.key'), certFile: join(folder, 'live.pem') }
    const put = async (pair: KeyPair): Promise<void> => {
      await copyFile(pair.keyFile, live.keyFile)
      await copyFile(pair.certFile, live.certFile)
    }
    const subject = async (): Promise<string> => {
      const socket = await dialTls(gateway.port, { ca })
      const { CN } = socket.getPeerCertificate().subject
      socket.destroy()
      return String(CN)
    }
    const errors: string[] = []
    await put(one)
    await using gateway = await TestGateway.start({ broker: listenersOf(secure(live)), log: { debug() {}, info() {}, warn() {}, error: (_, text) => void errors.push(text) } })
    const old = await entered(await overTls(gateway))
    expect(await subject()).toBe('one')

    await put(two)
    await gateway.pass(10)
    await until(async () => (await subject()) === 'two', 'the new certificate')
    await old.expectNothing()

    await writeFile(live.certFile, 'half a fi')
    for (let i = 0; i < 3; i++) {
      await gateway.pass(10)
      await until(() => gateway.counters.refusedCertificates === 1, 'the refusal to be counted')
    }
    expect(await subject()).toBe('two')
    expect(errors).toEqual(['the new certificate cannot be used: the old one stays'])
    await old.expectNothing()
  })
})

describe('half-open connections', () => {
  test('a handshake has the time of CONNECT, and takes from it', async () => {
    await using gateway = await TestGateway.start({ broker: { ...listenersOf(secure(one)), connectTimeoutMs: 10_000 } })
    const silent = WireClient.over(await dial({ port: gateway.port }), 5)
    const halfway = WireClient.over(await dial({ port: gateway.port }), 5)
    halfway.send('16 03 01 02 00 01')
    await gateway.pass(6)
    const late = await overTls(gateway) // its time begins now
    await gateway.pass(5)
    for (const client of [silent, halfway]) await client.expectClosed()
    expect(gateway.counters).toMatchObject({ connectTimeouts: 2, refusedTlsHandshakes: 0 })
    await gateway.pass(6)
    await late.expectClosed()
    await until(() => gateway.counters.connectTimeouts === 3, 'the third')
  })

  test('they count among those that are there at once', async () => {
    await using gateway = await TestGateway.start({ broker: { ...listenersOf(secure(one)), connectionsMax: 2 } })
    const first = await dial({ port: gateway.port })
    const second = await dial({ port: gateway.port })
    const third = WireClient.over(await dial({ port: gateway.port }), 5)
    await third.expectClosed()
    expect(gateway.counters.connectionsRefused).toBe(1)
    first.destroy()
    await until(async () => entered(await overTls(gateway)), 'room for one more')
    await expect(overTls(gateway)).rejects.toThrow(/disconnected|ECONNRESET|hang up/)
    second.destroy()
  })

  test('they do not hold up a stop', async () => {
    await using gateway = await TestGateway.start({ broker: listenersOf(secure(one), 'port: 0, websocket: true', 'port: 0, proxyProtocol: { from: [127.0.0.1] }') })
    const clients = []
    for (const port of gateway.gateway.ports) clients.push(WireClient.over(await dial({ port }), 5))
    await gateway.gateway.stop()
    for (const client of clients) await client.expectClosed()
  })
})

describe('unix sockets', () => {
  const path = (name: string): string => join(folder, name)
  const exists = (name: string): boolean => existsSync(path(name))
  const leave = (name: string) => promisify(execFile)('/usr/bin/python3', ['-c', `import socket; socket.socket(socket.AF_UNIX).bind("${path(name)}")`])

  test.each(VERSIONS)('a client of version %i', async (version) => {
    await using gateway = await TestGateway.start({ broker: listenersOf(`socket: "${path('a.sock')}"`) })
    const client = await entered(WireClient.over(await dial({ path: path('a.sock') }), version))
    await client.subscribe('t')
    client.publish('t', 'x')
    await client.expect({ cmd: 'publish', payload: 'x' })
    expect(gateway.gateway.ports).toEqual([0])
  })

  test('has its permission, and is gone after a stop', async () => {
    const gateway = await TestGateway.start({ broker: listenersOf(`socket: "${path('b.sock')}"`, `socket: "${path('c.sock')}", mode: "0606"`) })
    expect((await stat(path('b.sock'))).mode & 0o777).toBe(0o660)
    expect((await stat(path('c.sock'))).mode & 0o777).toBe(0o606)
    await gateway[Symbol.asyncDispose]()
    expect(exists('b.sock') || exists('c.sock')).toBe(false)
  })

  test('one that a killed process left is replaced', async () => {
    await leave('stale.sock')
    expect((await lstat(path('stale.sock'))).isSocket()).toBe(true)
    await using gateway = await TestGateway.start({ broker: listenersOf(`socket: "${path('stale.sock')}"`) })
    await entered(WireClient.over(await dial({ path: path('stale.sock') }), 5))
    expect(gateway.counters.connectionsNow).toBe(1)
  })

  test('one that somebody listens on stays', async () => {
    const other = createServer((socket) => void socket.on('error', () => {}).end('mine'))
    await new Promise<void>((resolve) => void other.listen(path('live.sock'), resolve))
    await expect(TestGateway.start({ broker: listenersOf(`socket: "${path('live.sock')}"`) })).rejects.toMatchObject({ code: 'E_PORT_TAKEN', message: `the socket ${path('live.sock')} is taken by another program` })
    const socket = await dial({ path: path('live.sock') })
    expect(String(await new Promise((resolve) => void socket.once('data', resolve)))).toBe('mine')
    await new Promise<void>((resolve) => void other.close(() => resolve()))
  })

  test.each([
    ['a file', () => writeFile(path('file'), 'precious'), 'file', 'is there already and is no socket'],
    ['a folder', async () => {}, '', 'is there already and is no socket'],
    ['no folder around it', async () => {}, 'none/x.sock', 'its folder is not there'],
    ['a file around it', () => writeFile(path('file'), 'precious'), 'file/x.sock', 'cannot be listened on \\(ENOTDIR\\)'],
  ])('%s is left alone', async (_, prepare, name, why) => {
    await prepare()
    const starting = TestGateway.start({ broker: listenersOf(`socket: "${path(name)}"`) })
    await expect(starting).rejects.toMatchObject({ code: 'E_LISTEN', message: expect.stringMatching(new RegExp(why)) })
    if (exists('file')) expect(readFileSync(path('file'), 'utf8')).toBe('precious')
  })

  test('a listener that could not start leaves another’s socket alone when it is stopped', async () => {
    await using gateway = await TestGateway.start({ broker: listenersOf(`socket: "${path('mine.sock')}"`) })
    await expect(TestGateway.start({ broker: listenersOf(`socket: "${path('mine.sock')}"`) })).rejects.toThrow('is taken by another program')
    await entered(WireClient.over(await dial({ path: path('mine.sock') }), 5))
    expect(gateway.counters.connectionsNow).toBe(1)
  })
})

describe('several listeners', () => {
  test('IPv4, IPv6 and both at once, and the address that is logged', async () => {
    const peers: string[] = []
    const log = { debug: (fields: object, text: string) => void (text === 'client connected' && peers.push((fields as { peer: string }).peer.replace(/:\d+$/, ''))), info() {}, warn() {}, error() {} }
    await using gateway = await TestGateway.start({ broker: listenersOf('port: 0', 'port: 0, host: "::1"', 'port: 0, host: "::", anonymous: true'), log })
    const [v4, v6, both] = gateway.gateway.ports as [number, number, number]
    for (const to of [{ port: v4 }, { port: v6, host: '::1' }, { port: both }, { port: both, host: '::1' }]) await entered(WireClient.over(await dial(to), 5))
    expect(peers).toEqual(['127.0.0.1', '[::1]', '127.0.0.1', '[::1]'])
    await expect(dial({ port: v4, host: '::1' })).rejects.toThrow('ECONNREFUSED')
  })

  test('each with limits of its own, all with the same topics', async () => {
    await using gateway = await TestGateway.start({
      broker: listenersOf('port: 0, maxPacketSize: 2kB, receiveMaximum: 7', `${secure(one)}, maxPacketSize: 3kB`, 'port: 0, websocket: true, maxConnections: 1'),
    })
    const [plain, tls] = gateway.gateway.ports as [number, number]
    const a = WireClient.over(await dial({ port: plain }), 5)
    a.send(connectPacket(5))
    await a.expect({ cmd: 'connack', properties: { maximumPacketSize: 2000, receiveMaximum: 7 } })
    const b = WireClient.over(await dialTls(tls, { ca }), 5)
    b.send(connectPacket(5))
    await b.expect({ cmd: 'connack', properties: { maximumPacketSize: 3000 } })
    await b.subscribe('t')
    a.publish('t', 'x')
    await b.expect({ cmd: 'publish', payload: 'x' })
  })

  test('a port that is taken is named, and nothing is left behind', async () => {
    await using gateway = await TestGateway.start()
    const starting = TestGateway.start({ broker: listenersOf(`socket: "${join(folder, 'x.sock')}"`, `port: ${gateway.port}`) })
    await expect(starting).rejects.toMatchObject({ code: 'E_PORT_TAKEN', message: `port ${gateway.port} on 127.0.0.1 is taken by another program` })
    expect(existsSync(join(folder, 'x.sock'))).toBe(false)
  })
})

describe('an address that the machine has not got yet', () => {
  test('keeps nobody else out, and is listened on as soon as it is there', async () => {
    const told: string[] = []
    const tell = (_: object, text: string): void => void told.push(text)
    const log = { debug() {}, info: tell, warn: tell, error: tell }
    // The kernel's answer for an address of a network that is down; the next times it is up.
    const { listen } = Server.prototype
    let refusals = 2
    const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args) {
      const isOurs = (args[0] as { readonly host?: string }).host === '127.0.0.2'
      return isOurs && refusals-- > 0 ? listen.call(this, { host: '192.0.2.1', port: 0 }) : listen.apply(this, args)
    })
    try {
      await using gateway = await TestGateway.start({ log, yaml: 'site: s\nbroker: { listeners: [{ port: 0, anonymous: true }, { port: 0, host: 127.0.0.2, anonymous: true }] }\n' })
      await gateway.connect(5)
      expect([gateway.portOf(1), told.filter((text) => text.includes('no such address yet'))]).toEqual([0, [expect.stringContaining('correct `host` under broker.listeners')]])
      await until(async () => {
        await gateway.pass(1)
        return gateway.portOf(1) !== 0
      }, 'the address to be listened on')
      expect(told.at(-1)).toBe('the machine has the address now: it is listened on')
      await entered(WireClient.over(await dial({ host: '127.0.0.2', port: gateway.portOf(1) }), 5))
    } finally {
      spy.mockRestore()
    }
  })
})
