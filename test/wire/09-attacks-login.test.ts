// Attacks on who clients are: guessing, being quicker than the check of a password, changing the configuration under it, floods.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import type { Packet } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { accessSite, count, expectEnded, expectRefusedLate, pbkdf2Hash, type AccessSite } from '../support/access-site.ts'
import { TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { ScramClient } from '../support/scram-client.ts'
import { forged } from '../support/token-issuer.ts'
import { until } from '../support/until.ts'
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

/** Node has four threads for such work. Until the answer resolves, nothing else of that kind is done. */
function occupyThreads(): Promise<unknown> {
  const derive = promisify(pbkdf2)
  return Promise.all([1, 2, 3, 4].map(() => derive('x', 'salt', 200_000, 64, 'sha512')))
}

/** The gateway has read so many packets in all. */
async function readByGateway(gateway: TestGateway, packets: number): Promise<void> {
  while (gateway.counters.packetsReceived < packets) await new Promise((resolve) => setImmediate(resolve))
}

describe('guessing passwords', () => {
  const PROXIED = [{ port: 0, proxyProtocol: { from: ['127.0.0.1'] } }]
  async function from(gateway: TestGateway, address: string, options: ConnectOptions): Promise<WireClient> {
    const client = await gateway.open(5)
    client.send(Buffer.from(`PROXY TCP4 ${address} 127.0.0.1 40000 1883\r\n`), connectPacket(5, options))
    return client
  }
  const WRONG = { username: 'pump', password: 'wrong' }
  const RIGHT = { username: 'pump', password: 'p' }

  test('answers come later and later, and then logins of that address are not looked at; of another address they are', async () => {
    await using gateway = await start({ listeners: PROXIED, rules: [], broker: { connectTimeout: '60s' } })
    const guesses: WireClient[] = []
    for (let i = 0; i < 3; i++) await (await from(gateway, '10.0.0.1', WRONG)).expect({ cmd: 'connack', reasonCode: 0x86 })
    for (let i = 0; i < 16; i++) {
      guesses.push(await from(gateway, '10.0.0.1', WRONG))
      await until(() => count(gateway, 'loginsRefused') === i + 4, 'the guess to be looked at')
    }
    expect(count(gateway, 'delayedLogins')).toBe(16)
    for (const options of [WRONG, RIGHT]) {
      const turned = await from(gateway, '10.0.0.1', options)
      await turned.expect({ cmd: 'connack', reasonCode: 0x9f })
      await turned.expectClosed()
    }
    expect(count(gateway, 'refusedLoginRate')).toBe(2)
    expect(count(gateway, 'loginsRefused')).toBe(19)
    await (await from(gateway, '10.0.0.2', RIGHT)).expect({ cmd: 'connack', reasonCode: 0 })
    await (await from(gateway, '10.0.0.2', WRONG)).expect({ cmd: 'connack', reasonCode: 0x86 })
    await gateway.pass(0.3)
    await guesses[0]!.expect({ cmd: 'connack', reasonCode: 0x86 })
    await gateway.pass(1)
    for (const guess of guesses.slice(1, 3)) await guess.expect({ cmd: 'connack', reasonCode: 0x86 })
    await gateway.pass(10)
    for (const guess of guesses.slice(3)) await guess.expect({ cmd: 'connack', reasonCode: 0x86 })
    await (await from(gateway, '10.0.0.1', RIGHT)).expect({ cmd: 'connack', reasonCode: 0 })
  })

  test('hanging up instead of waiting wins nothing', async () => {
    await using gateway = await start({ listeners: PROXIED, rules: [] })
    for (let i = 0; i < 19; i++) {
      const guess = await from(gateway, '10.0.0.1', WRONG)
      await until(() => count(gateway, 'loginsRefused') === i + 1, 'the guess to be looked at')
      guess.stopReading()
      void guess.cut().catch(() => {})
    }
    const turned = await from(gateway, '10.0.0.1', RIGHT)
    await turned.expect({ cmd: 'connack', reasonCode: 0x9f })
    await gateway.pass(10)
    await until(() => gateway.counters.connectionsNow <= 1, 'those who hung up to be gone')
    await (await from(gateway, '10.0.0.1', RIGHT)).expect({ cmd: 'connack', reasonCode: 0 })
  })

  test('every way to log in is slowed down: password, token, SCRAM, unknown method, no user', async () => {
    await using gateway = await start({ listeners: PROXIED, rules: [], tokens: [{ issuer: 'us', keys: { secret: 's'.repeat(40) } }] })
    const ways: ConnectOptions[] = [
      WRONG,
      { username: 'x', password: forged({ alg: 'HS256' }, { iss: 'us' }, 'x').toString() },
      { properties: { authenticationMethod: 'OAUTH2-JWT', authenticationData: Buffer.from('x') } },
      { properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from('x') } },
      { properties: { authenticationMethod: 'OTHER' } },
      {},
    ]
    for (const [i, way] of ways.entries()) {
      const address = `10.1.0.${i}`
      for (let n = 0; n < 3; n++) await (await from(gateway, address, way)).untilClosed()
      const before = count(gateway, 'delayedLogins')
      const late = await from(gateway, address, way)
      await until(() => count(gateway, 'delayedLogins') === before + 1, `a failure of ${JSON.stringify(way)} to be held back`)
      await gateway.pass(1)
      expect((await late.untilClosed()).length).toBe(1)
    }
  })

  test('exchanges begun before count too: the last step of one is looked at only while others of its address may be', async () => {
    await using gateway = await start({ listeners: PROXIED, rules: [], broker: { connectTimeout: '60s' } })
    const METHOD = 'SCRAM-SHA-256'
    const begun: { client: WireClient; last: Packet }[] = []
    for (let i = 0; i < 20; i++) {
      const scram = new ScramClient('pump', i < 19 ? 'wrong' : 'p')
      const client = await from(gateway, '10.0.0.1', { properties: { authenticationMethod: METHOD, authenticationData: scram.first } })
      const { properties } = await client.expect({ cmd: 'auth', reasonCode: 0x18 })
      begun.push({ client, last: { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: METHOD, authenticationData: scram.final(properties!.authenticationData!) } } })
    }
    for (const [i, { client, last }] of begun.slice(0, 19).entries()) {
      client.send(last)
      await until(() => count(gateway, 'loginsRefused') === i + 1, 'the guess to be looked at')
    }
    const { client, last } = begun[19]!
    client.send(last)
    await client.expect({ cmd: 'connack', reasonCode: 0x9f })
    await client.expectClosed()
  })

  test('the answer does not tell which part was wrong', async () => {
    await using gateway = await start({ rules: [], users: [...USERS, { name: 'hashed', passwordHash: pbkdf2Hash('h') }, { name: 'none' }] })
    const answers = new Set<string>()
    for (const username of ['pump', 'hashed', 'none', 'nobody', 'constructor', '']) {
      const client = await gateway.open(5)
      client.send(connectPacket(5, { username, password: 'wrong' }))
      const { raw } = await gateway.passUntil(client.expect({ cmd: 'connack' }))
      answers.add(raw.toString('hex'))
    }
    expect(answers.size).toBe(1)
  })
})

