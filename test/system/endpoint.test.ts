// The way to a broker: TLS with kept sessions against a real Mosquitto and against servers that want something else; interfaces; what is
// said when it does not open.
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, type TlsOptions, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { UplinkConfig } from '../../src/config/config.ts'
import { encodeConnect, encodeDisconnect } from '../../src/mqtt/control.ts'
import { LinkMeter } from '../../src/uplink/budget/meter.ts'
import { type Loss, openEndpoint, reachEndpoint } from '../../src/uplink/client/endpoint.ts'
import { TlsTickets } from '../../src/uplink/client/tls-tickets.ts'
import { Authority, type KeyPair } from '../support/certificates.ts'
import { MemoryShelf } from '../support/memory-shelf.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { freePort } from '../support/ports.ts'
import { uplinkConfig } from '../support/uplink-config.ts'

let authority: Authority
let pair: KeyPair
let cloud: Mosquitto
let tlsPort: number

beforeAll(async () => {
  authority = await Authority.make()
  pair = await authority.issue('cloud')
  tlsPort = await freePort()
  cloud = await Mosquitto.start({ lines: [`listener ${tlsPort} 127.0.0.1`, `certfile ${pair.certFile}`, `keyfile ${pair.keyFile}`] })
})

afterAll(async () => {
  await cloud[Symbol.asyncDispose]()
  await authority[Symbol.asyncDispose]()
})

type TlsMore = Partial<UplinkConfig['tlsOptions']>

function tlsConfig(port = tlsPort, more: TlsMore = {}, rest: Partial<UplinkConfig> = {}): UplinkConfig {
  return uplinkConfig({ host: '127.0.0.1', port, tls: true, tlsOptions: { ca: readFileSync(authority.certFile), identity: null, servername: null, alpn: null, versionMax: 'TLSv1.3', ...more }, ...rest })
}

function ticketsFor(config: UplinkConfig, shelf = new MemoryShelf()): TlsTickets {
  return new TlsTickets(config, shelf, systemClock)
}

interface Opened {
  readonly stream: Duplex
  readonly close: () => void
}

/** Resolves when it is open; rejects with what is said to the operator. */
function open(config: UplinkConfig, tickets = ticketsFor(config), device: string | null = null): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const endpoint = openEndpoint({ config, interface: device, tickets, packetBytesMax: 1e6 }, {
      opened: (stream) => resolve({ stream, close: () => endpoint.destroy() }),
      failed: (why: string, loss: Loss) => reject(Object.assign(new Error(why), { loss })),
    })
  })
}

/** CONNECT and CONNACK, after which tickets have come too; whether the session was one that was kept. */
async function visit(config: UplinkConfig, tickets: TlsTickets): Promise<boolean> {
  const { stream, close } = await open(config, tickets)
  stream.write(encodeConnect(5, { clientId: 'visitor', clean: true, keepAliveSec: 60 }))
  const [connack] = (await once(stream, 'data')) as [Buffer]
  expect(connack[0]).toBe(0x20)
  stream.write(encodeDisconnect(5, { reason: 0 }))
  const reused = (stream as TLSSocket).isSessionReused()
  close()
  return reused
}

