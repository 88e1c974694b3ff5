// Length and levels of topic names and topic filters.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import type { ListenerConfig, ListenerLimits } from '../../src/config/config.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { connectPacket, VERSIONS, WireClient } from '../support/wire-client.ts'

/** A listener beside the first one. */
function listener(limits: Partial<ListenerLimits>): ListenerConfig {
  return { kind: 'port', port: 0, host: '127.0.0.1', anonymous: true, tenant: '', tls: null, websocket: null, proxyProtocol: null, limits }
}

const LIMITS = { topicBytesMax: 20, topicLevelsMax: 4 } as const
const BEYOND = [
  ['too long', 'x'.repeat(21)],
  ['too long in UTF-8', 'ä'.repeat(11)],
  ['too deep', 'a/b/c/d/e'],
  ['too deep with nothing in its levels', '////'],
] as const

describe.each(VERSIONS)('version %i: a topic name', (version) => {
  test('of just the length and depth that are allowed is taken', async () => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const client = await gateway.connect(version)
    await client.subscribe('#')
    for (const topic of ['x'.repeat(20), 'ä'.repeat(10), 'a/b/c/d', '///']) {
      client.publish(topic, 'x')
      await client.expect({ cmd: 'publish', topic })
    }
    expect(gateway.counters.refusedTopics).toBe(0)
  })

  test.each(BEYOND)('%s, at QoS 0: the connection ends, and nobody gets the message', async (_, topic) => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const [client, watcher] = [await gateway.connect(version), await gateway.connect(version)]
    await watcher.subscribe('#')
    client.publish(topic, 'x', { retain: true })
    if (version === 5) await client.expect({ cmd: 'disconnect', reasonCode: Reason.topicNameInvalid })
    await client.expectClosed()
    await watcher.expectNothing()
    expect(gateway.counters.refusedTopics).toBe(1)
  })

  test.each(BEYOND)('%s, in a will: the client is refused', async (_, topic) => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const client = await gateway.open(version)
    client.send(connectPacket(version, { will: { topic, payload: 'x' } }))
    if (version === 5) await client.expect({ cmd: 'connack', reasonCode: Reason.topicNameInvalid })
    await client.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedTopics: 1, connectionsRefused: 1 })
  })

  test.each(BEYOND)('%s, as a filter: refused in SUBACK, the others are granted, and the connection stays', async (_, topic) => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const client = await gateway.connect(version)
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: ['a/b/c/#', topic, '+/+/+/+'].map((filter) => ({ topic: filter, qos: 1 })) })
    await client.expect({ cmd: 'suback', granted: [1, version === 5 ? Reason.topicFilterInvalid : 0x80, 1] })
    client.publish('a/b/c/d', 'x')
    await client.expect({ cmd: 'publish', topic: 'a/b/c/d' })
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [topic] })
    await client.expect({ cmd: 'unsuback', ...(version === 5 ? { granted: [Reason.noSubscriptionExisted] } : {}) })
    expect(gateway.counters.refusedTopics).toBe(1)
  })
})

describe.each([3, 4] as const)('version %i: a topic name at QoS 1 and 2', (version) => {
  test.each([1, 2] as const)('beyond a limit ends the connection: there is no code to refuse it by (QoS %i)', async (qos) => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const client = await gateway.connect(version)
    client.publish('a/b/c/d/e', 'x', { qos })
    await client.expectClosed()
    expect(gateway.counters.refusedTopics).toBe(1)
  })
})

