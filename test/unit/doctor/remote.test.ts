// Remote brokers behind real TLS: certificates that are good, over, not begun, of another name, of nobody; ports and names that do not answer.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHECK_MS_MAX } from '../../../src/doctor/doctor.ts'
import { tlsFinding } from '../../../src/doctor/remote.ts'
import { Authority, type KeyPair } from '../../support/certificates.ts'
import { until } from '../../support/until.ts'
import { DoctorBed, only, viewOfGateway } from './bed.ts'

const DAY_MS = 86_400_000
const ago = (days: number): Date => new Date(Date.now() - days * DAY_MS)

let authority: Authority
const servers: Server[] = []
const pairs = new Map<string, KeyPair>()

beforeAll(async () => {
  authority = await Authority.make()
  const server = { usage: 'serverAuth', names: 'DNS:localhost,IP:127.0.0.1' }
  pairs.set('good', await authority.issueClient('good', { ...server, from: ago(1), to: ago(-60) }))
  pairs.set('soon', await authority.issueClient('soon', { ...server, from: ago(1), to: ago(-3) }))
  pairs.set('expired', await authority.issueClient('expired', { ...server, from: ago(20), to: ago(10) }))
  pairs.set('future', await authority.issueClient('future', { ...server, from: ago(-10), to: ago(-20) }))
  pairs.set('other', await authority.issueClient('other', { ...server, names: 'DNS:broker.example.com', from: ago(1), to: ago(-60) }))
  const self = { keyFile: join(authority.folder, 'self.key'), certFile: join(authority.folder, 'self.pem') }
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', self.keyFile, '-out', self.certFile, '-days', '2', '-subj', '/CN=self', '-addext', 'subjectAltName=IP:127.0.0.1'])
  pairs.set('self', self)
}, 30_000)

afterAll(async () => {
  for (const server of servers) server.close()
  await authority[Symbol.asyncDispose]()
})

/** Resolves with its port. */
async function serve(server: Server): Promise<number> {
  servers.push(server.unref())
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

async function serveTls(name: string, more: object = {}): Promise<number> {
  const { keyFile, certFile } = pairs.get(name)!
  const server = createTlsServer({ key: await readFile(keyFile), cert: await readFile(certFile), ...more }, (socket) => void socket.on('error', () => {}))
  return serve(server.on('tlsClientError', () => {}))
}

const uplink = (url: string, more = ''): string => `uplinks: [{ name: cloud, url: "${url}", routes: [{ out: "a/#" }]${more} }]`
const trusting = (): string => `, tls: { ca: ${authority.certFile} }`

/** Real certificates want the real date. */
class RemoteBed extends DoctorBed {
  constructor(yaml: string, more: ConstructorParameters<typeof DoctorBed>[1] = {}) {
    super(yaml, more)
    this.clock.wallOffsetMs = Date.now() - this.clock.now()
  }
}

/** Without `skip`, files of authorities are read. */
async function lookedAt(yaml: string) {
  using bed = new RemoteBed(yaml)
  const { config } = bed.patient
  const ca = yaml.includes('ca:') ? await readFile(authority.certFile) : null
  const patient = { ...bed.patient, config: { ...config!, uplinks: config!.uplinks.map((one) => ({ ...one, tlsOptions: { ...one.tlsOptions, ca } })) } }
  using trusted = new RemoteBed('', patient)
  return (await trusted.all()).filter(({ name }) => /^(tls|tcp|dns|uplink)/.test(name))
}

describe('TLS', () => {
  test.each<[name: string, isTrusted: boolean, verdict: string, what: RegExp]>([
    ['good', true, 'ok', /has a certificate that is trusted, until \d{4}-/],
    ['soon', true, 'warning', /ends on \d{4}-/],
    ['expired', true, 'fault', /has expired on \d{4}-\d\d-\d\d, and here it is \d{4}-\d\d-\d\d$/],
    ['future', true, 'fault', /is not valid yet: from \d{4}-\d\d-\d\d on, and here it is/],
    ['other', true, 'fault', /is for another name: broker\.example\.com$/],
    ['self', true, 'fault', /has signed itself \(self\)/],
    ['self', false, 'fault', /has signed itself \(self\)/],
    ['good', false, 'fault', /nobody who is trusted here has signed .* says it was Authority of a test/],
  ])('a certificate: %s', async (name, isTrusted, verdict, what) => {
    const port = await serveTls(name)
    const finding = only(await lookedAt(uplink(`mqtts://127.0.0.1:${port}`, isTrusted ? trusting() : '')))
    expect(finding).toMatchObject({ name: 'tls/127.0.0.1', verdict })
    expect(finding.what).toMatch(what)
    if (verdict === 'fault') expect(finding.hint).not.toBeNull()
  })

  test('a port that speaks no TLS', async () => {
    const port = await serve(createServer((socket) => void socket.on('error', () => {}).end('no')))
    const finding = only(await lookedAt(uplink(`mqtts://127.0.0.1:${port}`)))
    expect(finding).toMatchObject({ name: 'tls/127.0.0.1', verdict: 'fault', hint: 'does this port speak TLS? mqtts:// has 8883 and wss:// 443 usually' })
  })

  test('a broker that wants a certificate of the gateway', async () => {
    const port = await serveTls('good', { requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2', ca: await readFile(authority.certFile) })
    const finding = only(await lookedAt(uplink(`mqtts://127.0.0.1:${port}`, trusting())))
    expect(finding).toMatchObject({ verdict: 'fault', what: '127.0.0.1 refuses the TLS handshake' })
    expect(finding.hint).toContain('it wants a certificate of this gateway')
  })

  test('a clock that is wrong is named beside the certificate', () => {
    const facts = { trouble: 'CERT_NOT_YET_VALID', certificate: { subject: 'a', issuer: 'b', names: '', fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2027, 0, 1) } }
    const finding = tlsFinding({ host: 'cloud', port: 8883, tlsOptions: { ca: null, identity: null, servername: null, alpn: null, versionMax: 'TLSv1.3' } }, facts, Date.UTC(1970, 0, 2))
    expect(finding).toMatchObject({ what: 'the certificate of cloud is not valid yet: from 2026-01-01 on, and here it is 1970-01-02', hint: 'when the date here is wrong (see clock), set it; else wait until then' })
  })
})

describe('ports', () => {
  test('one where nothing listens, and one that can be reached', async () => {
    const port = await serve(createServer())
    expect(only(await lookedAt(uplink(`mqtt://127.0.0.1:${port}`)))).toMatchObject({ name: 'tcp/127.0.0.1', verdict: 'ok' })
    expect(only(await lookedAt(uplink('mqtt://127.0.0.1:1')))).toMatchObject({ name: 'tcp/127.0.0.1', verdict: 'fault', what: 'nothing listens at 127.0.0.1:1' })
  })

  test('one that takes the connection and says nothing is given up', async () => {
    let connections = 0
    const port = await serve(createServer((socket) => void (connections++, socket.on('error', () => {}))))
    using bed = new RemoteBed(uplink(`mqtts://127.0.0.1:${port}`))
    const looked = bed.ill()
    await until(() => connections > 0, 'a connection')
    await bed.clock.advanceAsync(5000)
    expect(only(await looked)).toMatchObject({ name: 'tls/127.0.0.1', verdict: 'fault', what: `127.0.0.1:${port} does not answer` })
  })
})

test('an uplink that the remote does not want says so itself', async () => {
  const port = await serve(createServer())
  const view = viewOfGateway({ uplinks: [{ name: 'cloud', phase: 'waiting', link: null, lastError: 'the remote refuses user name or password', budgets: [] }] })
  using bed = new RemoteBed(uplink(`mqtt://127.0.0.1:${port}`), { gateway: view })
  expect(only(await bed.ill())).toMatchObject({ name: 'uplink/cloud', verdict: 'fault', what: 'not connected: the remote refuses user name or password' })
})

describe('names', () => {
  const named = (lookup: () => Promise<string[]>, tree = '/etc/resolv.conf: nameserver 192.168.7.1') => new RemoteBed(uplink('mqtt://broker.example.com'), { edges: { lookup }, tree })
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }))

  test('one that does not exist, one that nobody answers for, and a machine without a name server', async () => {
    using wrong = named(failing('ENOTFOUND'))
    expect(only(await wrong.ill())).toMatchObject({ name: 'dns/broker.example.com', verdict: 'fault', what: 'the name broker.example.com does not exist (asked: 192.168.7.1)' })
    using silent = named(failing('EAI_AGAIN'))
    expect(only(await silent.ill()).what).toBe('no name server answers for broker.example.com (asked: 192.168.7.1)')
    using none = named(failing('EAI_AGAIN'), '/etc/resolv.conf: # none yet')
    expect(only(await none.ill()).what).toBe('no name server is known (/etc/resolv.conf has none), so broker.example.com cannot be found')
  })

  test('a look-up that never ends is given up', async () => {
    using bed = named(() => new Promise(() => {}))
    const looked = bed.ill()
    await bed.clock.advanceAsync(5000)
    expect(only(await looked).what).toContain('no name server answers')
  })
})

