// JSON Web Tokens on the wire: as password and by AUTH, who they make their bearer, when they end, and what a reload makes of them.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectEnded } from '../support/access-site.ts'
import { TestGateway } from '../support/gateway.ts'
import { forged, IssuerKey, signed } from '../support/token-issuer.ts'
import { connectPacket, type ConnectOptions, type Version, VERSIONS, type WireClient } from '../support/wire-client.ts'

const ISSUER = 'https://id.example.com'
const OTHER_ISSUER = 'https://other.example.com'
const METHOD = 'OAUTH2-JWT'
const SECRET = randomBytes(36).toString('base64')
const rsa = new IssuerKey('rsa-1', 'RSA')
const ed = new IssuerKey('ed-1', 'Ed25519')
const stranger = new IssuerKey('rsa-1', 'RSA')

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-tokens-'))
  const pem = (key: IssuerKey): string => key.publicKey.export({ type: 'spki', format: 'pem' }) as string
  await writeFile(join(folder, 'rsa.pem'), pem(rsa))
  await writeFile(join(folder, 'ed.pem'), pem(ed))
  await writeFile(join(folder, 'both.pem'), pem(rsa) + pem(ed))
  await writeFile(join(folder, 'both.pem'), pem(rsa) + pem(ed))
})
afterAll(() => rm(folder, { recursive: true }))

const SHARED = { issuer: ISSUER, audience: 'sandpiper', keys: { secret: SECRET }, clockTolerance: '0s', roles: ['groups'] }
/** Its tokens name a tenant. */
const HOSTED = { ...SHARED, tenant: 'org' }
const SIGNED = { issuer: OTHER_ISSUER, keys: { file: 'rsa.pem' }, clockTolerance: '0s' }
const RULES = [{ allow: 'all', topic: '#', roles: ['admin'] }, { allow: 'all', topic: 'users/{username}/#' }, { allow: 'all', topic: 'plants/{claims.plant}' }]

interface Site {
  readonly tokens?: readonly object[]
  readonly rules?: readonly object[]
  readonly listeners?: readonly object[]
  readonly users?: readonly object[]
}

function site({ tokens = [SHARED, SIGNED], rules = RULES, listeners = [{ port: 0 }], users = [] }: Site = {}): string {
  return JSON.stringify({ site: 'test', tenants: [{ name: 'acme' }, { name: 'globex' }], broker: { sysInterval: '0s', listeners }, access: { users, tokens, rules } })
}

function start(more: Site = {}): Promise<TestGateway> {
  return TestGateway.start({ yaml: site(more), folder })
}

/** Valid for an hour, by the gateway's clock. */
function claims(gateway: TestGateway, more: object = {}): Record<string, unknown> {
  const sec = Math.floor(gateway.clock.wall() / 1000)
  return { iss: ISSUER, aud: 'sandpiper', sub: 'pump', iat: sec, exp: sec + 3600, ...more }
}

function token(gateway: TestGateway, more: object = {}): Promise<Buffer> {
  return signed(claims(gateway, more), 'HS256', Buffer.from(SECRET))
}

/** Ends in so many seconds. */
function shortToken(gateway: TestGateway, sec: number, more: object = {}): Promise<Buffer> {
  return token(gateway, { exp: Math.floor(gateway.clock.wall() / 1000) + sec, ...more })
}

const asPassword = (jwt: Buffer, options: ConnectOptions = {}): ConnectOptions => ({ username: 'whatever', password: jwt.toString(), ...options })
const byMethod = (jwt: Buffer, options: ConnectOptions = {}): ConnectOptions => ({ ...options, properties: { authenticationMethod: METHOD, authenticationData: jwt, ...options.properties } })

async function expectRefused(gateway: TestGateway, version: Version, options: ConnectOptions, reasonCode = 0x86): Promise<void> {
  const before = gateway.counters.loginsRefused
  const client = await gateway.open(version)
  client.send(connectPacket(version, options))
  await gateway.passUntil(client.expect({ cmd: 'connack', sessionPresent: false, ...(version === 5 ? { reasonCode } : { returnCode: reasonCode === 0x86 ? 4 : 5 }) }))
  await client.expectClosed()
  expect(gateway.counters.loginsRefused).toBe(before + 1)
}

function again(jwt: Buffer, method = METHOD) {
  return { cmd: 'auth', reasonCode: 0x19, properties: { authenticationMethod: method, authenticationData: jwt } } as const
}

/** Its messages reach itself: it may publish and receive there. */
async function expectMay(client: WireClient, topic: string): Promise<void> {
  await client.subscribe(topic)
  client.publish(topic, 'mine')
  await client.expect({ cmd: 'publish', topic, payload: 'mine' })
}

