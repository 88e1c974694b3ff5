// Chapter 8: certificates of clients, made by openssl: who is let in by TLS, who that is, and what becomes of it when authorities and revocation
// lists change while clients are connected.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { readFileSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions, SecureVersion, TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Authority, type ClientOptions, type KeyPair } from '../support/certificates.ts'
import { TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { dialTls, listenersOf } from '../support/listeners.ts'
import { until } from '../support/until.ts'
import { type ConnectOptions, connectPacket, type Version, VERSIONS, WireClient } from '../support/wire-client.ts'

const DAY_MS = 86_400_000
const day = (n: number): Date => new Date(Date.now() + n * DAY_MS)

let gatewayAuthority: Authority
let devices: Authority
let strangers: Authority
let own: KeyPair
let pumps: readonly [KeyPair, KeyPair]
let stranger: KeyPair
beforeAll(async () => {
  gatewayAuthority = await Authority.make('Authority of gateways')
  devices = await Authority.make('Authority of devices')
  strangers = await Authority.make('Authority of strangers')
  own = await gatewayAuthority.issue('gateway')
  pumps = [await devices.issueClient('pump-1'), await devices.issueClient('pump-2')]
  stranger = await strangers.issueClient('pump-1')
})
afterAll(async () => {
  for (const authority of [gatewayAuthority, devices, strangers]) await authority[Symbol.asyncDispose]()
})

/** Files of the listener that a test can change. */
let folder = ''
const at = (name: string): string => join(folder, name)
let lines: { readonly level: string; readonly text: string; readonly fields: Readonly<Record<string, unknown>> }[] = []
beforeEach(async () => {
  lines = []
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-client-certificates-'))
  await copyFile(devices.certFile, at('ca.pem'))
})
const sockets: TLSSocket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await rm(folder, { recursive: true, force: true })
})

/** A listener whose clients have certificates; `clients` is what stands in the braces behind `ca`. */
const secure = (clients = '', more = '', ca = at('ca.pem')): string => `port: 0, tls: { key: "${own.keyFile}", cert: "${own.certFile}", clients: { ca: "${ca}"${clients} } }${more}`
const withCrl = (): string => `, crl: "${at('crl.pem')}"`