describe('many names that nobody answers for', () => {
  test('are all told, before the check itself is given up', async () => {
    const uplinks = Array.from({ length: 8 }, (_, i) => `{ name: u${i}, clientId: u${i}, url: "mqtt://broker-${i}.example.com", routes: [{ out: "a${i}/#" }] }`)
    using bed = new RemoteBed(`uplinks: [${uplinks.join(', ')}]`, { edges: { lookup: () => new Promise(() => {}) }, tree: '/etc/resolv.conf: nameserver 192.168.7.1' })
    const looked = bed.ill()
    await bed.clock.advanceAsync(CHECK_MS_MAX - 1)
    expect((await looked).map(({ name }) => name)).toEqual(Array.from({ length: 8 }, (_, i) => `dns/broker-${i}.example.com`))
  })
})

describe('what costs is not tried', () => {
  test.each([
    ['dialled', 'dial: { modem: lte }'],
    ['on a schedule', 'connect: { when: { queued: 10 } }'],
    ['of another interface', 'interface: wwan0'],
  ])('a link that is %s', async (_what, link) => {
    using bed = new RemoteBed(`uplinks: [{ name: cloud, url: "mqtt://broker.example.com", routes: [{ out: "a/#" }], ${link} }]`, { edges: { lookup: () => Promise.reject(new Error('asked')) } })
    expect((await bed.ill()).find(({ name }) => name === 'uplink/cloud')).toMatchObject({ verdict: 'unknown' })
    expect((await bed.all()).map(({ name }) => name)).not.toContain('dns/broker.example.com')
  })

  test('an uplink that is connected is in order without a try', async () => {
    const view = viewOfGateway({ uplinks: [{ name: 'cloud', phase: 'up', link: 'ethernet', lastError: null, budgets: [] }] })
    using bed = new RemoteBed(uplink('mqtt://broker.example.com'), { gateway: view, edges: { lookup: () => Promise.reject(new Error('asked')) } })
    expect((await bed.all()).find(({ name }) => name === 'uplink/cloud')).toEqual({ name: 'uplink/cloud', verdict: 'ok', what: 'connected over ethernet', hint: null })
  })
})