describe.each(VERSIONS)('while a password is being checked, version %i', (version) => {
  const SLOW: AccessSite = { users: [USERS[0]!, { name: 'pump', passwordHash: pbkdf2Hash('p') }], rules: [ADMIN, { allow: 'all', topic: 'own' }] }
  const PUMP = { username: 'pump', password: 'p', clientId: 'c' }
  const publish = (topic: string, messageId: number) => ({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId, dup: false, retain: false }) as const
  const subscribe: Packet = { cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'own', qos: 0 }, { topic: '#', qos: 0 }] }

  async function watched(gateway: TestGateway): Promise<WireClient> {
    const boss = await gateway.connect(version, { ...BOSS, clientId: 'boss' })
    await boss.subscribe('#')
    return boss
  }

  test('nothing behind CONNECT is handled before, and then it is with the right rights', async () => {
    await using gateway = await start(SLOW)
    const boss = await watched(gateway)
    const read = gateway.counters.packetsReceived
    const occupied = occupyThreads()
    const client = await gateway.open(version)
    client.send(connectPacket(version, PUMP), publish('own', 1), publish('other', 2), subscribe)
    await readByGateway(gateway, read + 1)
    await boss.expectNothing()
    expect(count(gateway, 'publishReceived')).toBe(0)
    expect(gateway.counters.packetsReceived).toBe(read + 2) // CONNECT, and PINGREQ of the other one
    await occupied
    await client.expect({ cmd: 'connack', ...(version === 5 ? { reasonCode: 0 } : { returnCode: 0 }) })
    await client.expect({ cmd: 'puback', messageId: 1, ...(version === 5 ? { reasonCode: 0 } : {}) })
    await client.expect({ cmd: 'puback', messageId: 2, ...(version === 5 ? { reasonCode: 0x87 } : {}) })
    await client.expect({ cmd: 'suback', granted: [0, version === 5 ? 0x87 : 0x80] })
    await boss.expect({ cmd: 'publish', topic: 'own' })
    await boss.expectNothing()
  })

  test('[MQTT-3.1.4-6] nothing behind a CONNECT with a wrong password is', async () => {
    await using gateway = await start(SLOW)
    const boss = await watched(gateway)
    const client = await gateway.open(version)
    client.send(connectPacket(version, { ...PUMP, password: 'wrong', will: { topic: 'own', payload: 'x' } }), publish('own', 1), subscribe, connectPacket(version, PUMP))
    await client.expect({ cmd: 'connack', ...(version === 5 ? { reasonCode: 0x86 } : { returnCode: 4 }) })
    await client.expectClosed()
    await boss.expectNothing()
    expect(count(gateway, 'publishReceived')).toBe(0)
  })

  test('a client that hangs up meanwhile leaves nothing behind', async () => {
    await using gateway = await start(SLOW)
    const boss = await watched(gateway)
    const occupied = occupyThreads()
    const client = await gateway.open(version)
    client.send(connectPacket(version, { ...PUMP, password: 'wrong', expirySec: 100, will: { topic: 'own', payload: 'x' } }))
    await readByGateway(gateway, 3)
    await Promise.all([client.cut(), occupied])
    await until(() => gateway.counters.connectionsNow === 1, 'the connection to be gone')
    await boss.expectNothing()
    expect(gateway.gateway.sessions.count).toBe(1)
  })

  test('an old password that is changed meanwhile lets nobody in', async () => {
    await using gateway = await start(SLOW)
    const boss = await watched(gateway)
    const read = gateway.counters.packetsReceived
    const occupied = occupyThreads()
    const client = await gateway.open(version)
    client.send(connectPacket(version, PUMP), publish('own', 1))
    await readByGateway(gateway, read + 1)
    await gateway.reload(site({ ...SLOW, users: [USERS[0]!, { name: 'pump', passwordHash: pbkdf2Hash('new') }] }))
    await occupied
    await client.expect({ cmd: 'connack', ...(version === 5 ? { reasonCode: 0x87 } : { returnCode: 5 }) })
    await client.expectClosed()
    await boss.expectNothing()
  })

  test('rules that are changed meanwhile hold', async () => {
    await using gateway = await start(SLOW)
    const boss = await watched(gateway)
    const read = gateway.counters.packetsReceived
    const occupied = occupyThreads()
    const client = await gateway.open(version)
    client.send(connectPacket(version, PUMP), publish('own', 1))
    await readByGateway(gateway, read + 1)
    await gateway.reload(site({ ...SLOW, rules: [ADMIN] }))
    await occupied
    await client.expect({ cmd: 'connack', ...(version === 5 ? { reasonCode: 0 } : { returnCode: 0 }) })
    await client.expect({ cmd: 'puback', ...(version === 5 ? { reasonCode: 0x87 } : {}) })
    await boss.expectNothing()
  })

  test('a session is taken over only by who has proved to be its owner', async () => {
    await using gateway = await start(SLOW)
    const first = await gateway.connect(version, PUMP)
    const thief = await gateway.open(version)
    thief.send(connectPacket(version, { ...PUMP, password: 'wrong' }))
    await thief.expect({ cmd: 'connack' })
    await expectRefusedLate(gateway, version, { ...BOSS, clientId: 'c' }, 0x85, 2)
    await first.expectNothing()
  })
})

