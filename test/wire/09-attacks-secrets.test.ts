// Attacks with forged tokens, with what the gateway says again, and on what it must not tell.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { createPublicKey, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type { Packet } from 'mqtt-packet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkText } from '../../src/config/load.ts'
import type { GatewayLog } from '../../src/gateway.ts'
import { accessSite, answersTo, count, expectRefusedLate, pbkdf2Hash, type AccessSite } from '../support/access-site.ts'
import { TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { forged, IssuerKey, signed } from '../support/token-issuer.ts'
import { connectPacket, type ConnectOptions, VERSIONS, type WireClient } from '../support/wire-client.ts'

const BOSS = { username: 'boss', password: 'b' }
const USERS = [{ name: 'boss', password: 'b', roles: ['admin'] }, { name: 'pump', password: 'p' }, { name: 'eve', password: 'e' }]
const ADMIN = { allow: 'all', topic: '#', roles: ['admin'] }

function site(what: AccessSite = {}): string {
  return accessSite({ users: USERS, rules: [ADMIN], ...what })
}

function start(what: AccessSite = {}, options: TestGatewayOptions = {}): Promise<TestGateway> {
  return TestGateway.start({ yaml: site(what), ...options })
}

describe('tokens', () => {
  const rsa = new IssuerKey('k', 'RSA')
  const SECRET = randomBytes(36).toString('base64')
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sandpiper-attacks-'))
    await writeFile(join(folder, 'rsa.pem'), rsa.publicKey.export({ type: 'spki', format: 'pem' }))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const TOKENS = [{ issuer: 'us', keys: { file: 'rsa.pem' }, roles: ['roles'] }]
  const withTokens = (more: AccessSite = {}, options: TestGatewayOptions = {}): Promise<TestGateway> => start({ tokens: TOKENS, ...more }, { folder, ...options })
  const claims = (gateway: TestGateway, more: object = {}): object => ({ iss: 'us', sub: 'boss', roles: ['admin'], exp: Math.floor(gateway.clock.wall() / 1000) + 36_000, ...more })
  const bearing = (jwt: Buffer): ConnectOptions => ({ username: 'boss', password: jwt.toString('latin1') })
  const shown = (jwt: Buffer): ConnectOptions => ({ properties: { authenticationMethod: 'OAUTH2-JWT', authenticationData: jwt } })

  test('no algorithm, in any spelling', async () => {
    await using gateway = await withTokens()
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', 'HS256', 'ES256', 'RS1', 'constructor', '__proto__']) {
      const jwt = forged({ alg, typ: 'JWT' }, claims(gateway))
      await expectRefusedLate(gateway, 5, bearing(jwt), 0x86, 4)
      await expectRefusedLate(gateway, 5, shown(jwt), 0x87, 5)
    }
    expect(count(gateway, 'loginsRefused')).toBe(20)
  })

  test('the public key as the secret of an HMAC, in every form that it has', async () => {
    await using gateway = await withTokens()
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
    const forms = [pem, pem.trim(), pem.replaceAll('\n', '\r\n'), rsa.publicKey.export({ type: 'spki', format: 'der' }), rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }), JSON.stringify(createPublicKey(pem).export({ format: 'jwk' }))]
    for (const form of forms) for (const algorithm of ['HS256', 'HS512']) {
      await expectRefusedLate(gateway, 5, bearing(await signed(claims(gateway), algorithm, Buffer.from(form as string))), 0x86, 4)
    }
  })

  test('a token that brings its own key, or says where it is', async () => {
    await using gateway = await withTokens()
    const own = new IssuerKey('k', 'RSA')
    for (const header of [{ jwk: own.jwk }, { jku: 'http://127.0.0.1:1/keys' }, { x5u: 'http://127.0.0.1:1/cert' }, { kid: '../../rsa.pem' }, { kid: '/dev/null' }, { kid: "k' OR 1=1" }, { b64: false }]) {
      await expectRefusedLate(gateway, 5, bearing(await signed(claims(gateway), 'RS256', own.privateKey, header)), 0x86, 4)
    }
    await gateway.connect(5, bearing(await signed(claims(gateway), 'RS256', rsa.privateKey)))
  })

  test.each(VERSIONS)('as user name, it proves nothing, version %i', async (version) => {
    await using gateway = await withTokens()
    const jwt = (await signed(claims(gateway), 'RS256', rsa.privateKey)).toString()
    await expectRefusedLate(gateway, version, { username: jwt, password: 'x' }, 0x86, 4)
    if (version === 5) await expectRefusedLate(gateway, version, { username: jwt }, 0x86, 4)
  })

  test('too long, too deep, too many claims: refused, and quickly', async () => {
    await using gateway = await withTokens()
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`c${i}`, i]))
    const bad = [
      await signed(claims(gateway, { pad: 'x'.repeat(20_000) }), 'RS256', rsa.privateKey),
      await signed(claims(gateway, many), 'RS256', rsa.privateKey),
      await signed(claims(gateway, { roles: Array.from({ length: 300 }, (_, i) => `r${i}`) }), 'RS256', rsa.privateKey),
      forged({ alg: 'RS256' }, `{"a":${deep}}`, 'x'),
      Buffer.from(`ey${'J'.repeat(40_000)}.x.y`),
      Buffer.from('ey..'),
    ]
    for (const jwt of bad.slice(0, 5)) await expectRefusedLate(gateway, 5, bearing(jwt), 0x86, 4)
    await expectRefusedLate(gateway, 5, { password: bad[5]!.toString(), username: 'boss' }, 0x86, 4)
    await gateway.connect(5, bearing(await signed(claims(gateway), 'RS256', rsa.privateKey)))
  })

  test('claims with names of the language, and values that are patterns', async () => {
    await using gateway = await withTokens({ rules: [{ allow: 'all', topic: 'x/{claims.constructor}' }, { allow: 'all', topic: 'y/{claims.__proto__}' }, { allow: 'all', topic: 'z/{claims.a.b}' }] })
    const body = JSON.stringify(claims(gateway)).replace('{', '{"__proto__":{"admin":true},')
    const jwt = await signed(JSON.parse(body) as object, 'RS256', rsa.privateKey)
    const client = await gateway.connect(5, bearing(jwt))
    expect(await answersTo(client, ['x/#', 'x/+', 'y/#', 'y/+', 'z/+', 'x/undefined', 'y/[object Object]'])).not.toContain(0)
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  })

  test('the session of a password user is not that of a token user of another name', async () => {
    await using gateway = await withTokens({ rules: [] })
    await gateway.connect(5, { username: 'pump', password: 'p', clientId: 'c', expirySec: 100 })
    await expectRefusedLate(gateway, 5, { ...bearing(await signed(claims(gateway, { sub: 'mallory' }), 'RS256', rsa.privateKey)), clientId: 'c' }, 0x85, 2)
  })

  test('a secret that is too short, or a private key, is no configuration', () => {
    for (const keys of [{ secret: 'short' }, { secret: '' }]) {
      const result = checkText(site({ tokens: [{ issuer: 'us', keys }] }), '/tmp/x.yaml')
      expect(result).toHaveProperty('problems')
      expect(JSON.stringify('problems' in result ? result.problems : [])).not.toContain(SECRET)
    }
  })
})