async function expectMayNot(client: WireClient, topic: string): Promise<void> {
  client.send({ cmd: 'subscribe', messageId: 99, subscriptions: [{ topic, qos: 0 }] })
  await client.expect({ cmd: 'suback', granted: [client.version === 5 ? 0x87 : 0x80] })
}

describe.each(VERSIONS)('a token as password, version %i', (version) => {
  test('of a shared secret, and of a key in PEM', async () => {
    await using gateway = await start()
    await expectMay(await gateway.connect(version, asPassword(await token(gateway))), 'users/pump/a')
    const other = await gateway.connect(version, asPassword(await signed(claims(gateway, { iss: OTHER_ISSUER, sub: 'eve' }), 'RS256', rsa.privateKey)))
    await expectMay(other, 'users/eve/a')
    await expectMayNot(other, 'users/pump/a')
  })

  test('the user is who the token says, not who CONNECT says', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, { username: 'admin', password: (await token(gateway)).toString() })
    await expectMay(client, 'users/pump/a')
    await expectMayNot(client, 'users/admin/a')
  })

  test('[MQTT-3.1.4-2] one that is not in order: refused, and closed', async () => {
    await using gateway = await start()
    const now = (): number => Math.floor(gateway.clock.wall() / 1000)
    const hmac = (more: object): (() => Promise<Buffer>) => () => token(gateway, more)
    const day = 86_400
    const bad: readonly (() => Promise<Buffer>)[] = [
      () => signed(claims(gateway), 'HS256', randomBytes(36)),
      () => token(gateway, { exp: now() }),
      () => token(gateway, { nbf: now() + day, exp: now() + 2 * day }),
      () => token(gateway, { iat: now() + day, exp: now() + 2 * day }),
      ...[{ exp: undefined }, { exp: '9999999999' }, { exp: null }, { aud: 'other' }, { aud: undefined }, { aud: ['other', 'sandpiper2'] }, { iss: 'https://evil.example.com' }, { iss: undefined }, { iss: [ISSUER] }].map(hmac),
      ...[{ sub: undefined }, { sub: '' }, { sub: ['pump'] }, { sub: 'a\0b' }, { sub: 'x'.repeat(1000) }].map(hmac),
      () => signed(claims(gateway, { iss: OTHER_ISSUER }), 'RS256', stranger.privateKey),
      () => signed(claims(gateway, { iss: OTHER_ISSUER }), 'HS256', Buffer.from(SECRET)), // the secret of the other issuer
      () => signed(claims(gateway), 'RS256', rsa.privateKey), // and its key
    ]
    for (const make of bad) await expectRefused(gateway, version, asPassword(await make()))
    await gateway.connect(version, asPassword(await token(gateway)))
  })

  test('the session ends when the token does, and the same token opens none after that', async () => {
    await using gateway = await start()
    const jwt = await shortToken(gateway, 10)
    const client = await gateway.connect(version, asPassword(jwt))
    await gateway.pass(9)
    await expectMay(client, 'users/pump/a')
    await gateway.pass(2)
    await expectEnded(client, 0xa0)
    await expectRefused(gateway, version, asPassword(jwt))
  })

  test('a connection that is held up ends all the same', async () => {
    const yaml = site().replace('"sysInterval":"0s"', '"sysInterval":"0s","maxPublishesPerSecond":1')
    await using gateway = await TestGateway.start({ yaml, folder })
    const client = await gateway.connect(version, asPassword(await shortToken(gateway, 10)))
    for (let i = 0; i < 30; i++) client.publish('users/pump/a', 'x')
    await gateway.pass(12)
    await expectEnded(client, 0xa0)
  })

  test('claims say tenant and roles; a tenant that is not there is refused, and so is none', async () => {
    await using gateway = await start({ tokens: [HOSTED] })
    const acme = await gateway.connect(version, asPassword(await token(gateway, { org: 'acme', groups: ['admin'] }), { clientId: 'c' }))
    const globex = await gateway.connect(version, asPassword(await token(gateway, { org: 'globex', groups: ['admin', 'x'] }), { clientId: 'c' }))
    for (const client of [acme, globex]) await client.subscribe('#')
    acme.publish('t', 'x')
    await acme.expect({ cmd: 'publish', topic: 't' })
    await globex.expectNothing()
    await expectRefused(gateway, version, asPassword(await token(gateway, { org: 'initech' })), 0x87)
    for (const org of ['', 'acme/x', ['acme'], null, undefined, '$SYS', '../acme']) await expectRefused(gateway, version, asPassword(await token(gateway, { org })))
  })

  test('values of claims stand in rules; one that is no level gives nothing', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, asPassword(await token(gateway, { plant: 'north' })))
    await expectMay(client, 'plants/north')
    await expectMayNot(client, 'plants/south')
    for (const plant of ['+', '#', 'a/b', '', ['north'], { north: 1 }, null, undefined]) {
      const other = await gateway.connect(version, asPassword(await token(gateway, { plant })))
      for (const topic of ['plants/+', 'plants/#', 'plants/north', 'plants/', 'plants/a/b', 'plants/undefined', 'plants/null', 'plants/{claims.plant}']) await expectMayNot(other, topic)
    }
  })
})

