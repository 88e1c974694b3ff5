// Everything has a bound, and every loss a reason: packets, silence, readers that do not read, queues, subscriptions,
// sessions, connections.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { type Received, type Sendable, VERSIONS } from '../support/wire-client.ts'

const KEPT = { clientId: 'kept', clean: false, expirySec: 10_000 } as const

/** A PUBLISH to "t" that is `bytes` long as a whole (128 to 16,383). */
function publishOf(bytes: number, version: 3 | 4 | 5, qos: 0 | 1 = 0): Sendable {
  const header = 3 + 3 + (qos === 0 ? 0 : 2) + (version === 5 ? 1 : 0)
  return { cmd: 'publish', topic: 't', payload: Buffer.alloc(bytes - header), qos, dup: false, retain: false, ...(qos === 0 ? {} : { messageId: 1 }) }
}

describe.each(VERSIONS)('version %i: packets', (version) => {
  test('[MQTT-3.2.2-15] one byte more than the broker takes ends the connection, before the packet has come', async () => {
    await using gateway = await TestGateway.start({ broker: { packetBytesMax: 1000 } })
    const client = await gateway.connect(version)
    await client.subscribe('t')
    client.send(publishOf(1000, version))
    expect((await client.expect({ cmd: 'publish' })).raw).toHaveLength(1000)
    client.send(client.bytesOf(publishOf(1001, version)).subarray(0, 3))
    if (version === 5) await client.expect({ cmd: 'disconnect', reasonCode: Reason.packetTooLarge })
    await client.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedPacketSize: 1, refusedConnectSize: 0 })
  })

  test('a large packet that never ends takes no more than its size, and is given up with the connection', async () => {
    await using gateway = await TestGateway.start({ broker: { packetBytesMax: 100_000_000 } })
    const before = process.memoryUsage().arrayBuffers
    const clients = []
    for (let i = 0; i < 20; i++) {
      const client = await gateway.connect(version)
      client.send('30 80 80 80 01 00') // announces 2 MB, sends one byte
      clients.push(client)
    }
    for (const client of clients) await client.cut()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60_000_000)
  })
})

describe('5.0: the client’s Maximum Packet Size', () => {
  test.each([0, 1] as const)('[MQTT-3.1.2-24] [MQTT-3.1.2-25] a message that is too large is dropped, counted, and taken as sent (QoS %i)', async (qos) => {
    await using gateway = await TestGateway.start()
    for (const expirySec of [0, 100]) {
      const client = await gateway.connect(5, { clientId: `c${expirySec}`, expirySec, properties: { maximumPacketSize: 200, receiveMaximum: 1 } })
      await client.subscribe('t', { qos })
      const publisher = await gateway.connect(5)
      for (const size of [201, 500, 200]) {
        publisher.send(publishOf(size, 5, qos))
        if (qos === 1) await publisher.expect({ cmd: 'puback', reasonCode: 0 })
      }
      expect((await client.expect({ cmd: 'publish' })).raw).toHaveLength(200)
      await client.expectNothing()
      await client.disconnect()
    }
    expect(gateway.counters.droppedTooLarge).toBe(4)
  })

  test('[MQTT-3.1.2-24] a topic alias does not make a packet too large', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { properties: { maximumPacketSize: 200, topicAliasMaximum: 5 } })
    await client.subscribe('t')
    const publisher = await gateway.connect(5)
    for (let size = 195; size <= 201; size++) publisher.send(publishOf(size, 5))
    publisher.publish('t', 'end')
    await publisher.expectNothing()
    const came = await client.drain()
    expect(came.map((p) => p.raw.length).filter((n) => n > 200)).toEqual([])
    expect(came).toHaveLength(7)
    expect(gateway.counters.droppedTooLarge).toBe(1)
  })

  test('[MQTT-3.14.2-3] a reason string that would be too long for DISCONNECT is left out', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { clientId: 'c', properties: { maximumPacketSize: 40 } })
    client.send({ cmd: 'publish', topic: 'wildcard/+/in/a/topic/name/that/is/long', payload: '', qos: 0, dup: false, retain: false })
    const { raw, properties } = await client.expect({ cmd: 'disconnect', reasonCode: Reason.topicNameInvalid })
    expect(raw.length).toBeLessThanOrEqual(40)
    expect(properties?.reasonString).toBeUndefined()
    await client.expectClosed()
  })
})

