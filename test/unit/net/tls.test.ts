// The certificate of a listener: taken when it is there, changed while it runs, kept when what comes is broken.
import { copyFile, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type SecureVersion, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Counters } from '../../../src/counters.ts'
import type { ClientCertificate } from '../../../src/access/certificate.ts'
import type { ClientCertificatesConfig } from '../../../src/config/config.ts'
import { type ProblemOf, Tls } from '../../../src/net/tls.ts'
import { Authority, type KeyPair } from '../../support/certificates.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { dial, dialTls } from '../../support/listeners.ts'
import { until } from '../../support/until.ts'

const LOOK_MS = 10_000

let authority: Authority
let ca: Buffer
let one: KeyPair
let two: KeyPair
beforeAll(async () => {
  authority = await Authority.make()
  ca = await readFile(authority.certFile)
  one = await authority.issue('one')
  two = await authority.issue('two')
})
afterAll(() => authority[Symbol.asyncDispose]())

interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A server whose certificate is a copy of `pair` that can be changed; it echoes. */
class Bench {
  readonly keyFile = join(authority.folder, 'live.key')
  readonly certFile = join(authority.folder, 'live.pem')
  readonly clock = new FakeClock()
  readonly counters = new Counters()
  readonly lines: Line[] = []
  readonly failures: string[] = []
  readonly #minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** What each client has shown that was let in. */
  readonly shown: (ClientCertificate | null)[] = []
  /** What became of those clients when trust changed, each time it did. */
  readonly changes: (string | null)[][] = []
  clients: ClientCertificatesConfig | null = null
  /** The newest of each client. */
  readonly sessions = new WeakMap<TLSSocket, Buffer>()
  tls!: Tls
  #server!: Server
  #accepted = 0
  readonly #sockets: TLSSocket[] = []

  constructor(minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.2') {
    this.#minVersion = minVersion
  }

  async start(): Promise<void> {
    const note = (level: Line['level']) => (fields: object, text: string) => void this.lines.push({ level, text, fields: { ...fields } })
    const { clock, counters, keyFile, certFile, clients } = this
    const trustChanged = (problemOf: ProblemOf): void => void this.changes.push(this.shown.map(problemOf))
    this.tls = new Tls({ keyFile, certFile, minVersion: this.#minVersion, clients }, { clock, counters, log: { info: note('info'), warn: note('warn'), error: note('error') } }, trustChanged)
    await this.tls.start()
    this.#server = createServer((socket) => {
      socket.on('error', () => {})
      this.#accepted++
      this.tls.secure(socket, (secured, certificate) => this.#done(secured, certificate), (why) => this.failures.push(why))
    })
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
  }

  #done(secured: TLSSocket, certificate: ClientCertificate | null): void {
    this.shown.push(certificate)
    secured.on('error', () => {}).pipe(secured)
  }