describe('permissions and scopes', () => {
  const GRANTING = { ...SHARED, scopes: { prefix: 'mq.' }, permissions: 'may' }

  test('say what the bearer may do, besides the rules', async () => {
    await using gateway = await start({ tokens: [GRANTING] })
    const client = await gateway.connect(5, asPassword(await token(gateway, { scope: 'openid mq.read:%2F/news%2F* mq.write:%2F/amq.topic/news.a', may: { all: ['own/#'] } })))
    await expectMay(client, 'own/a')
    await expectMay(client, 'news/a')
    await client.subscribe('news/#')
    await expectMayNot(client, '#')
    client.publish('news/b', 'x', { qos: 1 })
    await client.expect({ cmd: 'puback', reasonCode: 0x87 })
    await expectMay(client, 'users/pump/x') // by a rule
  })

  test('without any, and without rules, nothing', async () => {
    await using gateway = await start({ tokens: [GRANTING], rules: [] })
    await expectMayNot(await gateway.connect(5, asPassword(await token(gateway))), 'a')
    await expectMay(await gateway.connect(5, asPassword(await token(gateway, { may: { all: ['a'] } }))), 'a')
  })

  test('a grant is of one client, a denial of a rule goes before it', async () => {
    await using gateway = await start({ tokens: [GRANTING], rules: [{ deny: 'all', topic: 'own/secret' }] })
    const first = await gateway.connect(5, asPassword(await token(gateway, { may: { all: ['own/#'] } })))
    const second = await gateway.connect(5, asPassword(await token(gateway, { sub: 'eve', may: { all: ['other/#'] } })))
    await expectMay(first, 'own/a')
    await expectMayNot(first, 'own/secret')
    await expectMayNot(second, 'own/a')
  })

  test('for another tenant is for nobody here', async () => {
    await using gateway = await start({ tokens: [{ ...GRANTING, tenant: 'org' }], rules: [] })
    const client = await gateway.connect(5, asPassword(await token(gateway, { org: 'acme', scope: 'mq.read:globex/* mq.read:%2F/* mq.read:acme/own mq.write:acme/own' })))
    await expectMay(client, 'own')
    for (const filter of ['#', 'globex/a', 'a']) await expectMayNot(client, filter)
  })

  test.each(['own/{clientId}', '$share/g/#', 'a/#/b', '', '{username}/#', 'a+'])('%j allows nothing', async (filter) => {
    await using gateway = await start({ tokens: [GRANTING], rules: [] })
    const client = await gateway.connect(5, asPassword(await token(gateway, { may: { all: [filter] } }), { clientId: '#' }))
    for (const wanted of ['own/#', '#', 'own/+', 'a/b', 'pump/a']) await expectMayNot(client, wanted)
  })
})

