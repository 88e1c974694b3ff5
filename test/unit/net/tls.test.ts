// The certificate of a listener: taken when it is there, changed while it runs, kept when what comes is broken.
import { copyFile, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type SecureVersion, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Counters } from '../../../src/counters.ts'
import { Tls } from '../../../src/net/tls.ts'
import { Authority, type KeyPair } from '../../support/certificates.ts'
import { FakeClock } from '../../support/fake-clock.ts'
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
  readonly level: 'info' | 'error'
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
  tls!: Tls
  #server!: Server
  readonly #sockets: TLSSocket[] = []

  constructor(minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.2') {
    this.#minVersion = minVersion
  }

  async start(): Promise<void> {
    const note = (level: Line['level']) => (fields: object, text: string) => void this.lines.push({ level, text, fields: { ...fields } })
    const { clock, counters, keyFile, certFile } = this
    this.tls = new Tls({ keyFile, certFile, minVersion: this.#minVersion }, { clock, counters, log: { info: note('info'), error: note('error') } })
    await this.tls.start()
    this.#server = createServer((socket) => {
      socket.on('error', () => {})
      this.tls.secure(socket, (secured) => void secured.pipe(secured), (why) => this.failures.push(why))
    })
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
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
    await new Promise<void>((resolve, reject) => void socket.once('secureConnect', resolve).once('error', reject))
    socket.on('error', () => {})
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