describe('a remote that asks who comes', () => {
  const identityOf = ({ certFile, keyFile }: KeyPair) => ({ cert: readFileSync(certFile), key: readFileSync(keyFile) })
  let strict: Mosquitto
  let strictPort: number

  beforeAll(async () => {
    strictPort = await freePort()
    const lines = [`listener ${strictPort} 127.0.0.1`, `certfile ${pair.certFile}`, `keyfile ${pair.keyFile}`, `cafile ${authority.certFile}`, 'require_certificate true', 'use_identity_as_username true']
    strict = await Mosquitto.start({ lines })
  })

  afterAll(() => strict[Symbol.asyncDispose]())

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('is shown the certificate, in %s, also when the session is taken up', async (versionMax) => {
    const config = tlsConfig(strictPort, { versionMax, identity: identityOf(await authority.issueClient('well-07')) })
    const tickets = ticketsFor(config)
    expect([await visit(config, tickets), await visit(config, tickets)]).toEqual([false, true])
    expect(strict.log).toContain("u'well-07'")
  })

  test('and refuses who has none, or another one: what to do is said', async () => {
    await using stranger = await Authority.make()
    // In TLS 1.3 the answer comes after our end of the handshake.
    const refused = (more: TlsMore): Promise<string> => {
      const config = tlsConfig(strictPort, more)
      return new Promise((resolve) => void openEndpoint({ config, interface: null, tickets: ticketsFor(config), packetBytesMax: 1e6 }, { opened: () => {}, failed: resolve }))
    }
    expect(await refused({})).toContain("asks for a certificate: give this gateway's as `tls.cert` and `tls.key`")
    expect(await refused({ identity: identityOf(await stranger.issueClient('well-07')) })).toMatch(/refuses this gateway's certificate \(unknown ca\)/)
    expect(await refused({ versionMax: 'TLSv1.2' })).toMatch(/handshake|asks for a certificate/)
  })

  test('is told which protocol is meant', async () => {
    const server = createServer({ key: readFileSync(pair.keyFile), cert: readFileSync(pair.certFile), ALPNProtocols: ['x-amzn-mqtt-ca', 'http/1.1'] })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const { stream, close } = await open(tlsConfig((server.address() as AddressInfo).port, { alpn: 'x-amzn-mqtt-ca' }))
      expect((stream as TLSSocket).alpnProtocol).toBe('x-amzn-mqtt-ca')
      close()
    } finally {
      server.close()
    }
  })
})

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('sessions of %s', (versionMax) => {
  test('the second handshake and those after it take up the first', async () => {
    const config = tlsConfig(tlsPort, { versionMax })
    const tickets = ticketsFor(config)
    const reused: boolean[] = []
    for (let i = 0; i < 6; i++) reused.push(await visit(config, tickets))
    expect(reused).toEqual([false, true, true, true, true, true])
  })

  test('also when the link that carried it was cut', async () => {
    const config = tlsConfig(tlsPort, { versionMax })
    const tickets = ticketsFor(config)
    await visit(config, tickets)
    const { stream, close } = await open(config, tickets)
    expect((stream as TLSSocket).isSessionReused()).toBe(true)
    stream.write(encodeConnect(5, { clientId: 'visitor', clean: true, keepAliveSec: 60 }))
    await once(stream, 'data')
    close() // without a word of MQTT
    expect(await visit(config, tickets)).toBe(true)
  })

  test('also after a restart of ours, and not for somebody else', async () => {
    const config = tlsConfig(tlsPort, { versionMax })
    const shelf = new MemoryShelf()
    const before = ticketsFor(config, shelf)
    await visit(config, before)
    await before.stop()
    const after = ticketsFor(config, shelf)
    await after.prepare()
    expect(await visit(config, after)).toBe(true)
    const other = tlsConfig(tlsPort, { versionMax, servername: 'localhost' })
    const theirs = ticketsFor(other, shelf)
    await theirs.prepare()
    expect(await visit(other, theirs)).toBe(false)
  })

  test('a server that has forgotten them gets the long handshake, at once', async () => {
    const config = tlsConfig(tlsPort, { versionMax })
    const tickets = ticketsFor(config)
    await visit(config, tickets)
    await cloud.stop()
    await cloud.start()
    expect(await visit(config, tickets)).toBe(false)
    expect(await visit(config, tickets)).toBe(true)
  })

  test('a ticket that is none does no harm', async () => {
    const config = tlsConfig(tlsPort, { versionMax })
    const tickets = ticketsFor(config)
    tickets.add({ session: Buffer.from('nonsense'), version: versionMax })
    expect(await visit(config, tickets)).toBe(false)
  })
})

/** A TLS server of its own that wants something particular. */
async function serverWith(options: TlsOptions): Promise<{ port: number; hellos: () => number; [Symbol.asyncDispose](): Promise<void> }> {
  let hellos = 0
  const server = createServer({ key: readFileSync(pair.keyFile), cert: readFileSync(pair.certFile), ...options }, (socket) => socket.on('error', () => {}))
  server.on('connection', () => hellos++).on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, hellos: () => hellos, [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))) }
}

describe('what is offered', () => {
  test.each([
    ['TLS 1.2 only', { maxVersion: 'TLSv1.2' }],
    ['another curve', { ecdhCurve: 'P-384' }],
    ['the long hash of TLS 1.2', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }],
  ] as const)('a server with %s is served at once', async (_name, options) => {
    await using server = await serverWith(options)
    const { close } = await open(tlsConfig(server.port))
    close()
    expect(server.hellos()).toBe(1)
  })

  test('a server that wants more than a small hello gets everything the second time', async () => {
    await using server = await serverWith({ ciphers: 'TLS_AES_256_GCM_SHA384', minVersion: 'TLSv1.3' })
    const config = tlsConfig(server.port)
    const tickets = ticketsFor(config)
    await expect(open(config, tickets)).rejects.toThrow(/handshake failure/)
    const { stream, close } = await open(config, tickets)
    expect((stream as TLSSocket).getCipher().standardName).toBe('TLS_AES_256_GCM_SHA384')
    close()
  })

  test('where the link is not metered everything is offered at once', async () => {
    await using server = await serverWith({ ciphers: 'TLS_AES_256_GCM_SHA384', minVersion: 'TLSv1.3' })
    const { close } = await open(tlsConfig(server.port, {}, { metered: false }))
    close()
    expect(server.hellos()).toBe(1)
  })

  test('a server that comes to refuse what a ticket promised gets everything the next time', async () => {
    const config = tlsConfig()
    const tickets = ticketsFor(config)
    await visit(config, tickets)
    const ticket = tickets.take()!
    await using server = await serverWith({ maxVersion: 'TLSv1.2' })
    const moved = tlsConfig(server.port)
    const kept = ticketsFor(moved)
    kept.add(ticket) // the same name, another server: it speaks less than it did
    await expect(open(moved, kept)).rejects.toThrow(/alert protocol version/)
    ;(await open(moved, kept)).close()
  })
})