describe('by AUTH', () => {
  test('[MQTT-4.12.0-5] a token with CONNECT: in at once', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, byMethod(await token(gateway)), { properties: { authenticationMethod: METHOD } })
    await expectMay(client, 'users/pump/a')
  })

  test('[MQTT-4.12.0-4] one that is not in order, and none at all: 0x87', async () => {
    await using gateway = await start()
    await expectRefused(gateway, 5, byMethod(await signed(claims(gateway), 'HS256', randomBytes(36))), 0x87)
    await expectRefused(gateway, 5, { properties: { authenticationMethod: METHOD } }, 0x87)
    await expectRefused(gateway, 5, byMethod(Buffer.alloc(0)), 0x87)
  })

  test('[MQTT-4.12.0-1] without issuers the method is not known', async () => {
    await using gateway = await start({ tokens: [], users: [{ name: 'a', password: 'b' }] })
    await expectRefused(gateway, 5, byMethod(Buffer.from('x')), 0x8c)
  })

  test('[MQTT-4.12.1-1] a new token in time: the session goes on to its end', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, byMethod(await shortToken(gateway, 10)))
    await gateway.pass(8)
    client.send(again(await shortToken(gateway, 20)))
    await client.expect({ cmd: 'auth', reasonCode: 0, properties: { authenticationMethod: METHOD } })
    await gateway.pass(15)
    await expectMay(client, 'users/pump/a')
    await gateway.pass(10)
    await expectEnded(client, 0xa0)
  })

  test('a new token that ends earlier: so does the session', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, byMethod(await shortToken(gateway, 1000)))
    client.send(again(await shortToken(gateway, 5)))
    await client.expect({ cmd: 'auth', reasonCode: 0 })
    await gateway.pass(7)
    await expectEnded(client, 0xa0)
  })

  test('a new token brings its rights, and takes those of the old one', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, byMethod(await token(gateway, { groups: ['admin'] })))
    await expectMay(client, 'anything')
    client.send({ cmd: 'unsubscribe', messageId: 50, unsubscriptions: ['anything'] })
    await client.expect({ cmd: 'unsuback' })
    client.publish('anything', 'x', { qos: 1, properties: { topicAlias: 1 } })
    await client.expect({ cmd: 'puback', reasonCode: 0 })
    client.send(again(await token(gateway)))
    await client.expect({ cmd: 'auth', reasonCode: 0 })
    client.publish('', 'x', { qos: 1, properties: { topicAlias: 1 } }) // the alias stays, the right does not
    await client.expect({ cmd: 'puback', reasonCode: 0x87 })
    await expectMayNot(client, 'anything')
    client.send(again(await token(gateway, { groups: 'admin' })))
    await client.expect({ cmd: 'auth', reasonCode: 0 })
    await expectMay(client, 'anything')
  })

  test('with a subscription that the new token does not allow it ends: 0x87', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, byMethod(await token(gateway, { groups: ['admin'] })))
    await client.subscribe('anything')
    client.send(again(await token(gateway)))
    await client.expect({ cmd: 'auth', reasonCode: 0 })
    await expectEnded(client, 0x87)
  })

  test.each<[string, object]>([
    ['another user', { sub: 'eve', org: 'acme' }],
    ['another tenant', { org: 'globex' }],
  ])('[MQTT-4.12.1-2] the token of %s: 0x87, closed', async (_, more) => {
    await using gateway = await start({ tokens: [HOSTED] })
    const client = await gateway.connect(5, byMethod(await token(gateway, { org: 'acme' })))
    client.send(again(await token(gateway, more)))
    await expectEnded(client, 0x87)
  })

  test('[MQTT-4.12.1-2] an old token, and none: 0x87, closed', async () => {
    await using gateway = await start()
    const old = await shortToken(gateway, 5)
    const clients = [await gateway.connect(5, byMethod(await token(gateway))), await gateway.connect(5, byMethod(await token(gateway)))]
    await gateway.pass(10)
    clients[0]!.send(again(old))
    clients[1]!.send(again(Buffer.alloc(0)))
    for (const client of clients) await expectEnded(client, 0x87)
  })

  test('what is sent right behind the new token has its rights', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, byMethod(await token(gateway, { groups: ['admin'] })))
    client.send(
      again(await token(gateway)),
      { cmd: 'publish', topic: 'anything', payload: 'x', qos: 1, messageId: 5, dup: false, retain: false },
      again(await token(gateway, { groups: ['admin'] })),
      { cmd: 'publish', topic: 'anything', payload: 'x', qos: 1, messageId: 6, dup: false, retain: false },
    )
    await client.expect({ cmd: 'auth', reasonCode: 0 })
    await client.expect({ cmd: 'puback', messageId: 5, reasonCode: 0x87 })
    await client.expect({ cmd: 'auth', reasonCode: 0 })
    await client.expect({ cmd: 'puback', messageId: 6, reasonCode: 0 })
  })
})

