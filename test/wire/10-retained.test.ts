// Bounds of retained messages, and the topics that are the broker's own.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { connectPacket, type Received, VERSIONS, type WireClient } from '../support/wire-client.ts'

/** What a new subscription gets, by topic. */
async function retained(client: WireClient, filter = '#'): Promise<Record<string, string>> {
  await client.subscribe(filter)
  const packets = (await client.drain()) as Received<'publish'>[]
  return Object.fromEntries(packets.map((p) => [p.topic, p.payload.toString()]))
}

const BOUNDS = [
  ['count', { retainedMessagesMax: 2 }, 'c'],
  ['bytes', { retainedBytesMax: 20 }, 'c'.repeat(20)],
] as const

describe.each(BOUNDS)('5.0 at QoS 1 and 2: a retained message beyond the limit of %s', (_, broker, payload) => {
  test('is refused with 0x97: nobody gets it, what was there stays, and it is counted', async () => {
    await using gateway = await TestGateway.start({ broker })
    const [client, watcher] = [await gateway.connect(5), await gateway.connect(5)]
    for (const topic of ['a', 'b']) {
      client.publish(topic, 'x', { qos: 1, retain: true })
      await client.expect({ cmd: 'puback', reasonCode: 0 })
    }
    await watcher.subscribe('#', { rh: 2 })
    client.publish('c', payload, { qos: 1, retain: true, messageId: 5 })
    await client.expect({ cmd: 'puback', messageId: 5, reasonCode: Reason.quotaExceeded })
    client.publish('c', payload, { qos: 2, retain: true, messageId: 6 })
    await client.expect({ cmd: 'pubrec', messageId: 6, reasonCode: Reason.quotaExceeded })
    await watcher.expectNothing()
    expect(gateway.counters.retainedRefused).toBe(2)
    expect(await retained(client)).toEqual({ a: 'x', b: 'x' })
  })

  test('is taken when another has made room', async () => {
    await using gateway = await TestGateway.start({ broker })
    const client = await gateway.connect(5)
    for (const [topic, text, reasonCode] of [['a', 'x', 0], ['b', 'x', 0], ['c', payload, Reason.quotaExceeded], ['a', '', 0], ['b', '', 0], ['c', payload.slice(1), 0]] as const) {
      client.publish(topic, text, { qos: 1, retain: true })
      const { reasonCode: came } = await client.expect({ cmd: 'puback' })
      expect(came).toBe(reasonCode)
    }
  })

  test('without RETAIN it is an ordinary message', async () => {
    await using gateway = await TestGateway.start({ broker })
    const client = await gateway.connect(5)
    for (const topic of ['a', 'b']) client.publish(topic, 'x', { retain: true })
    client.publish('c', payload, { qos: 1 })
    await client.expect({ cmd: 'puback', reasonCode: 0 })
  })
})

describe('where the sender cannot be told', () => {
  const cases = VERSIONS.flatMap((version) => ([0, 1, 2] as const).filter((qos) => version !== 5 || qos === 0).map((qos) => [version, qos] as const))

  test.each(cases)('[MQTT3-3.3.1-7] version %i, QoS %i: it is delivered and not kept, and counted; what it should have replaced is out of date and goes', async (version, qos) => {
    await using gateway = await TestGateway.start({ broker: { retainedBytesMax: 20 }, store: 'sqlite' })
    const [client, watcher] = [await gateway.connect(version), await gateway.connect(version)]
    for (const topic of ['a', 'b']) client.publish(topic, 'old', { retain: true })
    await client.expectNothing()
    await watcher.subscribe('#')
    await watcher.expectAll({ cmd: 'publish', topic: 'a' }, { cmd: 'publish', topic: 'b' })
    client.publish('a', 'n'.repeat(20), { qos, retain: true, messageId: 9 })
    if (qos > 0) await client.expect({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: 9 })
    await watcher.expect({ cmd: 'publish', topic: 'a', payload: 'n'.repeat(20) })
    expect(gateway.counters.retainedRefused).toBe(1)
    expect(await retained(await gateway.connect(version))).toEqual({ b: 'old' })
    await gateway.restart()
    expect(await retained(await gateway.connect(version))).toEqual({ b: 'old' })
  })
})

test('what a lowered limit has no room for is counted, stays on flash, and is there again when the limit is raised', async () => {
  await using gateway = await TestGateway.start({ store: 'sqlite' })
  const client = await gateway.connect(5)
  for (const topic of ['a', 'b', 'c']) {
    client.publish(topic, 'x', { qos: 1, retain: true })
    await client.expect({ cmd: 'puback', reasonCode: 0 })
  }
  await gateway.restart(0, { retainedMessagesMax: 2 })
  expect(Object.keys(await retained(await gateway.connect(5)))).toHaveLength(2)
  expect(gateway.counters.retainedRefused).toBe(1)
  await gateway.restart(0, { retainedMessagesMax: 3 })
  expect(Object.keys(await retained(await gateway.connect(5)))).toHaveLength(3)
})

describe('$SYS', () => {
  test('what the broker publishes there does not count: all the room is for clients', async () => {
    await using gateway = await TestGateway.start({ broker: { retainedMessagesMax: 1, retainedBytesMax: 2, sysIntervalMs: 1000 } })
    await gateway.pass(1)
    const [client, watcher] = [await gateway.connect(5), await gateway.connect(5)]
    expect(Object.keys(await retained(watcher, '$SYS/#')).length).toBeGreaterThan(10)
    client.publish('a', 'x', { qos: 1, retain: true })
    await client.expect({ cmd: 'puback', reasonCode: 0 })
    await gateway.pass(1)
    expect(gateway.counters.retainedRefused).toBe(0)
    expect(await retained(client)).toEqual({ a: 'x' })
  })

  test.each(VERSIONS)('[MQTT-4.7.2-1] [MQTT3-3.3.5-2] version %i: a client’s message there is not taken, and counted', async (version) => {
    await using gateway = await TestGateway.start()
    const [client, watcher] = [await gateway.connect(version), await gateway.connect(version)]
    await watcher.subscribe('$SYS/fake', { qos: 2 })
    const refusal = version === 5 ? { reasonCode: Reason.notAuthorized } : {}
    client.publish('$SYS/fake', 'x', { retain: true })
    client.publish('$SYS/fake', 'x', { qos: 1, messageId: 1, retain: true })
    client.publish('$SYS/fake', 'x', { qos: 2, messageId: 2 })
    await client.expect({ cmd: 'puback', messageId: 1, ...refusal })
    await client.expect({ cmd: 'pubrec', messageId: 2, ...refusal })
    await watcher.expectNothing()
    expect(gateway.counters.refusedSysTopics).toBe(3)
    expect(await retained(client, '$SYS/fake')).toEqual({})
  })

  test.each(VERSIONS)('version %i: a client with a will there is refused', async (version) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(version)
    client.send(connectPacket(version, { will: { topic: '$SYS/broker/version', payload: 'x', retain: true } }))
    await client.expect({ cmd: 'connack', ...(version === 5 ? { reasonCode: Reason.notAuthorized } : { returnCode: 5 }) })
    await client.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedSysTopics: 1, connectionsRefused: 1 })
  })
})