describe('SCRAM', () => {
  const METHOD = 'SCRAM-SHA-256'
  const auth = (reasonCode: number, authenticationData: Buffer) => ({ cmd: 'auth', reasonCode, properties: { authenticationMethod: METHOD, authenticationData } }) as const

  async function challenged(gateway: TestGateway, scram: ScramClient): Promise<{ client: WireClient; last: Buffer }> {
    const client = await gateway.open(5)
    client.send(connectPacket(5, { properties: { authenticationMethod: METHOD, authenticationData: scram.first } }))
    const { properties } = await client.expect({ cmd: 'auth', reasonCode: 0x18 })
    return { client, last: scram.final(properties!.authenticationData!) }
  }

  test.each<[string, readonly object[]]>([
    ['another password', [USERS[0]!, { name: 'pump', password: 'new' }]],
    ['none', [USERS[0]!, { name: 'pump' }]],
  ])('a proof that is being looked at counts only against the password of now: %s', async (_, users) => {
    await using gateway = await start({ rules: [] })
    const { client, last } = await challenged(gateway, new ScramClient('pump', 'p'))
    const read = gateway.counters.packetsReceived
    const occupied = occupyThreads()
    client.send(auth(0x18, last))
    await readByGateway(gateway, read + 1)
    await new Promise((resolve) => setImmediate(resolve))
    await gateway.reload(site({ rules: [], users }))
    await occupied
    await client.expect({ cmd: 'connack', reasonCode: 0x87 })
    await client.expectClosed()
  })

  test('a password that is changed between two steps', async () => {
    await using gateway = await start({ rules: [] })
    const { client, last } = await challenged(gateway, new ScramClient('pump', 'p'))
    await gateway.reload(site({ rules: [], users: [USERS[0]!, { name: 'pump', password: 'new' }] }))
    client.send(auth(0x18, last))
    await client.expect({ cmd: 'connack', reasonCode: 0x87 })
    await client.expectClosed()
  })

  test('the proof of one exchange is none in another', async () => {
    await using gateway = await start({ rules: [] })
    const { last } = await challenged(gateway, new ScramClient('pump', 'p', 'same-nonce'))
    const { client } = await challenged(gateway, new ScramClient('pump', 'p', 'same-nonce'))
    client.send(auth(0x18, last))
    await client.expect({ cmd: 'connack', reasonCode: 0x87 })
    await client.expectClosed()
  })

  test('the salt of a user is the same every time, and so is that of a user that does not exist', async () => {
    await using gateway = await start({ rules: [] })
    const saltOf = async (name: string): Promise<string> => {
      const client = await gateway.open(5)
      client.send(connectPacket(5, { properties: { authenticationMethod: METHOD, authenticationData: new ScramClient(name, 'x').first } }))
      const { properties } = await client.expect({ cmd: 'auth' })
      return /,(s=[^,]+,i=\d+)$/.exec(properties!.authenticationData!.toString())![1]!
    }
    for (const name of ['pump', 'nobody']) expect(await saltOf(name)).toBe(await saltOf(name))
  })

  test('a flood of AUTH: every one is answered, and nobody else notices', async () => {
    await using gateway = await start({ rules: [] })
    const scram = new ScramClient('pump', 'p')
    const { client, last } = await challenged(gateway, scram)
    client.send(auth(0x18, last))
    await client.expect({ cmd: 'connack', reasonCode: 0 })
    const other = await gateway.connect(5, BOSS)
    await other.subscribe('t')
    client.send(...Array.from({ length: 500 }, () => auth(0x19, scram.first)))
    other.publish('t', 'x')
    await other.expect({ cmd: 'publish' })
    for (let i = 0; i < 500; i++) await client.expect({ cmd: 'auth', reasonCode: 0x18 })
    client.send(auth(0x18, Buffer.from('c=biws,r=x,p=AAAA')))
    await expectEnded(client, 0x87)
    await other.expectNothing()
  })

  test('a flood of AUTH before CONNACK ends at the first that is none', async () => {
    await using gateway = await start({ rules: [] })
    const { client } = await challenged(gateway, new ScramClient('pump', 'p'))
    client.send(...Array.from({ length: 500 }, () => auth(0x18, Buffer.from('x'))))
    await client.expect({ cmd: 'connack', reasonCode: 0x87 })
    await client.expectClosed()
    expect(count(gateway, 'loginsRefused')).toBe(1)
  })
})