describe.each(VERSIONS)('version %i: silence', (version) => {
  test('[MQTT-3.1.2-22] one and a half keep-alive intervals without a packet end the connection', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, { keepalive: 10 })
    await gateway.pass(14)
    await client.expectNothing()
    await gateway.pass(14)
    client.publish('t', 'x') // any packet counts
    await client.expectNothing()
    await gateway.pass(17)
    if (version === 5) await client.expect({ cmd: 'disconnect', reasonCode: Reason.keepAliveTimeout })
    await client.expectClosed()
    expect(gateway.counters.keepAliveTimeouts).toBe(1)
  })

  test('what is sent to the client does not keep its connection', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, { keepalive: 10 })
    await client.subscribe('t')
    const publisher = await gateway.connect(version)
    for (let i = 0; i < 4; i++) {
      publisher.publish('t', 'x')
      await client.expect({ cmd: 'publish' })
      await gateway.pass(5)
    }
    if (version === 5) await client.expect({ cmd: 'disconnect', reasonCode: Reason.keepAliveTimeout })
    await client.expectClosed()
  })

  test('section 3.1.2.10: keep alive 0 has no limit, unless there is a maximum and a way to tell', async () => {
    await using gateway = await TestGateway.start({ broker: version === 5 ? { keepAliveSecMax: Infinity } : {} })
    const client = await gateway.connect(version, { keepalive: 0 })
    await gateway.pass(100_000)
    await client.expectNothing()
  })

  test.each([
    ['nothing', ''],
    ['half a CONNECT', '10 10 0004 4d51'],
  ])('a connection that has sent %s is closed after the connect timeout', async (_name, hex) => {
    await using gateway = await TestGateway.start({ broker: { connectTimeoutMs: 5000 } })
    const client = await gateway.open(version)
    if (hex !== '') client.send(hex)
    const other = await gateway.connect(version) // its CONNACK says that the first was accepted
    await gateway.pass(4)
    expect(gateway.counters.connectionsNow).toBe(2)
    await gateway.pass(3)
    await client.expectClosed()
    expect(gateway.counters.connectTimeouts).toBe(1)
    await other.expectNothing()
  })
})

