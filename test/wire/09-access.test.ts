// Who may connect: user and password, and enhanced authentication (sections 3.1.4 and 4.12).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { ScramClient } from '../support/scram-client.ts'
import { connectPacket, type ConnectOptions, VERSIONS, type WireClient } from '../support/wire-client.ts'

const USERS = { pump: 'secret', other: 'else' }
const METHOD = 'SCRAM-SHA-256'

function closed(): Promise<TestGateway> {
  return TestGateway.start({ users: USERS, anonymous: false })
}

describe.each(VERSIONS)('user and password, version %i', (version) => {
  test('[MQTT-3.1.4-5] the right ones come in', async () => {
    await using gateway = await closed()
    const client = await gateway.connect(version, { username: 'pump', password: 'secret' })
    await client.expectNothing()
  })

  test.each<[string, ConnectOptions, number, number]>([
    ['a wrong password', { username: 'pump', password: 'Secret' }, 0x86, 4],
    ['no password', { username: 'pump' }, 0x86, 4],
    ['an unknown user', { username: 'nobody', password: 'secret' }, 0x86, 4],
    ['an inherited name', { username: 'constructor', password: 'x' }, 0x86, 4],
    ['nobody', {}, 0x87, 5],
  ])('[MQTT-3.1.4-2] [MQTT-3.2.2-7] %s: refused, and closed', async (_, options, reasonCode, returnCode) => {
    await using gateway = await closed()
    const client = await gateway.open(version)
    client.send(connectPacket(version, options), { cmd: 'pingreq' }) // [MQTT-3.1.4-6] what follows is not looked at
    await client.expect({ cmd: 'connack', sessionPresent: false, ...(version === 5 ? { reasonCode } : { returnCode }) })
    await client.expectClosed()
    expect(gateway.counters.loginsRefused).toBe(1)
  })

  test('a refused client takes over nobody, and leaves no will', async () => {
    await using gateway = await closed()
    const watcher = await gateway.connect(version, { username: 'other', password: 'else' })
    await watcher.subscribe('#')
    const client = await gateway.connect(version, { clientId: 'c', username: 'pump', password: 'secret' })
    const thief = await gateway.open(version)
    thief.send(connectPacket(version, { clientId: 'c', username: 'pump', password: 'wrong', will: { topic: 't', payload: 'x' } }))
    await thief.expect({ cmd: 'connack' })
    await thief.expectClosed()
    await client.expectNothing()
    await watcher.expectNothing()
  })
})

describe('a listener for anybody', () => {
  test('who gives no user comes in, who gives a wrong one does not', async () => {
    await using gateway = await TestGateway.start({ users: USERS })
    await gateway.connect(5)
    await gateway.connect(5, { username: 'pump', password: 'secret' })
    const client = await gateway.open(5)
    client.send(connectPacket(5, { username: 'pump', password: 'wrong' }))
    await client.expect({ cmd: 'connack', reasonCode: 0x86 })
  })

  test('without users any name will do', async () => {
    await using gateway = await TestGateway.start()
    await gateway.connect(5, { username: 'anybody', password: 'x' })
  })
})

/** Sends CONNECT with the first message, and answers the challenge. */
async function begin(gateway: TestGateway, scram: ScramClient, options: ConnectOptions = {}): Promise<WireClient> {
  const client = await gateway.open(5)
  client.send(connectPacket(5, { ...options, properties: { authenticationMethod: METHOD, authenticationData: scram.first } }))
  return client
}

function auth(reasonCode: number, authenticationData: Buffer, authenticationMethod = METHOD) {
  return { cmd: 'auth', reasonCode, properties: { authenticationMethod, authenticationData } } as const
}

async function proceed(client: WireClient, scram: ScramClient): Promise<void> {
  const { properties } = await client.expect({ cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: METHOD } })
  client.send(auth(0x18, scram.final(properties!.authenticationData!)))
}

async function connected(gateway: TestGateway, options: ConnectOptions = {}): Promise<WireClient> {
  const scram = new ScramClient('pump', 'secret')
  const client = await begin(gateway, scram, options)
  await proceed(client, scram)
  const connack = await client.expect({ cmd: 'connack', reasonCode: 0, properties: { authenticationMethod: METHOD } })
  expect(scram.accepts(connack.properties!.authenticationData!)).toBe(true)
  return client
}