describe('5.0: a topic name at QoS 1 and 2', () => {
  test.each(BEYOND)('[MQTT-3.4.2-1] [MQTT-3.5.2-1] %s is refused in the acknowledgement, and the connection stays', async (_, topic) => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const [client, watcher] = [await gateway.connect(5), await gateway.connect(5)]
    await watcher.subscribe('#', { qos: 2 })
    client.publish(topic, 'x', { qos: 1, messageId: 7 })
    await client.expect({ cmd: 'puback', messageId: 7, reasonCode: Reason.topicNameInvalid })
    client.publish(topic, 'x', { qos: 2, messageId: 8 })
    await client.expect({ cmd: 'pubrec', messageId: 8, reasonCode: Reason.topicNameInvalid })
    client.publish('ok', 'x', { qos: 1, messageId: 7 })
    await client.expect({ cmd: 'puback', messageId: 7, reasonCode: 0 })
    await watcher.expect({ cmd: 'publish', topic: 'ok' })
    expect(gateway.counters.refusedTopics).toBe(2)
  })

  test('[MQTT-4.3.3-9] a refused packet identifier is free at once: a new message under it is no duplicate', async () => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const client = await gateway.connect(5, { clientId: 'c', expirySec: 100 })
    await client.subscribe('ok', { qos: 2 })
    client.publish('a/b/c/d/e', 'x', { qos: 2, messageId: 8 })
    await client.expect({ cmd: 'pubrec', messageId: 8, reasonCode: Reason.topicNameInvalid })
    client.publish('ok', 'new', { qos: 2, messageId: 8 })
    await client.expectAll({ cmd: 'pubrec', messageId: 8, reasonCode: 0 }, { cmd: 'publish', payload: 'new' })
  })

  test('[MQTT-4.2-1] it is the same when the packet comes byte by byte', async () => {
    await using gateway = await TestGateway.start({ broker: { ...LIMITS, topicAliasMaximum: 5 } })
    const client = await gateway.connect(5)
    await client.trickle({ cmd: 'publish', topic: 'a/b/c/d/e', payload: 'x', qos: 2, messageId: 300, dup: false, retain: false, properties: { topicAlias: 1 } })
    await client.expect({ cmd: 'pubrec', messageId: 300, reasonCode: Reason.topicNameInvalid })
    await client.trickle({ cmd: 'publish', topic: '', payload: 'x', qos: 1, messageId: 301, dup: false, retain: false, properties: { topicAlias: 1 } })
    await client.expect({ cmd: 'puback', messageId: 301, reasonCode: Reason.topicNameInvalid })
    await client.expectNothing()
  })

  test('[MQTT-4.6.0-2] the refusal stands in its place among the acknowledgements', async () => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const keeper = await gateway.connect(5, { clientId: 'c', expirySec: 100 })
    await keeper.subscribe('ok', { qos: 1 })
    await keeper.cut()
    const client = await gateway.connect(5)
    const publish = (topic: string, messageId: number) => client.bytesOf({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId, dup: false, retain: false })
    client.send(publish('ok', 1), publish('a/b/c/d/e', 2), publish('ok', 3))
    for (const [messageId, reasonCode] of [[1, 0], [2, Reason.topicNameInvalid], [3, 0]]) await client.expect({ cmd: 'puback', messageId, reasonCode })
  })

  test('an alias of a refused topic is refused too, until it stands for another topic', async () => {
    await using gateway = await TestGateway.start({ broker: { ...LIMITS, topicAliasMaximum: 5 } })
    const client = await gateway.connect(5)
    const refused = { cmd: 'puback', reasonCode: Reason.topicNameInvalid } as const
    client.publish('ok', 'x', { qos: 1, properties: { topicAlias: 1 } })
    client.publish('a/b/c/d/e', 'x', { qos: 1, properties: { topicAlias: 1 } })
    client.publish('', 'x', { qos: 1, properties: { topicAlias: 1 } })
    await client.expect({ cmd: 'puback', reasonCode: 0 })
    await client.expect(refused)
    await client.expect(refused)
    client.publish('fine', 'x', { qos: 1, properties: { topicAlias: 1 } })
    client.publish('', 'x', { qos: 1, properties: { topicAlias: 1 } })
    await client.expect({ cmd: 'puback', reasonCode: 0 })
    await client.expect({ cmd: 'puback', reasonCode: 0 })
    client.publish('', 'x', { qos: 1, properties: { topicAlias: 2 } })
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.protocolError })
  })

  test.each([0, 1] as const)('an alias above the maximum ends the connection and is counted (QoS %i)', async (qos) => {
    await using gateway = await TestGateway.start({ broker: { topicAliasMaximum: 5 } })
    const client = await gateway.connect(5)
    client.publish('t', 'x', { qos, properties: { topicAlias: 6 } })
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.topicAliasInvalid })
    await client.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedTopicAliases: 1, refusedTopics: 0 })
  })

  test('[MQTT-3.3.4-7] refused messages count towards the receive maximum while their acknowledgement waits', async () => {
    await using gateway = await TestGateway.start({ broker: { ...LIMITS, receiveMaximum: 2 } })
    const keeper = await gateway.connect(5, { clientId: 'c', expirySec: 100 })
    await keeper.subscribe('ok', { qos: 1 })
    await keeper.cut()
    const client = await gateway.connect(5)
    const publish = (topic: string, messageId: number) => client.bytesOf({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId, dup: false, retain: false })
    client.send(publish('ok', 1), publish('a/b/c/d/e', 2), publish('a/b/c/d/e', 3))
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.receiveMaximumExceeded })
    await client.expectClosed()
    expect(gateway.counters.refusedReceiveMaximum).toBe(1)
  })

  test('what is malformed besides ends the connection all the same', async () => {
    await using gateway = await TestGateway.start({ broker: LIMITS })
    const client = await gateway.connect(5)
    client.send('32 1c 0015 787878787878787878787878787878787878787878 0001 02 01 02') // payload format indicator 2
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.protocolError })
    await client.expectClosed()
    expect(gateway.counters.refusedTopics).toBe(0)
  })
})