describe('what a client has sent, quoted in its refusal', () => {
  const LONG = 'x'.repeat(65_530)
  const SIZES = { maxTopicLength: '65535B', maxConnectSize: '1MB', maxPacketSize: '1MB' }

  /** The client is told in a few words, and another one is still served. */
  async function expectShort(gateway: TestGateway, client: WireClient): Promise<void> {
    const [answer, ...more] = await client.untilClosed()
    expect(more).toStrictEqual([])
    expect(['connack', 'disconnect']).toContain(answer?.cmd)
    expect(answer!.raw.length).toBeLessThan(1000)
    await (await gateway.connect(5, { clientId: 'other' })).expectNothing()
  }

  test.each<[string, Packet]>([
    ['a filter', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${LONG}+`, qos: 0 }] }],
    ['a filter to unsubscribe', { cmd: 'unsubscribe', messageId: 1, unsubscriptions: [`${LONG}+`] }],
    ['a filter of pairs of surrogates', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `x${'\u{1F4A7}'.repeat(16_000)}+`, qos: 0 }] }],
    ['a response topic', { cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: false, properties: { responseTopic: `${LONG}+` } }],
  ])('%s that is none', async (_, packet) => {
    for (const broker of [{}, SIZES]) {
      await using gateway = await start({ rules: [], broker })
      const client = await gateway.connect(5)
      client.send(packet)
      await expectShort(gateway, client)
    }
  })

  test('a topic name that is none', async () => {
    for (const broker of [{}, SIZES]) {
      await using gateway = await start({ rules: [], broker })
      const client = await gateway.connect(5)
      client.send(Buffer.concat([Buffer.from('30828004ffff', 'hex'), Buffer.alloc(65_535, '+'), Buffer.of(0)]))
      await expectShort(gateway, client)
    }
  })

  test('the topic of a will', async () => {
    await using gateway = await start({ rules: [], broker: SIZES })
    const client = await gateway.open(5)
    client.send(connectPacket(5, { will: { topic: `${LONG}+`, payload: 'x' } }))
    await expectShort(gateway, client)
  })

  test('a filter that is not allowed any more', async () => {
    await using gateway = await start({ broker: SIZES })
    const [boss, other] = [await gateway.connect(5, BOSS), await gateway.connect(5, BOSS)]
    for (const client of [boss, other]) await client.subscribe(LONG)
    await gateway.reload(site({ broker: SIZES, rules: [{ allow: 'all', topic: 'own' }] }))
    for (const client of [boss, other]) await expectShort(gateway, client)
  })
})

describe('secrets', () => {
  const PLAIN = 'plain-Secret-77'
  const HASHED = 'hashed-Secret-88'
  const WRONG = 'wrong-Secret-99'
  const TOKEN_SECRET = randomBytes(36).toString('base64')
  const HASH = pbkdf2Hash(HASHED)
  const [, , , SALT, DERIVED] = HASH.split('$')
  const YAML = site({
    users: [{ name: 'plain', password: PLAIN }, { name: 'hashed', passwordHash: HASH }, { name: 'boss', password: 'the-boss-Secret' }],
    tokens: [{ issuer: 'us', keys: { secret: TOKEN_SECRET } }],
    rules: [],
    broker: { sysInterval: '1s' },
  })

  function expectNone(text: string, jwts: readonly string[] = []): void {
    const secrets = [PLAIN, HASHED, WRONG, TOKEN_SECRET, HASH, SALT!, DERIVED!, 'the-boss-Secret', ...jwts.flatMap((jwt) => jwt.split('.'))]
    const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1)])
    for (const form of forms) if (form.length > 8) expect(text).not.toContain(form)
    for (const secret of [PLAIN, HASHED, TOKEN_SECRET]) expect(text).not.toContain([...Buffer.from(secret)].join(',')) // a Buffer in JSON
  }

  test('are in no log line, no answer and no figure', async () => {
    const lines: string[] = []
    const note = (fields: object, text: string): void => void lines.push(`${inspect(fields, { depth: 20 })} ${JSON.stringify(fields)} ${text}`)
    const log: GatewayLog = { debug: note, info: note, warn: note, error: note }
    await using gateway = await TestGateway.start({ yaml: YAML, log })
    const boss = await gateway.connect(5, { username: 'boss', password: 'the-boss-Secret' })
    await boss.subscribe('$SYS/#')
    const exp = Math.floor(gateway.clock.wall() / 1000) + 100_000
    const good = (await signed({ iss: 'us', sub: 'bearer', exp, marker: 'claim-Secret-11' }, 'HS256', Buffer.from(TOKEN_SECRET))).toString()
    const bad = (await signed({ iss: 'us', sub: 'bearer', exp, marker: 'claim-Secret-22' }, 'HS256', randomBytes(36))).toString()
    const said: string[] = []
    const options: ConnectOptions[] = [
      { username: 'plain', password: PLAIN },
      { username: 'hashed', password: HASHED },
      { username: 'plain', password: WRONG },
      { username: 'hashed', password: WRONG },
      { username: 'nobody', password: WRONG },
      { username: 'x', password: good },
      { username: 'x', password: bad },
      { username: bad, password: WRONG },
      { username: WRONG, password: PLAIN }, // as people do
      { properties: { authenticationMethod: 'OAUTH2-JWT', authenticationData: Buffer.from(good) } },
      { properties: { authenticationMethod: 'OAUTH2-JWT', authenticationData: Buffer.from(bad) } },
      { properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from(`n,,n=plain,r=${WRONG},x=${PLAIN}`) } },
    ]
    for (const version of [5, 4] as const) for (const { properties, ...rest } of options) {
      if (version === 4 && properties !== undefined) continue
      const client = await gateway.open(version)
      client.send(connectPacket(version, { ...rest, ...(properties === undefined ? {} : { properties }) }))
      const answer = await gateway.passUntil(client.expectOneOf('connack', 'auth'))
      said.push(answer.raw.toString('latin1'))
      if (answer.cmd !== 'connack' || (answer.reasonCode ?? answer.returnCode) !== 0) continue
      await gateway.pass(1)
      said.push(...(await client.drain()).map(({ raw }) => raw.toString('latin1')))
    }
    await gateway.reload(YAML.replace(PLAIN, 'another-Secret'))
    for (const { raw } of await boss.drain()) said.push(raw.toString('latin1'))
    expect(lines.length).toBeGreaterThan(10)
    expect(lines.some((line) => line.includes('wrong user or password'))).toBe(true)
    expectNone(lines.join('\n'), [good, bad])
    expectNone(said.join('\n').replaceAll(WRONG, ''), [good, bad]) // the nonce of SCRAM is said again
    for (const text of [lines.join('\n'), said.join('\n')]) expect(text).not.toMatch(/claim-Secret/)
  })

  test('are not shown by a configuration that is dumped', () => {
    const result = checkText(YAML, '/tmp/x.yaml')
    if (!('config' in result)) throw new Error('no configuration')
    const { config } = result
    expectNone(JSON.stringify(config))
    expectNone(inspect(config, { depth: 20, maxStringLength: Infinity, maxArrayLength: Infinity }))
    expectNone(inspect(config.access.users.map((user) => ({ ...user })), { depth: 20 }))
  })
})