function start(listeners: readonly string[], options: TestGatewayOptions = {}): Promise<TestGateway> {
  const note = (level: string) => (fields: object, text: string) => void lines.push({ level, text, fields: { ...fields } })
  // OpenSSL looks at the real time, and so the gateway has to.
  return TestGateway.start({ wallMs: Date.now(), ...options, broker: { ...listenersOf(...listeners), ...options.broker }, log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') } })
}

const whys = (): unknown[] => lines.filter((l) => l.text === 'connection refused').map((l) => l.fields.why)
const texts = (level: string): string[] => lines.filter((l) => l.level === level).map((l) => l.text)

async function dialWith(pair: KeyPair | null, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const shown = pair === null ? {} : { key: readFileSync(pair.keyFile), cert: readFileSync(pair.certFile) }
  const socket = await dialTls(port, { ca: readFileSync(gatewayAuthority.certFile), ...shown, ...options })
  sockets.push(socket)
  return socket
}

async function enter(pair: KeyPair | null, port: number, options: { version?: Version; tls?: ConnectionOptions; connect?: ConnectOptions } = {}): Promise<WireClient> {
  const { version = 5 } = options
  const client = WireClient.over(await dialWith(pair, port, options.tls), version)
  client.send(connectPacket(version, options.connect))
  await client.expect({ cmd: 'connack', [version === 5 ? 'reasonCode' : 'returnCode']: 0 })
  return client
}

/** In TLS 1.3 the client believes itself connected before the gateway has seen its certificate. */
async function refused(pair: KeyPair | null, port: number, options: ConnectionOptions = {}): Promise<void> {
  let socket: TLSSocket
  try {
    socket = await dialWith(pair, port, options)
  } catch {
    return
  }
  const client = WireClient.over(socket, 5)
  client.send(connectPacket(5))
  await client.expectClosed()
}

/** The time in which files are looked at again has gone by, and what that brings about has happened. */
async function changed(gateway: TestGateway, count = 1): Promise<void> {
  await gateway.pass(10)
  await until(() => lines.filter((l) => l.text === 'clients are trusted by the new authorities and revocation lists').length >= count, 'the new authorities and lists')
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('by %s', (tlsVersion) => {
  const tls = { minVersion: tlsVersion as SecureVersion, maxVersion: tlsVersion as SecureVersion }

  test.each([
    ['none', async () => null, 'the client shows no certificate'],
    ['an expired one', () => devices.issueClient('old', { from: day(-9), to: day(-1) }), 'its certificate, or one between it and its authority, has expired'],
    ['one that is not valid yet', () => devices.issueClient('new', { from: day(1), to: day(2) }), 'its certificate, or one between it and its authority, is not valid yet: compare the clocks'],
    ['one of another authority', async () => stranger, 'its certificate is of an authority that this listener does not trust, or it does not send those between'],
    ['one of the gateway’s own authority', () => gatewayAuthority.issue('inside'), 'its certificate is of an authority that this listener does not trust'],
    ['one for servers', () => devices.issueClient('server', { usage: 'serverAuth' }), 'its certificate is not for clients'],
    ['an authority’s own', async () => ({ certFile: strangers.certFile, keyFile: join(strangers.folder, 'ca.key') }), 'its certificate is signed by itself, and none of the authorities of this listener'],
  ])('%s is refused, counted, and the log says why', async (_, make, why) => {
    const pair = await make()
    await using gateway = await start([secure()])
    await refused(pair, gateway.port, tls)
    await until(() => gateway.counters.refusedTlsHandshakes === 1, 'the refusal')
    expect(whys()).toEqual([`TLS handshake failed: ${why}`])
    expect(gateway.counters).toMatchObject({ refusedClientCertificates: 1, connectionsRefused: 1, connectionsOpened: 0 })
    await enter(pumps[0], gateway.port, { tls })
  })

  test('a revoked one is refused, others of its authority are not', async () => {
    const revoked = await devices.issueClient('revoked')
    await devices.revoke(revoked)
    await writeFile(at('crl.pem'), await devices.crl())
    await using gateway = await start([secure(withCrl())])
    await refused(revoked, gateway.port, tls)
    await until(() => whys().length === 1, 'the refusal')
    expect(whys()).toEqual(['TLS handshake failed: its certificate, or one between it and its authority, was revoked'])
    await enter(pumps[0], gateway.port, { tls })
  })

  test('optional: none is let in, one that is not in order is not', async () => {
    await using gateway = await start([secure(', need: optional', ', anonymous: true')])
    await enter(null, gateway.port, { tls })
    await enter(pumps[0], gateway.port, { tls })
    await refused(stranger, gateway.port, tls)
    await refused(await devices.issueClient('old', { from: day(-9), to: day(-1) }), gateway.port, tls)
    await until(() => gateway.counters.refusedClientCertificates === 2, 'the refusals')
    expect(gateway.counters).toMatchObject({ refusedTlsHandshakes: 2, connectionsRefused: 2, connectionsNow: 2 })
  })

  /** The newest session of a client of that port, and whether the gateway took one. */
  async function session(pair: KeyPair | null, port: number, before?: Buffer): Promise<{ readonly session: Buffer; readonly reused: boolean }> {
    const socket = await dialWith(pair, port, { ...tls, ...(before === undefined ? {} : { session: before }) })
    const sessions: Buffer[] = []
    socket.on('session', (newest: Buffer) => void sessions.push(newest))
    const client = WireClient.over(socket, 5)
    client.send(connectPacket(5))
    await client.expect({ cmd: 'connack', reasonCode: 0 })
    const newest = await until(() => sessions.at(-1) ?? socket.getSession(), 'a session')
    return { session: newest, reused: socket.isSessionReused() }
  }

  test('a session is resumed, and not once its certificate is revoked', async () => {
    const pair = await devices.issueClient('resuming')
    await writeFile(at('crl.pem'), await devices.crl())
    await using gateway = await start([secure(withCrl())])
    const first = await session(pair, gateway.port)
    const second = await session(pair, gateway.port, first.session)
    expect([first.reused, second.reused]).toEqual([false, true])

    await devices.revoke(pair)
    await writeFile(at('crl.pem'), await devices.crl())
    await changed(gateway)
    for (const { session: ticket } of [first, second]) {
      await refused(pair, gateway.port, { ...tls, session: ticket })
      await refused(null, gateway.port, { ...tls, session: ticket }) // a full handshake would ask for the certificate
    }
    await until(() => gateway.counters.refusedClientCertificates === 4, 'the refusals')
    expect(gateway.counters.endedClientCertificates).toBe(2)
  })

  test('a session is not resumed at a listener with other authorities', async () => {
    await using gateway = await start([secure(), secure('', '', strangers.certFile), secure(', need: optional', ', anonymous: true')])
    const [ofDevices, ofStrangers, optional] = gateway.gateway.ports as [number, number, number]
    const { session: ticket } = await session(pumps[0], ofDevices)
    await refused(pumps[0], ofStrangers, { ...tls, session: ticket })
    await refused(null, ofStrangers, { ...tls, session: ticket })
    const { session: unnamed } = await session(null, optional)
    await refused(null, ofDevices, { ...tls, session: unnamed })
    await until(() => gateway.counters.refusedClientCertificates === 3, 'the refusals')
    await enter(stranger, ofStrangers, { tls })
  })

  test('what was refused leaves no session that opens the door', async () => {
    await using gateway = await start([secure(', need: optional', ', anonymous: true')])
    const socket = await dialWith(stranger, gateway.port, tls).catch(() => null)
    let ticket: Buffer | undefined
    socket?.on('session', (newest: Buffer) => (ticket = newest))
    await until(() => gateway.counters.refusedClientCertificates === 1, 'the refusal')
    ticket ??= socket?.getSession()
    await refused(stranger, gateway.port, { ...tls, ...(ticket === undefined ? {} : { session: ticket }) })
    await until(() => gateway.counters.refusedClientCertificates === 2, 'the second refusal')
    expect(gateway.counters.connectionsOpened).toBe(0)
  })
})

describe('chains', () => {
  test('a client that sends the certificates between is let in, with either of them in the file', async () => {
    const plant = await devices.intermediate('Plant 1')
    const pair = await plant.issueClient('valve-1')
    const chain = { keyFile: pair.keyFile, certFile: at('chain.pem') }
    await writeFile(chain.certFile, Buffer.concat([await readFile(pair.certFile), await readFile(plant.certFile)]))
    await writeFile(at('both.pem'), Buffer.concat([await readFile(devices.certFile), await readFile(plant.certFile)]))
    await using gateway = await start([secure(), secure('', '', at('both.pem'))])
    const [root, both] = gateway.gateway.ports as [number, number]
    await refused(pair, root)
    await enter(chain, root)
    await enter(pair, both)
    await enter(chain, both)
  })

  test('one that is sent along and only bears the name of the authority changes nothing', async () => {
    await using impostor = await Authority.make('Authority of devices')
    const forger = await impostor.issueClient('pump-1')
    await writeFile(at('along.pem'), Buffer.concat([await readFile(pumps[0].certFile), await readFile(impostor.certFile)]))
    await writeFile(at('forged.pem'), Buffer.concat([await readFile(forger.certFile), await readFile(impostor.certFile), await readFile(devices.certFile)]))
    await writeFile(at('crl.pem'), await devices.crl())
    await using gateway = await start([secure(withCrl())])
    const honest = await enter({ keyFile: pumps[0].keyFile, certFile: at('along.pem') }, gateway.port)
    await refused({ keyFile: forger.keyFile, certFile: at('forged.pem') }, gateway.port)
    await writeFile(at('crl.pem'), await devices.crl({ to: day(3) }))
    await changed(gateway)
    await honest.expectNothing()
    expect(gateway.counters).toMatchObject({ endedClientCertificates: 0, refusedClientCertificates: 1 })
  })

  test('the certificate between is revoked: its clients go, others stay', async () => {
    const plant = await devices.intermediate('Plant 2')
    const pair = await plant.issueClient('valve-2')
    const chain = { keyFile: pair.keyFile, certFile: at('chain.pem') }
    await writeFile(chain.certFile, Buffer.concat([await readFile(pair.certFile), await readFile(plant.certFile)]))
    await writeFile(at('crl.pem'), (await devices.crl()) + (await plant.crl()))
    await using gateway = await start([secure(withCrl())])
    const valve = await enter(chain, gateway.port)
    const pump = await enter(pumps[0], gateway.port)

    await devices.revoke({ keyFile: '', certFile: plant.certFile })
    await writeFile(at('crl.pem'), (await devices.crl()) + (await plant.crl()))
    await changed(gateway)
    await valve.expect({ cmd: 'disconnect', reasonCode: 0x98, properties: { reasonString: 'the certificate of its issuer was revoked' } })
    await valve.expectClosed()
    await pump.expectNothing()
    await refused(chain, gateway.port)
  })
})

describe('lists of revoked certificates while clients are connected', () => {
  test.each(VERSIONS)('who is revoked is disconnected, others are not touched, version %i', async (version) => {
    const pair = await devices.issueClient(`lost-${version}`)
    await writeFile(at('crl.pem'), await devices.crl())
    await using gateway = await start([secure(withCrl())])
    const lost = await enter(pair, gateway.port, { version })
    const kept = await enter(pumps[0], gateway.port, { version })
    await devices.revoke(pair)
    await writeFile(at('crl.pem'), await devices.crl())
    await changed(gateway)
    if (version === 5) await lost.expect({ cmd: 'disconnect', reasonCode: 0x98, properties: { reasonString: 'its certificate was revoked' } })
    await lost.expectClosed()
    await kept.expectNothing()
    expect(gateway.counters).toMatchObject({ endedClientCertificates: 1, connectionsNow: 1 })
    await refused(pair, gateway.port)
    await enter(pumps[1], gateway.port)
  })

  test('one that has come with TLS and not yet as a WebSocket is disconnected too', async () => {
    const pair = await devices.issueClient('half-way')
    await writeFile(at('crl.pem'), await devices.crl())
    await using gateway = await start([secure(withCrl(), ', websocket: true')])
    const socket = await dialWith(pair, gateway.port)
    socket.on('error', () => {})
    socket.write('GET /mqtt HTTP/1.1\r\n')
    await devices.revoke(pair)
    await writeFile(at('crl.pem'), await devices.crl())
    await changed(gateway)
    await until(() => socket.destroyed || socket.readableEnded || socket.closed, 'the connection to end')
    expect(whys()).toEqual(['its certificate was revoked'])
  })

  test('a broken one is told and counted once, and the old one stays', async () => {
    const pair = await devices.issueClient('revoked-before')
    await devices.revoke(pair)
    await writeFile(at('crl.pem'), await devices.crl())
    await using gateway = await start([secure(withCrl())])
    const client = await enter(pumps[0], gateway.port)
    await writeFile(at('crl.pem'), (await devices.crl()).slice(0, 200))
    for (let i = 0; i < 3; i++) {
      await gateway.pass(10)
      await until(() => gateway.counters.refusedCertificates === 1, 'the complaint')
      await refused(pair, gateway.port)
    }
    expect(texts('error')).toEqual(['the new certificate cannot be used: the old one stays'])
    expect(lines.find((l) => l.level === 'error')!.fields.why).toBe(`${at('crl.pem')} cannot be used: it has no lines -----BEGIN X509 CRL-----`)
    await client.expectNothing()
    await enter(pumps[1], gateway.port)
  })

  test('one that has ended keeps everybody out, and whoever is there stays; the log says so', async () => {
    await writeFile(at('crl.pem'), await devices.crl())
    await using gateway = await start([secure(withCrl())])
    const client = await enter(pumps[0], gateway.port)
    await writeFile(at('crl.pem'), await devices.crl({ from: day(-9), to: day(-1) }))
    await changed(gateway)
    await refused(pumps[1], gateway.port)
    await until(() => whys().length === 1, 'the refusal')
    expect(whys()).toEqual(['TLS handshake failed: the list of revoked certificates of its authority has ended: put a newer one in its place'])
    expect(texts('warn')).toEqual(['a list of revoked certificates has ended: all clients of its authority are refused until a newer one is in its place'])
    await client.expectNothing()
  })

  test('an authority without one keeps its clients out', async () => {
    await writeFile(at('crl.pem'), await strangers.crl())
    await using gateway = await start([secure(withCrl())])
    await refused(pumps[0], gateway.port)
    await until(() => whys().length === 1, 'the refusal')
    expect(whys()).toEqual(['TLS handshake failed: its authority has no list of revoked certificates in the file `crl`: add one, an empty one will do'])
  })
})

describe('authorities while clients are connected', () => {
  const enterBoth = async (gateway: TestGateway): Promise<[WireClient, WireClient]> => [await enter(pumps[0], gateway.port), await enter(stranger, gateway.port)]

  test('who is of one that is gone is disconnected, others are not touched', async () => {
    await writeFile(at('ca.pem'), Buffer.concat([await readFile(devices.certFile), await readFile(strangers.certFile)]))
    await using gateway = await start([secure()])
    const [pump, other] = await enterBoth(gateway)
    await copyFile(devices.certFile, at('ca.pem'))
    await changed(gateway)
    await other.expect({ cmd: 'disconnect', reasonCode: 0x98, properties: { reasonString: 'its certificate is of no authority that is still trusted' } })
    await other.expectClosed()
    await pump.expectNothing()
    await refused(stranger, gateway.port)
  })

  test('one with the same name and another key is another one', async () => {
    await using impostor = await Authority.make('Authority of devices')
    await using gateway = await start([secure()])
    const pump = await enter(pumps[0], gateway.port)
    await copyFile(impostor.certFile, at('ca.pem'))
    await changed(gateway)
    await pump.expect({ cmd: 'disconnect', reasonCode: 0x98 })
    await pump.expectClosed()
    await enter(await impostor.issueClient('pump-1'), gateway.port)
  })

  test('a renewed one, and one more beside it, change nothing for those who are there', async () => {
    await using renewing = await Authority.make('Authority that renews')
    await copyFile(renewing.certFile, at('ca.pem'))
    const plant = await renewing.intermediate('Plant 3')
    const pair = await plant.issueClient('valve-3')
    const chain = { keyFile: pair.keyFile, certFile: at('chain.pem') }
    await writeFile(chain.certFile, Buffer.concat([await readFile(pair.certFile), await readFile(plant.certFile)]))
    await using gateway = await start([secure()])
    const clients = [await enter(await renewing.issueClient('a'), gateway.port), await enter(chain, gateway.port)]
    await renewing.renew()
    await writeFile(at('ca.pem'), Buffer.concat([await readFile(strangers.certFile), await readFile(renewing.certFile)]))
    await changed(gateway)
    for (const client of clients) await client.expectNothing()
    await enter(chain, gateway.port)
    expect(gateway.counters.endedClientCertificates).toBe(0)
  })
})

describe('another configuration while clients are connected', () => {
  const yaml = (clients: string): string => `site: test\ntenants: [{ name: acme }]\nbroker:\n  sysInterval: 0s\n  listeners:\n    - { ${secure().replace(/clients: .*/, `clients: { ${clients} } }`)} }\n`
  const ca = (): string => `ca: "${at('ca.pem')}"`
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }

  test('only who becomes somebody else by its rules, or nobody, is disconnected', async () => {
    await using gateway = await TestGateway.start({ yaml: yaml(ca()), log: quiet })
    const clients = [await enter(pumps[0], gateway.port), await enter(pumps[1], gateway.port)]
    await gateway.reload(yaml(`${ca()}, map: [{ match: "pump-1", roles: [device] }]`))
    await clients[0]!.expectNothing()
    await clients[1]!.expect({ cmd: 'disconnect', reasonCode: 0x98 })
    await gateway.reload(yaml(`${ca()}, map: [{ match: "pump-1", user: "p1" }]`))
    await clients[0]!.expect({ cmd: 'disconnect', reasonCode: 0x98 })
    const renamed = await enter(pumps[0], gateway.port)
    await gateway.reload(yaml(`${ca()}, map: [{ match: "pump-1", user: "p1", tenant: acme }]`))
    await renamed.expect({ cmd: 'disconnect', reasonCode: 0x98 })
    expect(gateway.counters.endedClientCertificates).toBe(0)
  })

  test('a line of `users` gives one of them a tenant and roles, and takes them', async () => {
    const rules = 'rules: [{ allow: all, topic: "dev/#", roles: [device], tenants: [acme] }]'
    const withUsers = (users: string): string => `${yaml(ca())}access: { users: [${users}], ${rules} }\n`
    const filters = { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'dev/x', qos: 0 }] } as const
    await using gateway = await TestGateway.start({ yaml: withUsers('{ name: pump-1, tenant: acme, roles: [device] }'), log: quiet })
    const clients = [await enter(pumps[0], gateway.port), await enter(pumps[1], gateway.port)]
    for (const [i, granted] of [[0, 0], [1, 0x87]] as const) {
      clients[i]!.send({ ...filters, subscriptions: [...filters.subscriptions] })
      await clients[i]!.expect({ cmd: 'suback', granted: [granted] })
    }
    await gateway.reload(withUsers('{ name: pump-1, tenant: acme }'))
    await clients[0]!.expect({ cmd: 'disconnect', reasonCode: 0x87 })
    await clients[1]!.expectNothing()
  })

  test('other files: who is not trusted by them is disconnected', async () => {
    await writeFile(at('both.pem'), Buffer.concat([await readFile(devices.certFile), await readFile(strangers.certFile)]))
    await using gateway = await TestGateway.start({ yaml: yaml(`ca: "${at('both.pem')}"`), log: quiet })
    const [pump, other] = [await enter(pumps[0], gateway.port), await enter(stranger, gateway.port)]
    await gateway.reload(yaml(ca()))
    await other.expect({ cmd: 'disconnect', reasonCode: 0x98, properties: { reasonString: 'its certificate is of no authority that is still trusted' } })
    await pump.expectNothing()
    await refused(stranger, gateway.port)
    expect(gateway.counters).toMatchObject({ endedClientCertificates: 1, connectionsNow: 1 })
  })

  test('a certificate that was optional is required: who has come without one is disconnected', async () => {
    await using gateway = await TestGateway.start({ yaml: yaml(`${ca()}, need: optional`).replace('listeners:\n    - {', 'listeners:\n    - { anonymous: true,'), log: quiet })
    const [pump, nobody] = [await enter(pumps[0], gateway.port), await enter(null, gateway.port)]
    await gateway.reload(yaml(ca()))
    await nobody.expect({ cmd: 'disconnect', reasonCode: 0x98, properties: { reasonString: 'this listener asks for a certificate' } })
    await pump.expectNothing()
    await refused(null, gateway.port)
  })
})