  /** Other clients, by the same files of its own. */
  reconfigure(clients: ClientCertificatesConfig | null): Promise<void> {
    const { keyFile, certFile } = this
    return this.tls.reconfigure({ keyFile, certFile, minVersion: this.#minVersion, clients })
  }

  async put(pair: KeyPair): Promise<void> {
    await copyFile(pair.keyFile, this.keyFile)
    await copyFile(pair.certFile, this.certFile)
  }

  /** The subject of the certificate that a new connection gets. */
  async subject(): Promise<string> {
    const socket = await this.connect()
    return String(socket.getPeerCertificate().subject.CN)
  }

  async connect(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({ port: (this.#server.address() as AddressInfo).port, host: '127.0.0.1', ca, ...options })
    this.#sockets.push(socket)
    socket.on('session', (newest: Buffer) => void this.sessions.set(socket, newest))
    await new Promise<void>((resolve, reject) => void socket.once('secureConnect', resolve).once('error', reject))
    socket.on('error', () => {})
    return socket
  }

  /** A connection whose handshake waits for its client to begin. */
  async dial(): Promise<Socket> {
    const count = this.#accepted
    const socket = await dial({ port: (this.#server.address() as AddressInfo).port })
    await until(() => this.#accepted > count, 'the connection to be accepted')
    return socket
  }

  look(): void {
    this.clock.advance(LOOK_MS)
  }

  async stop(): Promise<void> {
    this.tls.stop()
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await rm(this.keyFile, { force: true })
    await rm(this.certFile, { force: true })
  }
}

let bench: Bench
afterEach(() => bench.stop())

const errors = (): string[] => bench.lines.filter((l) => l.level === 'error').map((l) => `${l.text} (${String(l.fields.why)})`)

describe('a new pair', () => {
  test('is seen by a new connection; an old one goes on', async () => {
    bench = new Bench()
    await bench.put(one)
    await bench.start()
    const old = await bench.connect()
    expect(old.getPeerCertificate().subject.CN).toBe('one')
    await bench.put(two)
    expect(await bench.subject()).toBe('one') // nobody has looked yet
    bench.look()
    await until(() => bench.lines.length > 0, 'the new certificate')
    expect(await bench.subject()).toBe('two')
    expect(bench.lines).toMatchObject([{ level: 'info', text: 'the new certificate is in use', fields: { certificate: bench.certFile, validTo: expect.stringContaining('GMT') } }])
    old.write('still here')
    expect(String(await new Promise((resolve) => void old.once('data', resolve)))).toBe('still here')
  })

  test('is found behind a symbolic link that was changed', async () => {
    bench = new Bench()
    await symlink(one.keyFile, bench.keyFile)
    await symlink(one.certFile, bench.certFile)
    await bench.start()
    for (const file of [bench.keyFile, bench.certFile]) await unlink(file)
    await symlink(two.keyFile, bench.keyFile)
    await symlink(two.certFile, bench.certFile)
    bench.look()
    await until(() => bench.lines.length > 0, 'the new certificate')
    expect(await bench.subject()).toBe('two')
  })

  test('is not loaded again while it stays as it is', async () => {
    bench = new Bench()
    await bench.put(one)
    await bench.start()
    for (let i = 0; i < 3; i++) bench.look()
    await bench.put(two)
    bench.look()
    await until(() => bench.lines.length > 0, 'the new certificate')
    for (let i = 0; i < 3; i++) bench.look()
    expect(await bench.subject()).toBe('two')
    expect(bench.lines).toHaveLength(1)
  })
})

describe('a broken pair: the old one stays, told and counted once', () => {
  test.each([
    ['half of the pair is new', async () => copyFile(two.keyFile, bench.keyFile), 'the key does not belong to the certificate'],
    ['the certificate is no PEM', async () => writeFile(bench.certFile, 'x'), 'the certificate is no PEM: it must have lines -----BEGIN CERTIFICATE-----'],
    ['the certificate is empty', async () => writeFile(bench.certFile, ''), 'the certificate is no PEM: it must have lines -----BEGIN CERTIFICATE-----'],
    ['the key is gone', async () => unlink(bench.keyFile), "ENOENT: no such file or directory, stat 'KEY'"],
    ['the certificate is huge', async () => writeFile(bench.certFile, 'x'.repeat(65_536)), 'CERT is no file of 65535 bytes at most'],
  ])('%s', async (_, damage, why) => {
    bench = new Bench()
    await bench.put(one)
    await bench.start()
    await damage()
    bench.look()
    await until(() => bench.lines.length > 0, 'the complaint')
    const text = `the new certificate cannot be used: the old one stays (${why.replace('KEY', bench.keyFile).replace('CERT ', `${bench.certFile} `)})`
    expect(errors()).toEqual([text])
    for (let i = 0; i < 3; i++) {
      bench.look()
      expect(await bench.subject()).toBe('one') // a handshake later the look is over
    }
    expect(errors()).toEqual([text])
    expect(bench.counters.refusedCertificates).toBe(1)
    await bench.put(two)
    bench.look()
    await until(() => bench.lines.at(-1)!.level === 'info', 'the new certificate')
    expect(await bench.subject()).toBe('two')
  })
})

test('without a pair at the start every handshake fails, until there is one', async () => {
  bench = new Bench()
  await bench.start()
  expect(errors()).toEqual([expect.stringContaining('there is no usable certificate: TLS connections are refused until there is one (ENOENT')])
  await expect(bench.connect()).rejects.toThrow(/handshake failure/)
  await until(() => bench.failures.length === 1, 'the failure')
  await bench.put(one)
  bench.look()
  await until(async () => (await bench.subject()) === 'one', 'the certificate')
})

describe.each([
  ['TLSv1.2', { 'TLSv1': false, 'TLSv1.1': false, 'TLSv1.2': true, 'TLSv1.3': true }],
  ['TLSv1.3', { 'TLSv1.1': false, 'TLSv1.2': false, 'TLSv1.3': true }],
] as const)('from %s on', (minVersion, versions) => {
  test.each(Object.entries(versions))('%s: %s', async (version, spoken) => {
    bench = new Bench(minVersion)
    await bench.put(one)
    await bench.start()
    const coming = bench.connect({ minVersion: version as SecureVersion, maxVersion: version as SecureVersion, ciphers: 'DEFAULT@SECLEVEL=0' })
    if (spoken) expect((await coming).getProtocol()).toBe(version)
    else {
      await expect(coming).rejects.toThrow(/alert protocol version|unsupported protocol/)
      await until(() => bench.failures.length === 1, 'the failure')
    }
  })
})

describe('clients with certificates', () => {
  const DAY_MS = 86_400_000
  const days = (n: number): Date => new Date(Date.now() + n * DAY_MS)
  let devices: Authority
  let pump: KeyPair
  let bothFile = ''
  beforeAll(async () => {
    devices = await Authority.make('Authority of devices')
    pump = await devices.issueClient('pump', { from: days(-1), to: days(5) })
    bothFile = join(devices.folder, 'both.pem')
    await writeFile(bothFile, Buffer.concat([ca, await readFile(devices.certFile)]))
  })
  afterAll(() => devices[Symbol.asyncDispose]())

  const clients = (more: Partial<ClientCertificatesConfig> = {}): ClientCertificatesConfig => ({ caFile: devices.certFile, crlFile: null, need: 'required', user: 'cn', map: null, ...more })
  const withPump = async (): Promise<ConnectionOptions> => ({ key: await readFile(pump.keyFile), cert: await readFile(pump.certFile) })

  async function started(config: ClientCertificatesConfig | null): Promise<void> {
    bench = new Bench()
    bench.clients = config
    bench.clock.wallOffsetMs = Date.now()
    await bench.put(one)
    await bench.start()
  }

  /** A client that was let in, and its newest session. */
  async function come(options: ConnectionOptions): Promise<{ readonly socket: TLSSocket; readonly session: Buffer }> {
    const count = bench.shown.length
    const socket = await bench.connect(options)
    socket.resume().write('x')
    await until(() => bench.shown.length > count, 'the client to be let in')
    return { socket, session: await until(() => bench.sessions.get(socket) ?? (socket.isSessionReused() ? socket.getSession() : undefined), 'a session') }
  }

  test('what is kept of one is small', async () => {
    await started(clients())
    await come(await withPump())
    const { issuer, ...texts } = bench.shown[0]!
    expect(texts).toEqual({ subject: 'CN=pump', commonName: 'pump', dns: null, uri: null, email: null, serial: '1000', validToMs: expect.any(Number) })
    expect(Math.abs(texts.validToMs - days(5).getTime())).toBeLessThan(DAY_MS)
    expect(issuer.name).toBe('CN=Authority of devices')
    await come(await withPump())
    expect(bench.shown[1]!.issuer).toBe(issuer)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: a resumed session ends with its certificate', async (version) => {
    await started(clients())
    const only = { minVersion: version, maxVersion: version, ...(await withPump()) }
    const { session } = await come(only)
    const again = await come({ ...only, session })
    expect(again.socket.isSessionReused()).toBe(true)
    expect(bench.shown[1]).toEqual(bench.shown[0])
    bench.clock.wallOffsetMs += 6 * DAY_MS
    await bench.connect({ ...only, session }).catch(() => {})
    await until(() => bench.failures.length === 1, 'the refusal')
    expect(bench.failures).toEqual(['its certificate, or one between it and its authority, has expired'])
  })

  test('what is asked of clients can change', async () => {
    await started(null)
    const only = await withPump()
    await come({})
    await bench.reconfigure(clients({ need: 'optional' }))
    expect(bench.changes).toEqual([[null]])
    await come({})
    await come(only)
    expect(bench.shown.map((c) => c?.commonName)).toEqual([undefined, undefined, 'pump'])
    await bench.reconfigure(clients())
    expect(bench.changes.at(-1)).toEqual(['this listener asks for a certificate', 'this listener asks for a certificate', null])
    await bench.reconfigure(clients({ user: 'dns' })) // who that is is not for TLS to say
    expect(bench.changes).toHaveLength(2)
    await bench.connect().catch(() => {})
    await until(() => bench.failures.length === 1, 'the refusal')
    expect(bench.failures).toEqual(['the client shows no certificate'])
    await bench.reconfigure(null)
    expect(bench.changes.at(-1)).toEqual([null, null, 'this listener takes no certificates any more'])
    await come({})
  })

  test('a configuration whose files cannot be used changes nothing', async () => {
    await started(clients())
    await bench.reconfigure(clients({ caFile: one.keyFile, need: 'optional' }))
    expect(errors()).toEqual([`the new certificate cannot be used: the old one stays (${one.keyFile} cannot be used: it has no lines -----BEGIN CERTIFICATE-----)`])
    await bench.connect().catch(() => {})
    await until(() => bench.failures.length === 1, 'the refusal')
    await come(await withPump())
    expect(bench.changes).toEqual([])
  })

  test('a handshake that began before trust changed is refused; one that began before another certificate is not', async () => {
    await started(clients())
    const only = await withPump()
    const before = await bench.dial()
    await bench.put(two)
    await bench.reconfigure(clients())
    const socket = await dialTls(before, { ...only, ca })
    expect(socket.getPeerCertificate().subject.CN).toBe('one')
    await until(() => bench.shown.length === 1, 'the client to be let in')

    const late = await bench.dial()
    await bench.reconfigure(clients({ caFile: bothFile }))
    await dialTls(late, { ...only, ca }).catch(() => {})
    await until(() => bench.failures.length === 1, 'the refusal')
    expect(bench.failures).toEqual(['whom this listener trusts has changed meanwhile'])
    expect(bench.shown).toHaveLength(1)
  })

  test('that a list of revoked certificates ends soon, and that it has ended, is told once each; then no session is resumed', async () => {
    const crlFile = join(devices.folder, 'live-crl.pem')
    const list = async (from: number, to: number): Promise<void> => writeFile(crlFile, await devices.crl({ from: days(from), to: days(to) }))
    await list(-10, 10)
    await started(clients({ crlFile }))
    const only = await withPump()
    const { session } = await come(only)
    const looked = async (): Promise<void> => {
      bench.look()
      await bench.reconfigure(clients({ crlFile })) // behind the look
    }
    const told = (): string[] => bench.lines.filter((l) => l.level === 'warn').map((l) => l.text)
    await looked()
    expect(told()).toEqual([])
    bench.clock.wallOffsetMs += 6 * DAY_MS
    for (let i = 0; i < 3; i++) await looked()
    expect(told()).toEqual([expect.stringMatching(/^a list of revoked certificates ends soon: /)])
    bench.clock.wallOffsetMs += 6 * DAY_MS
    for (let i = 0; i < 3; i++) await looked()
    expect(told().slice(1)).toEqual([expect.stringMatching(/^a list of revoked certificates has ended: /)])
    expect(bench.changes).toEqual([]) // whoever is there stays
    const { socket } = await come({ ...only, session }) // OpenSSL reads another clock than this one: for it the list goes on
    expect(socket.isSessionReused()).toBe(false)
    await list(-1, 30)
    await looked()
    expect(bench.changes).toHaveLength(1)
    expect(told()).toHaveLength(2)
  })
})