describe('a reader that does not read', () => {
  test.each(VERSIONS)('version %i: its publisher waits a little, then its QoS 0 is dropped and counted; others go on; memory stays bounded', async (version) => {
    await using gateway = await TestGateway.start({ broker: { outputBytesMax: 256 * 1024 } })
    const slow = await gateway.connect(version)
    const quick = await gateway.connect(version)
    for (const client of [slow, quick]) await client.subscribe('t')
    slow.stopReading()
    const publisher = await gateway.connect(version)
    const payload = Buffer.alloc(10_000)
    const rounds = 40
    const perRound = 100
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < perRound; i++) publisher.publish('t', payload)
      // While the publisher is held back only time releases it.
      await gateway.passUntil(publisher.expectNothing())
      expect(await quick.drain()).toHaveLength(perRound)
    }
    const { droppedSlowReader } = gateway.counters
    const total = rounds * perRound
    // The kernel takes some megabytes by itself; the gateway no more than its bound.
    expect(droppedSlowReader).toBeGreaterThan(total / 4)
    slow.goOnReading()
    expect(await slow.drain()).toHaveLength(total - droppedSlowReader)
    // It reads again: nothing is dropped any more.
    publisher.publish('t', 'fresh')
    await slow.expect({ cmd: 'publish', payload: 'fresh' })
    expect(gateway.counters.droppedSlowReader).toBe(droppedSlowReader)
  })

  test('who did not publish to it is not held back', async () => {
    await using gateway = await TestGateway.start({ broker: { outputBytesMax: 4_000_000 } })
    const slow = await gateway.connect(5)
    await slow.subscribe('#')
    slow.stopReading()
    const [publisher, dying, other] = [await gateway.connect(5), await gateway.connect(5, { will: { topic: 'will', payload: 'x' } }), await gateway.connect(5)]
    for (let i = 0; i < 2000; i++) publisher.publish('t', Buffer.alloc(10_000))
    // Until the gateway has stopped reading from the publisher: too late to be wrong, too early would only prove less.
    let [received, polls] = [0, 0]
    await until(() => {
      polls = received === gateway.counters.bytesReceived ? polls + 1 : 0
      received = gateway.counters.bytesReceived
      return received > 2_000_000 && polls > 20
    }, 'the publisher to be held back')
    expect(received).toBeLessThan(20_000_000)
    await dying.cut() // its will goes to the slow one
    await other.expectNothing()
    await other.expectNothing() // the first answer was on its way before anything could be held
    expect(gateway.counters.droppedSlowReader).toBe(0)
  })

  test('one that is only behind with acknowledgements holds its publisher back, and loses nothing', async () => {
    await using gateway = await TestGateway.start()
    const receiver = await gateway.connect(5, { properties: { receiveMaximum: 10 } })
    await receiver.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(4)
    const count = 4000
    for (let i = 0; i < count; i++) publisher.publish('t', `${i}`, { qos: 1, messageId: i + 1 })
    for (let i = 0; i < count; i++) {
      const { messageId } = await receiver.expect({ cmd: 'publish', payload: `${i}` })
      receiver.send({ cmd: 'puback', messageId: messageId! })
    }
    expect(await publisher.drain()).toHaveLength(count)
    expect(gateway.counters.droppedQueueFull).toBe(0)
  })

  test('one that never acknowledges: its queue in memory is bounded, what is beyond is dropped and counted', async () => {
    await using gateway = await TestGateway.start({ broker: { receiveMaximum: 100 } })
    const receiver = await gateway.connect(5)
    await receiver.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(4)
    const count = 3000
    for (let i = 0; i < count; i++) publisher.publish('t', `${i}`, { qos: 1, messageId: i + 1 })
    expect(await gateway.passUntil(publisher.drain())).toHaveLength(count)
    const { droppedQueueFull } = gateway.counters
    expect(droppedQueueFull).toBeGreaterThan(1000)
    // What was kept comes, in order, as it acknowledges.
    const kept = count - droppedQueueFull
    let last = -1
    for (let i = 0; i < kept; i++) {
      const { messageId, payload } = await receiver.expect({ cmd: 'publish' })
      expect(Number(payload)).toBeGreaterThan(last)
      last = Number(payload)
      receiver.send({ cmd: 'puback', messageId: messageId! })
    }
    await receiver.expectNothing()
  })
})

