// Answers that a client cannot take: larger than its Maximum Packet Size, or never read.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { connectPacket, VERSIONS } from '../support/wire-client.ts'

/** CONNACK with all that a client with an identifier of its own may be told: fixed header and flags 5, then five properties. */
const CONNACK_BYTES = 5 + 5 + 3 + 5 + 3 + 3
const ASSIGNED_BYTES = 3 + 41

describe('5.0: CONNACK', () => {
  test.each([
    ['an identifier of its own', 'c', CONNACK_BYTES],
    ['none', '', CONNACK_BYTES + ASSIGNED_BYTES],
  ])('[MQTT-3.1.2-24] a client with %s has to take its longest form; one byte less, and it is refused', async (_, clientId, bytes) => {
    await using gateway = await TestGateway.start({ broker: { sessionExpirySecMax: 50 } })
    const options = { clientId, keepalive: 0, expirySec: 100 }
    const client = await gateway.connect(5, { ...options, properties: { maximumPacketSize: bytes } })
    expect(client.connack.raw).toHaveLength(bytes)
    const other = await gateway.open(5)
    other.send(connectPacket(5, { ...options, clientId: clientId === '' ? '' : 'd', properties: { maximumPacketSize: bytes - 1 } }))
    const { raw } = await other.expect({ cmd: 'connack', reasonCode: Reason.packetTooLarge })
    expect(raw.length).toBeLessThan(bytes)
    await other.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedAnswerSize: 1, connectionsRefused: 1 })
  })

  test('[MQTT-3.1.2-24] one that takes not even a refusal is closed without', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(5)
    client.send(connectPacket(5, { properties: { maximumPacketSize: 4 } }))
    await client.expectClosed()
    expect(gateway.counters.connectionsRefused).toBe(1)
  })

  test('a client that is refused for it takes over nobody, ends no session and leaves no will', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await gateway.connect(5)
    await watcher.subscribe('will')
    const holder = await gateway.connect(5, { clientId: 'same', expirySec: 100 })
    const thief = await gateway.open(5)
    thief.send(connectPacket(5, { clientId: 'same', clean: true, will: { topic: 'will', payload: 'x' }, properties: { maximumPacketSize: 10 } }))
    await thief.expect({ cmd: 'connack', reasonCode: Reason.packetTooLarge })
    await thief.expectClosed()
    await holder.expectNothing()
    await watcher.expectNothing()
  })
})

describe('5.0: SUBACK and UNSUBACK', () => {
  const topics = (count: number): string[] => Array.from({ length: count }, (_, i) => `t/${i}`)

  test('[MQTT-3.1.2-24] one that just fits is sent', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { clientId: 'c', properties: { maximumPacketSize: 30 } })
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics(25).map((topic) => ({ topic, qos: 0 })) })
    expect((await client.expect({ cmd: 'suback' })).raw).toHaveLength(30)
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: topics(25) })
    expect((await client.expect({ cmd: 'unsuback' })).raw).toHaveLength(30)
    expect(gateway.counters.refusedAnswerSize).toBe(0)
  })

  test.each(['subscribe', 'unsubscribe'] as const)('[MQTT-3.1.2-24] one that would be too long is not sent: the %s is refused as a whole, and ends the connection', async (cmd) => {
    await using gateway = await TestGateway.start()
    const session = { clientId: 'c', clean: false, expirySec: 100 } as const
    const client = await gateway.connect(5, { ...session, properties: { maximumPacketSize: 30 } })
    await client.subscribe('t/0')
    client.send(
      cmd === 'subscribe'
        ? { cmd, messageId: 1, subscriptions: topics(26).map((topic) => ({ topic, qos: 0 })) }
        : { cmd, messageId: 1, unsubscriptions: topics(26) },
    )
    const { raw } = await client.expect({ cmd: 'disconnect', reasonCode: Reason.packetTooLarge })
    expect(raw.length).toBeLessThanOrEqual(30)
    await client.expectClosed()
    expect(gateway.counters.refusedAnswerSize).toBe(1)
    const again = await gateway.connect(5, session, { sessionPresent: true })
    again.publish('t/0', 'still')
    again.publish('t/1', 'never')
    await again.expect({ cmd: 'publish', topic: 't/0' })
    await again.expectNothing()
  })
})

describe.each(VERSIONS)('version %i: a client that asks and never reads', (version) => {
  test('is cut off when more answers wait than the output holds, and counted; others go on', async () => {
    await using gateway = await TestGateway.start({ broker: { outputBytesMax: 16_000, packetBytesMax: 16_000 } })
    const other = await gateway.connect(version)
    const client = await gateway.connect(version)
    client.stopReading()
    const pings = Buffer.alloc(1_000_000)
    for (let i = 0; i < pings.length; i += 2) pings[i] = 0xc0
    // The kernel takes some megabytes of answers before they wait here.
    await until(() => {
      if (!client.closed && gateway.counters.refusedUnread === 0) client.send(pings)
      return gateway.counters.refusedUnread === 1
    }, 'it to be cut off')
    await other.expectNothing()
    expect(gateway.counters.connectionsNow).toBe(1)
    await client.cut()
  })

  test('one that reads is not, however much it asks at once', async () => {
    await using gateway = await TestGateway.start({ broker: { outputBytesMax: 16_000, packetBytesMax: 16_000 } })
    const client = await gateway.connect(version)
    const count = 300_000
    const pings = Buffer.alloc(2 * count)
    for (let i = 0; i < pings.length; i += 2) pings[i] = 0xc0
    const before = client.bytesReceived
    client.send(pings)
    await until(() => client.bytesReceived - before === 2 * count, 'all answers')
    expect(gateway.counters.refusedUnread).toBe(0)
  })
})

describe('a session that is kept', () => {
  test.each([
    ['PUBREL', '62 02 0001', 'pubcomp'],
    ['SUBSCRIBE', '82 06 0001 0001 74 00', 'suback'],
    ['UNSUBSCRIBE', 'a2 05 0001 0001 74', 'unsuback'],
  ] as const)('gets every answer to a flood of %s, which is read no faster than flash takes it', async (_, packet, answer) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(4, { clientId: 'c', expirySec: 100 })
    const count = 25_000
    const bytes = client.bytesOf(packet)
    client.send(Buffer.concat(Array.from({ length: count }, () => bytes)))
    for (let i = 0; i < count; i++) await client.expect({ cmd: answer })
    await client.expectNothing()
  })
})