describe('listeners with limits of their own', () => {
  test('each keeps to its own, also for a topic that the other has made known', async () => {
    await using gateway = await TestGateway.start({ broker: { listeners: [listener({}), listener({ topicLevelsMax: 2 })] } })
    const wide = await gateway.connect(5)
    const narrow = await WireClient.open(gateway.gateway.ports[1]!, 5)
    narrow.send(connectPacket(5))
    await narrow.expect({ cmd: 'connack' })
    for (const [client, reasonCode] of [[wide, 0], [narrow, Reason.topicNameInvalid], [wide, 0], [narrow, Reason.topicNameInvalid]] as const) {
      client.publish('a/b/c', 'x', { qos: 1 })
      const { reasonCode: came } = await client.expect({ cmd: 'puback' })
      expect(came).toBe(reasonCode)
    }
    await narrow.cut()
  })

  test('a message for a narrow one’s client may have any topic: the limit is for what clients say', async () => {
    await using gateway = await TestGateway.start({ broker: { listeners: [listener({}), listener({ topicLevelsMax: 2 })] } })
    const narrow = await WireClient.open(gateway.gateway.ports[1]!, 5)
    narrow.send(connectPacket(5))
    await narrow.expect({ cmd: 'connack' })
    await narrow.subscribe('a/#')
    const wide = await gateway.connect(5)
    wide.publish('a/b/c/d', 'x')
    await narrow.expect({ cmd: 'publish', topic: 'a/b/c/d' })
    await narrow.cut()
  })
})

test('a limit that was lowered damages nothing of what was accepted before', async () => {
  await using gateway = await TestGateway.start({ store: 'sqlite' })
  const topic = 'a/b/c/d/e/f'
  const client = await gateway.connect(5, { clientId: 'c', expirySec: 1000, will: { topic, payload: 'will', properties: { willDelayInterval: 500 } } })
  await client.subscribe(topic, { qos: 1 })
  await client.cut()
  const publisher = await gateway.connect(5)
  publisher.publish(topic, 'kept', { qos: 1, retain: true })
  await publisher.expect({ cmd: 'puback', reasonCode: 0 })
  await gateway.restart(0, LIMITS)
  const again = await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 1000 }, { sessionPresent: true })
  await again.expect({ cmd: 'publish', topic, payload: 'kept' })
  again.publish(topic, 'new', { qos: 1 })
  await again.expect({ cmd: 'puback', reasonCode: Reason.topicNameInvalid })
})
