// How often a client may publish: in excess of that it is not read from for a while, and nothing is lost.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { type Received, VERSIONS, type WireClient } from '../support/wire-client.ts'

const RATE = 10
const LIMITED = { broker: { publishesPerSecondMax: RATE } }

function payloads(packets: readonly Received[]): string[] {
  return packets.filter((p) => p.cmd === 'publish').map((p) => p.payload.toString())
}

/** Publishes numbers, all in one write. */
function publishMany(client: WireClient, count: number, qos: 0 | 1 = 0): string[] {
  const list = Array.from({ length: count }, (_, i) => `${i}`)
  client.send(...list.map((payload, i) => ({ cmd: 'publish', topic: 't', payload, qos, dup: false, retain: false, ...(qos === 0 ? {} : { messageId: i + 1 }) }) as const))
  return list
}

describe.each(VERSIONS)('version %i', (version) => {
  test('at once as many as a second allows; the rest when there is room, all of it, in order', async () => {
    await using gateway = await TestGateway.start(LIMITED)
    const watcher = await gateway.connect(version)
    await watcher.subscribe('t')
    const publisher = await gateway.connect(version)
    const sent = publishMany(publisher, 35)
    const came: string[] = []
    const more = async (): Promise<number> => {
      const before = came.length
      came.push(...payloads(await watcher.drain()))
      return came.length - before
    }
    await until(async () => (await more()) >= 0 && came.length >= RATE, 'the first ones')
    expect(came).toHaveLength(RATE)
    expect(gateway.counters.delayedPublishRate).toBe(1)
    await gateway.pass(0.9)
    expect(await more()).toBe(0)
    for (const expected of [20, 30, 35]) {
      await gateway.pass(1.07)
      await more()
      expect(came).toHaveLength(expected)
    }
    expect(came).toEqual(sent)
    await publisher.expectNothing()
  })

  test('who stays below is never held up', async () => {
    await using gateway = await TestGateway.start(LIMITED)
    const publisher = await gateway.connect(version)
    for (let round = 0; round < 5; round++) {
      publishMany(publisher, RATE - 1)
      await publisher.expectNothing()
      await gateway.pass(1.07)
    }
    expect(gateway.counters.delayedPublishRate).toBe(0)
  })

  test('others are not disturbed, and what is for the one that waits still comes to it', async () => {
    await using gateway = await TestGateway.start(LIMITED)
    const busy = await gateway.connect(version)
    await busy.subscribe('for/busy')
    publishMany(busy, 30)
    await until(() => gateway.counters.delayedPublishRate === 1, 'it to be held up')
    const other = await gateway.connect(version)
    publishMany(other, RATE - 2)
    other.publish('for/busy', 'x')
    await other.expectNothing()
    await busy.expect({ cmd: 'publish', payload: 'x' })
    expect(gateway.counters.delayedPublishRate).toBe(1)
  })

  test('[MQTT-3.1.2-22] the keep alive does not end a connection for the time in which we did not read', async () => {
    await using gateway = await TestGateway.start({ broker: { publishesPerSecondMax: 1 } })
    const publisher = await gateway.connect(version, { keepalive: 1 })
    const sent = publishMany(publisher, 20, 1)
    const acks = await gateway.passUntil(publisher.drain(), 0.25)
    expect(acks).toHaveLength(sent.length)
    expect(gateway.counters.keepAliveTimeouts).toBe(0)
    await gateway.pass(3) // silent by itself now
    if (version === 5) await publisher.expect({ cmd: 'disconnect', reasonCode: Reason.keepAliveTimeout })
    await publisher.expectClosed()
  })

  test('other packets do not count', async () => {
    await using gateway = await TestGateway.start(LIMITED)
    const client = await gateway.connect(version)
    for (let i = 0; i < 3 * RATE; i++) await client.subscribe(`t/${i}`)
    for (let i = 0; i < 3 * RATE; i++) await client.expectNothing()
    expect(gateway.counters.delayedPublishRate).toBe(0)
  })

  test('a client that says goodbye behind its messages loses none of them, and leaves no will', async () => {
    await using gateway = await TestGateway.start(LIMITED)
    const watcher = await gateway.connect(version)
    await watcher.subscribe('#')
    const publisher = await gateway.connect(version, { will: { topic: 'will', payload: 'x' } })
    const sent = publishMany(publisher, 35)
    await gateway.passUntil(publisher.disconnect(), 0.25)
    expect(payloads(await watcher.drain())).toEqual(sent)
  })

  test('a client that leaves while it is held up is seen to leave', async () => {
    await using gateway = await TestGateway.start(LIMITED)
    const client = await gateway.connect(version)
    publishMany(client, 30)
    await until(() => gateway.counters.delayedPublishRate === 1, 'it to be held up')
    const gone = client.cut()
    await gateway.passUntil(gone)
    expect(gateway.counters.connectionsNow).toBe(0)
  })
})

test('refused messages count too: refusing costs as much as taking', async () => {
  await using gateway = await TestGateway.start({ broker: { publishesPerSecondMax: RATE, topicBytesMax: 16 } })
  const client = await gateway.connect(5)
  for (let i = 0; i < RATE + 5; i++) client.publish('x'.repeat(17), '', { qos: 1 })
  for (let i = 0; i < RATE; i++) await client.expect({ cmd: 'puback', reasonCode: Reason.topicNameInvalid })
  await until(() => gateway.counters.delayedPublishRate === 1, 'it to be held up')
  await gateway.pass(1.07)
  for (let i = 0; i < 5; i++) await client.expect({ cmd: 'puback', reasonCode: Reason.topicNameInvalid })
})

test('without a limit there is none', async () => {
  await using gateway = await TestGateway.start()
  const client = await gateway.connect(5)
  publishMany(client, 20_000)
  await client.expectNothing()
  expect(gateway.counters).toMatchObject({ publishReceived: 20_000, delayedPublishRate: 0 })
})