describe('queues of sessions that are away', () => {
  const limits = { bytesMax: 1e9, countMax: 10, ageMsMax: Infinity, whenFull: 'drop-oldest' } as const

  async function fill(gateway: TestGateway, count: number, topics = 1): Promise<string[]> {
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t/#', { qos: 1 })
    await client.cut()
    const publisher = await gateway.connect(5)
    const sent = Array.from({ length: count }, (_, i) => `${i}`.padEnd(100))
    for (let i = 0; i < count; i++) {
      publisher.publish(topics === 1 ? 't' : `t/${i % topics}`, sent[i]!, { qos: 1 })
      await publisher.expect({ cmd: 'puback' })
    }
    return sent
  }

  /** All that is in the queue: what was sent and not counted as dropped. */
  async function empty(gateway: TestGateway, sent: number): Promise<string[]> {
    const client = await gateway.connect(5, KEPT, { sessionPresent: true })
    const list: string[] = []
    while (list.length < sent - gateway.counters.droppedQueueLimit) {
      const { payload, messageId } = await client.expect({ cmd: 'publish', qos: 1 })
      list.push(payload.toString())
      client.send({ cmd: 'puback', messageId: messageId! })
    }
    await client.expectNothing()
    return list
  }

  test('drop-oldest: the newest stay, in order, and the rest is counted', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionQueue: limits } })
    const sent = await fill(gateway, 50)
    const kept = await empty(gateway, 50)
    expect(kept).toEqual(sent.slice(-kept.length))
    expect(kept.length).toBeLessThanOrEqual(10)
    expect(kept.length).toBeGreaterThanOrEqual(9)
  })

  test('drop-newest: the oldest stay', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionQueue: { ...limits, whenFull: 'drop-newest' } } })
    const sent = await fill(gateway, 50)
    const kept = await empty(gateway, 50)
    expect(kept).toEqual(sent.slice(0, kept.length))
    expect(kept.length).toBeLessThanOrEqual(10)
  })

  test('keep-latest: the last message of each topic stays', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionQueue: { ...limits, whenFull: 'keep-latest' } } })
    const sent = await fill(gateway, 50, 4)
    const kept = await empty(gateway, 50)
    expect(kept.slice(-4)).toEqual(sent.slice(-4))
    expect(kept).toEqual(sent.filter((payload) => kept.includes(payload)))
    expect(kept.length).toBeLessThanOrEqual(10)
    expect(gateway.counters.droppedQueueLimit).toBeGreaterThanOrEqual(40)
  })

  test('thin: what is left becomes sparser the older it is', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionQueue: { ...limits, whenFull: { thin: 2 } } } })
    const sent = await fill(gateway, 50)
    const kept = await empty(gateway, 50)
    const places = kept.map((payload) => sent.indexOf(payload))
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(places.slice(-3)).toEqual([47, 48, 49])
    expect(places[1]! - places[0]!).toBeGreaterThan(1)
    expect(50 - places[0]!).toBeGreaterThan(kept.length)
    expect(kept.length).toBeLessThanOrEqual(10)
  })

  test('bytes', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionQueue: { ...limits, countMax: 1e9, bytesMax: 2000 } } })
    const sent = await fill(gateway, 50)
    const kept = await empty(gateway, 50)
    expect(kept).toEqual(sent.slice(-kept.length))
    expect(kept.length).toBeLessThanOrEqual(20)
    expect(kept.length).toBeGreaterThan(5)
  })

  test('a full store refuses what must be kept with 0x97 in 5.0; nothing that was acknowledged is lost, and there is room again', async () => {
    await using gateway = await fullStore()
    const publisher = await gateway.connect(5)
    const last = 30
    const { counters } = gateway
    for (let i = 1; i <= last; i++) {
      publisher.publish('t', Buffer.alloc(10_000, i), { qos: 1, messageId: i })
      await until(() => counters.committedMessages + counters.refusedStoreFull === i, 'it to be kept or refused')
    }
    const acks = (await publisher.drain()) as Received<'puback'>[]
    const accepted = acks.filter((ack) => ack.reasonCode === 0).length
    expect(acks).toHaveLength(last)
    expect(acks.slice(accepted).every((ack) => ack.reasonCode === Reason.quotaExceeded)).toBe(true)
    expect(accepted).toBeGreaterThanOrEqual(5)
    expect(accepted).toBeLessThan(11)
    expect(gateway.counters.refusedStoreFull).toBe(last - accepted)
    const again = await takeAll(gateway, accepted)
    await gateway.pass(2)
    publisher.publish('t', 'fits', { qos: 1, messageId: 100 })
    await again.expect({ cmd: 'publish', payload: 'fits' })
  })

  test('[MQTT3-4.8.0-2] a full store gets no PUBACK in 3.1.1 and ends the connection: the client sends again after a reconnect, in order', async () => {
    await using gateway = await fullStore()
    const publisher = await gateway.connect(4)
    const { counters } = gateway
    let sent = 0
    while (counters.refusedStoreFull === 0) {
      sent++
      publisher.publish('t', Buffer.alloc(10_000, sent), { qos: 1, messageId: sent })
      await until(() => counters.committedMessages + counters.refusedStoreFull === sent, 'it to be kept or refused')
    }
    const accepted = (await publisher.untilClosed()).filter((packet) => packet.cmd === 'puback').length
    expect(accepted).toBe(sent - 1)
    const again = await takeAll(gateway, accepted)
    await gateway.pass(2)
    const returned = await gateway.connect(4)
    returned.publish('t', Buffer.alloc(10_000, sent), { qos: 1, messageId: sent, dup: true })
    await again.expect({ cmd: 'publish', payload: Buffer.alloc(10_000, sent) })
  })
})