describe('SCRAM-SHA-256', () => {
  test('[MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-3.2.0-1] challenge, proof, and our proof in CONNACK', async () => {
    await using gateway = await closed()
    const client = await connected(gateway)
    await client.subscribe('t', { qos: 1 })
    client.publish('t', 'x', { qos: 1 })
    await client.expectAll({ cmd: 'publish', payload: 'x' }, { cmd: 'puback' })
  })

  test('[MQTT-4.12.0-6] without a method: no AUTH, none in CONNACK', async () => {
    await using gateway = await closed()
    const client = await gateway.connect(5, { username: 'pump', password: 'secret' })
    expect(client.connack.properties).not.toHaveProperty('authenticationMethod')
  })

  test.each([
    ['a wrong password', 'pump', 'wrong'],
    ['an unknown user', 'nobody', 'secret'],
  ])('[MQTT-4.12.0-4] %s: refused and closed', async (_, name, password) => {
    await using gateway = await closed()
    const scram = new ScramClient(name, password)
    const client = await begin(gateway, scram)
    await proceed(client, scram)
    await client.expect({ cmd: 'connack', reasonCode: 0x87 })
    await client.expectClosed()
    expect(gateway.counters.loginsRefused).toBe(1)
    expect(gateway.gateway.sessions.count).toBe(0)
  })

  test('[MQTT-4.12.0-1] another method is not known: 0x8C', async () => {
    await using gateway = await closed()
    const client = await gateway.open(5)
    client.send(connectPacket(5, { properties: { authenticationMethod: 'GS2-KRB5' } }))
    await client.expect({ cmd: 'connack', reasonCode: 0x8c })
    await client.expectClosed()
  })

  test('[MQTT-4.12.0-1] without users there is none at all', async () => {
    await using gateway = await TestGateway.start()
    const client = await begin(gateway, new ScramClient('pump', 'secret'))
    await client.expect({ cmd: 'connack', reasonCode: 0x8c })
    await client.expectClosed()
  })

  test.each([
    ['PUBLISH', { cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: false }],
    ['PINGREQ', { cmd: 'pingreq' }],
    ['SUBSCRIBE', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] }],
  ] as const)('[MQTT-3.1.2-30] %s before CONNACK is a protocol error', async (_, packet) => {
    await using gateway = await closed()
    const client = await begin(gateway, new ScramClient('pump', 'secret'))
    await client.expect({ cmd: 'auth' })
    client.send(packet as never)
    await client.expect({ cmd: 'connack', reasonCode: 0x82 })
    await client.expectClosed()
  })

  test.each([
    ['CONNECT', connectPacket(5)],
    ['AUTH of another method', auth(0x18, Buffer.from('x'), 'OTHER')],
    ['AUTH 0x19', auth(0x19, Buffer.from('x'))],
    ['AUTH 0x00', auth(0x00, Buffer.from('x'))],
  ])('[MQTT-4.12.0-3] %s in the middle is a protocol error', async (_, packet) => {
    await using gateway = await closed()
    const client = await begin(gateway, new ScramClient('pump', 'secret'))
    await client.expect({ cmd: 'auth' })
    client.send(packet)
    await client.expect({ cmd: 'connack', reasonCode: 0x82 })
    await client.expectClosed()
  })

  test('DISCONNECT in the middle: closed without a word, the will unsaid', async () => {
    await using gateway = await closed()
    const watcher = await connected(gateway)
    await watcher.subscribe('#')
    const client = await begin(gateway, new ScramClient('pump', 'secret'), { will: { topic: 'will', payload: 'x' } })
    await client.expect({ cmd: 'auth' })
    client.send({ cmd: 'disconnect' })
    await client.expectClosed()
    await watcher.expectNothing()
  })

  test('who never answers the challenge is closed when the time for CONNECT is over', async () => {
    await using gateway = await TestGateway.start({ users: USERS, anonymous: false, broker: { connectTimeoutMs: 5000 } })
    const client = await begin(gateway, new ScramClient('pump', 'secret'))
    await client.expect({ cmd: 'auth' })
    await gateway.pass(7)
    await client.expectClosed()
  })

  test('a session is taken over only when the proof is there', async () => {
    await using gateway = await closed()
    const first = await connected(gateway, { clientId: 'c' })
    const scram = new ScramClient('pump', 'secret')
    const second = await begin(gateway, scram, { clientId: 'c' })
    await first.expectNothing()
    await proceed(second, scram)
    await first.expect({ cmd: 'disconnect', reasonCode: 0x8e })
    await second.expect({ cmd: 'connack', reasonCode: 0 })
  })
})

describe('authenticating again', () => {
  test('[MQTT-4.12.1-1] the same user: AUTH 0x00, and all goes on', async () => {
    await using gateway = await closed()
    const client = await connected(gateway)
    await client.subscribe('t')
    const scram = new ScramClient('pump', 'secret')
    client.send(auth(0x19, scram.first))
    await proceed(client, scram)
    const done = await client.expect({ cmd: 'auth', reasonCode: 0, properties: { authenticationMethod: METHOD } })
    expect(scram.accepts(done.properties!.authenticationData!)).toBe(true)
    client.publish('t', 'x')
    await client.expect({ cmd: 'publish', payload: 'x' })
  })

  test('messages go on between its steps', async () => {
    await using gateway = await closed()
    const client = await connected(gateway)
    await client.subscribe('t')
    client.send(auth(0x19, new ScramClient('pump', 'secret').first))
    await client.expect({ cmd: 'auth', reasonCode: 0x18 })
    client.publish('t', 'x')
    await client.expect({ cmd: 'publish', payload: 'x' })
  })

  test.each([
    ['a wrong password', 'pump', 'wrong'],
    ['another user', 'other', 'else'],
  ])('[MQTT-4.12.1-2] %s: DISCONNECT 0x87, closed', async (_, name, password) => {
    await using gateway = await closed()
    const client = await connected(gateway)
    const scram = new ScramClient(name, password)
    client.send(auth(0x19, scram.first))
    await proceed(client, scram)
    await client.expect({ cmd: 'disconnect', reasonCode: 0x87 })
    await client.expectClosed()
  })

  test.each([
    ['another method', auth(0x19, Buffer.from('x'), 'OTHER')],
    ['going on with nothing', auth(0x18, Buffer.from('x'))],
    ['AUTH 0x00', auth(0x00, Buffer.from('x'))],
  ])('[MQTT-4.12.1-1] %s is a protocol error', async (_, packet) => {
    await using gateway = await closed()
    const client = await connected(gateway)
    client.send(packet)
    await client.expect({ cmd: 'disconnect', reasonCode: 0x82 })
    await client.expectClosed()
  })

  test('[MQTT-4.12.0-7] AUTH where CONNECT had no method is a protocol error', async () => {
    await using gateway = await closed()
    const client = await gateway.connect(5, { username: 'pump', password: 'secret' })
    client.send(auth(0x19, new ScramClient('pump', 'secret').first))
    await client.expect({ cmd: 'disconnect', reasonCode: 0x82 })
    await client.expectClosed()
  })
})