describe('who it is', () => {
  const users = (): unknown[] => lines.filter((l) => l.text === 'client connected').map((l) => l.fields.user)
  const issue = (name: string, options: ClientOptions) => devices.issueClient(name, options)
  const SUBJECT = { subject: '/C=NL/O=Acme, Inc/CN=pump-7', names: 'DNS:seven.example,DNS:other.example,URI:urn:pump:7,email:seven@example.org' }

  test.each([
    ['', 'pump-7'],
    [', user: cn', 'pump-7'],
    [', user: subject', String.raw`CN=pump-7,O=Acme\, Inc,C=NL`],
    [', user: dns', 'seven.example'],
    [', user: uri', 'urn:pump:7'],
    [', user: email', 'seven@example.org'],
    [', map: [{ match: "pump-(?<number>[0-9]+)", user: "p{number}" }]', 'p7'],
    [', user: dns, map: [{ match: "other", user: "wrong" }, { match: "(?<first>[^.]+)[.].*", user: "{first}@site" }, { match: ".*", user: "late" }]', 'seven@site'],
  ])('%s', async (clients, user) => {
    const pair = await issue('pump-7', SUBJECT)
    await using gateway = await start([secure(clients)])
    for (const version of VERSIONS) await enter(pair, gateway.port, { version })
    expect(users()).toEqual([user, user, user])
  })

  test.each([
    ['no such name', ', user: uri', {}],
    ['no rule matches', ', map: [{ match: "pump", user: "p" }]', {}],
    ['a rule matches a part', ', map: [{ match: "pump-1", user: "p" }]', { subject: '/CN=not-a-pump-1' }],
  ])('%s: not authorized [MQTT-3.1.4-2]', async (_, clients, options) => {
    const pair = await issue('nobody', options)
    await using gateway = await start([secure(clients)])
    const client = WireClient.over(await dialWith(pair, gateway.port), 5)
    client.send(connectPacket(5))
    await client.expect({ cmd: 'connack', reasonCode: 0x87 })
    await client.expectClosed()
    expect(users()).toEqual([])
  })

  test('optional: without a certificate it comes by its password, and not without one', async () => {
    await using gateway = await start([secure(', need: optional')], { users: { alice: 'secret' } })
    await enter(pumps[0], gateway.port)
    await enter(null, gateway.port, { connect: { username: 'alice', password: 'secret' } })
    const nobody = WireClient.over(await dialWith(null, gateway.port), 5)
    nobody.send(connectPacket(5))
    await nobody.expect({ cmd: 'connack', reasonCode: 0x87 })
    expect(users()).toEqual(['pump-1', 'alice'])
  })
})