describe('what does not open', () => {
  test.each([
    ['a certificate of somebody else’s', () => tlsConfig(tlsPort, { ca: null }), 'nobody who is trusted here has signed the certificate of 127.0.0.1: give its authority as `tls.ca`'],
    ['a certificate for another name', () => tlsConfig(tlsPort, { servername: 'other.example' }), 'the certificate of 127.0.0.1 is for another name: give that name as `tls.servername`, if it is the right server'],
    ['no TLS', () => tlsConfig(cloud.port), /(broke off the TLS handshake: does this port speak TLS\?|wrong version number)/],
    ['a name that is none', () => uplinkConfig({ host: 'nowhere.invalid' }), /^(the name nowhere\.invalid does not exist|no name server answers for nowhere\.invalid)$/],
    ['an interface that is not there', () => tlsConfig(), 'the interface nothing0 is not there'],
  ] as const)('%s is said', async (name, config, why) => {
    const error = await open(config(), undefined, name.startsWith('an interface') ? 'nothing0' : null).then(() => null, (e: Error) => e)
    if (typeof why === 'string') expect(error?.message).toBe(why)
    else expect(error?.message).toMatch(why)
  })

  test('a port that nothing listens at', async () => {
    const port = await freePort()
    await expect(open(uplinkConfig({ host: '127.0.0.1', port }))).rejects.toThrow(`nothing listens at 127.0.0.1:${port}`)
  })

  test('a certificate that has expired, or is not valid yet', async () => {
    for (const [from, to, words] of [[-10, -5, 'has expired'], [5, 10, 'is not valid yet']] as const) {
      const day = (n: number): Date => new Date(Date.now() + n * 86_400_000)
      const odd = await authority.issueClient(`cloud ${words}`, { from: day(from), to: day(to), usage: 'serverAuth', names: 'IP:127.0.0.1' })
      await using server = await serverWith({ key: readFileSync(odd.keyFile), cert: readFileSync(odd.certFile) })
      await expect(open(tlsConfig(server.port))).rejects.toThrow(`the certificate of 127.0.0.1 ${words}`)
    }
  })

  test('tickets do not open a door that a changed authority has closed', async () => {
    const config = tlsConfig()
    const tickets = ticketsFor(config)
    await visit(config, tickets)
    await using other = await Authority.make('Somebody else')
    const changed = tlsConfig(tlsPort, { ca: readFileSync(other.certFile) })
    const shelf = new MemoryShelf()
    await tickets.stop()
    const theirs = ticketsFor(changed, shelf)
    await theirs.prepare()
    await expect(open(changed, theirs)).rejects.toThrow('nobody who is trusted here has signed')
  })
})

describe('an interface', () => {
  test('its address is what the connection leaves from', async () => {
    const { stream, close } = await open(uplinkConfig({ host: '127.0.0.1', port: cloud.port }), undefined, 'lo')
    expect((stream as TLSSocket).localAddress).toBe('127.0.0.1')
    close()
  })
})

describe('reaching', () => {
  test('a broker that listens is reached without a byte', async () => {
    const server = createTcpServer()
    let bytes = 0
    server.on('connection', (socket) => socket.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('error', () => {}))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection')
    const meter = new LinkMeter('connection', { clock: systemClock, spend: () => {}, connectCost: () => {}, ask: async () => null })
    const config = uplinkConfig({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
    await reachEndpoint(config, null, new AbortController().signal, (source) => meter.open(source, config.host))
    const [socket] = await accepted
    await once(socket, 'close')
    expect(bytes).toBe(0)
    expect(meter.bytes).toBeGreaterThan(300) // two SYNs and what ends it: not nothing
    expect(meter.bytes).toBeLessThan(700)
    server.close()
  })

  test('one that does not is said, and who gives up is heard', async () => {
    const port = await freePort()
    const config = uplinkConfig({ host: '127.0.0.1', port })
    const nobody = (): void => {}
    await expect(reachEndpoint(config, null, new AbortController().signal, nobody)).rejects.toThrow(`nothing listens at 127.0.0.1:${port}`)
    await expect(reachEndpoint(config, 'nothing0', new AbortController().signal, nobody)).rejects.toThrow('the interface nothing0 is not there')
    await expect(reachEndpoint(config, null, AbortSignal.abort(), nobody)).rejects.toThrow(/abort/)
  })
})