describe.each(VERSIONS)('a reload, version %i', (version) => {
  /** One of each issuer. */
  async function both(gateway: TestGateway): Promise<[WireClient, WireClient]> {
    const foreign = await signed(claims(gateway, { iss: OTHER_ISSUER, sub: 'eve' }), 'RS256', rsa.privateKey)
    return [await gateway.connect(version, asPassword(await token(gateway))), await gateway.connect(version, asPassword(foreign))]
  }

  test.each<[string, readonly object[]]>([
    ['without the issuer', [SIGNED]],
    ['with another secret', [{ ...SHARED, keys: { secret: randomBytes(36).toString('base64') } }, SIGNED]],
    ['with another audience', [{ ...SHARED, audience: 'other' }, SIGNED]],
    ['with another issuer of the same keys', [{ ...SHARED, issuer: 'https://new.example.com' }, SIGNED]],
  ])('%s ends those who came by it: 0x98; the others stay', async (_, tokens) => {
    await using gateway = await start()
    const [ours, others] = await both(gateway)
    await others.subscribe('users/eve/a')
    await gateway.reload(site({ tokens }))
    await expectEnded(ours, 0x98)
    await expectMay(others, 'users/eve/a')
    await expectRefused(gateway, version, asPassword(await token(gateway)))
  })

  test('with other keys in a file', async () => {
    await using gateway = await start()
    const [ours, others] = await both(gateway)
    await gateway.reload(site({ tokens: [SHARED, { ...SIGNED, keys: { file: 'ed.pem' } }] }))
    await expectEnded(others, 0x98)
    await expectMay(ours, 'users/pump/a')
    await expectRefused(gateway, version, asPassword(await signed(claims(gateway, { iss: OTHER_ISSUER }), 'RS256', rsa.privateKey)))
    await gateway.connect(version, asPassword(await signed(claims(gateway, { iss: OTHER_ISSUER }), 'EdDSA', ed.privateKey)))
  })

  test('with one key more, for the time of a rotation, touches nobody; without the old one its bearers go', async () => {
    await using gateway = await start()
    const [, others] = await both(gateway)
    await gateway.reload(site({ tokens: [SHARED, { ...SIGNED, keys: { file: 'both.pem' }, algorithms: ['RS256', 'EdDSA'] }] }))
    await others.expectNothing()
    const next = await gateway.connect(version, asPassword(await signed(claims(gateway, { iss: OTHER_ISSUER, sub: 'next' }), 'EdDSA', ed.privateKey)))
    await gateway.reload(site({ tokens: [SHARED, { ...SIGNED, keys: { file: 'ed.pem' } }] }))
    await expectEnded(others, 0x98)
    await next.expectNothing()
  })

  test('that changes nothing about tokens touches nobody', async () => {
    await using gateway = await start()
    const clients = await both(gateway)
    await gateway.reload(site({ users: [{ name: 'new', password: 'x' }] }))
    for (const client of clients) await client.expectNothing()
  })

  test('with more issuers touches nobody', async () => {
    await using gateway = await start()
    const clients = await both(gateway)
    await gateway.reload(site({ tokens: [{ ...SIGNED, issuer: 'https://third.example.com' }, SIGNED, SHARED] }))
    for (const client of clients) await client.expectNothing()
  })

  test('without any issuers: all of them go', async () => {
    await using gateway = await start()
    const clients = await both(gateway)
    await gateway.reload(site({ tokens: [], listeners: [{ port: 0, anonymous: true }] }))
    for (const client of clients) await expectEnded(client, 0x98)
  })

  test('while a token is looked at: an issuer that is gone lets nobody in, not even as nobody', async () => {
    const listeners = [{ port: 0, anonymous: true }]
    await using gateway = await start({ listeners })
    const client = await gateway.open(version)
    const packet = connectPacket(version, asPassword(await token(gateway)))
    const reloading = gateway.reload(site({ tokens: [SIGNED], listeners }))
    client.send(packet)
    await client.expect({ cmd: 'connack', ...(version === 5 ? { reasonCode: 0x86 } : { returnCode: 4 }) })
    await client.expectClosed()
    await reloading
  })
})

test('forged tokens of every kind are refused, also right after a real one', async () => {
  await using gateway = await start()
  const real = (await token(gateway)).toString()
  await gateway.connect(5, asPassword(Buffer.from(real)))
  const [header, body, signature] = real.split('.') as [string, string, string]
  const admin = { ...claims(gateway), groups: ['admin'] }
  const bodyOf = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const bad = [
    `${header}.${bodyOf(admin)}.${signature}`,
    `${header}.${body}.`,
    `${header}.${body}.${signature.slice(0, -2)}`,
    `${header}.${body}.${signature}AA`,
    forged({ alg: 'none' }, admin).toString(),
    forged({ alg: 'None', typ: 'JWT' }, admin).toString(),
    forged({ alg: '' }, admin, 'x').toString(),
    forged({ alg: ['HS256'] }, admin, 'x').toString(),
    forged({ alg: 'HS256', crit: ['exp'] }, admin, 'x').toString(),
    forged({ typ: 'JWT' }, admin, 'x').toString(),
  ]
  for (const jwt of bad) await expectRefused(gateway, 5, asPassword(Buffer.from(jwt)))
})