/** A gateway whose store has room for few messages, with a session that keeps all of `t`. */
async function fullStore(): Promise<TestGateway> {
  const gateway = await TestGateway.start({ storeBytesMax: 100_000 })
  const client = await gateway.connect(5, KEPT)
  await client.subscribe('t', { qos: 1 })
  await client.cut()
  return gateway
}

/** The session comes back and takes what was kept. */
async function takeAll(gateway: TestGateway, count: number) {
  const again = await gateway.connect(5, KEPT, { sessionPresent: true })
  for (let i = 1; i <= count; i++) {
    const { messageId } = await again.expect({ cmd: 'publish', payload: Buffer.alloc(10_000, i) })
    again.send({ cmd: 'puback', messageId: messageId! })
  }
  await again.expectNothing()
  return again
}

describe('counts', () => {
  test.each(VERSIONS)('version %i: one subscription too many is refused in SUBACK; one that is known is still replaced', async (version) => {
    await using gateway = await TestGateway.start({ broker: { subscriptionsPerClientMax: 2 } })
    const client = await gateway.connect(version)
    const subscribe = (...topics: string[]): void => client.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 })) })
    const refused = version === 5 ? Reason.quotaExceeded : 0x80
    subscribe('a', 'b', 'c')
    await client.expect({ cmd: 'suback', granted: [1, 1, refused] })
    subscribe('c', 'a')
    await client.expect({ cmd: 'suback', granted: [refused, 1] })
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] })
    await client.expect({ cmd: 'unsuback' })
    await client.subscribe('c', { qos: 2 })
    expect(gateway.counters.refusedSubscriptions).toBe(2)
  })

  test.each(VERSIONS)('version %i: one SUBSCRIBE may not name more filters than a session may have, be it the same again and again', async (version) => {
    await using gateway = await TestGateway.start({ broker: { subscriptionsPerClientMax: 2 } })
    const client = await gateway.connect(version)
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: ['a', 'a', 'a'].map((topic) => ({ topic, qos: 1 })) })
    await client.expect({ cmd: 'suback', granted: [1, 1, version === 5 ? Reason.quotaExceeded : 0x80] })
    client.publish('a', 'x')
    await client.expect({ cmd: 'publish', topic: 'a' })
    await client.expectNothing()
  })

  test.each(VERSIONS)('version %i: one connection too many is closed and counted; there is room again when another leaves', async (version) => {
    await using gateway = await TestGateway.start({ broker: { connectionsMax: 2 } })
    const [first] = [await gateway.connect(version), await gateway.connect(version)]
    const third = await gateway.open(version)
    await third.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedConnections: 1, connectionsRefused: 1 })
    await first!.disconnect()
    await gateway.connect(version)
  })

  test.each(VERSIONS)('version %i: one session too many is refused; one that is known is resumed', async (version) => {
    await using gateway = await TestGateway.start({ broker: { sessionsMax: 2 } })
    const client = await gateway.connect(version, { ...KEPT })
    await client.disconnect()
    await gateway.connect(version, { clientId: 'two' })
    const third = await gateway.open(version)
    third.send(version === 5 ? '10 0e 0004 4d515454 05 02 0000 00 0001 33' : version === 4 ? '10 0d 0004 4d515454 04 02 0000 0001 33' : '10 0f 0006 4d5149736470 03 02 0000 0001 33')
    await third.expect({ cmd: 'connack', ...(version === 5 ? { reasonCode: Reason.quotaExceeded } : { returnCode: 3 }) })
    await third.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedSessions: 1, connectionsRefused: 1 })
    await gateway.connect(version, KEPT)
  })
})
