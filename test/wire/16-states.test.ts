// State that has to last, or to end, at the right moment: handshakes, identifiers, subscriptions, wills (MQTT 5.0 sections 3.8, 4.1, 4.3,
// 4.4, 4.6). And, said openly, what does not survive.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { connectPacket, VERSIONS, type WireClient } from '../support/wire-client.ts'

const KEPT = { clientId: 'kept', clean: false, expirySec: 1000 } as const
const WAYS = ['restart', 'crash'] as const

/** Publishes at QoS 1 and sees it acknowledged: then it is safe, and all before it. */
async function publishSafely(publisher: WireClient, topic: string, payload: string, options: object = {}): Promise<void> {
  const messageId = publisher.publish(topic, payload, { qos: 1, ...options })
  await publisher.expect({ cmd: 'puback', messageId })
}

describe.each(VERSIONS)('version %i', (version) => {
  test('[MQTT-4.6.0-4] PUBRELs leave in the order of the PUBRECs, and after a reconnect in the order of their messages', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(version)
    const ids: number[] = []
    for (const payload of ['a', 'b', 'c', 'd', 'e', 'f']) {
      publisher.publish('t', payload, { qos: 2 })
      ids.push((await client.expect({ cmd: 'publish', payload })).messageId!)
    }
    client.send(...ids.map((messageId) => ({ cmd: 'pubrec', messageId }) as const))
    for (const messageId of ids) await client.expect({ cmd: 'pubrel', messageId })
    await client.cut()
    const again = await gateway.connect(version, KEPT)
    for (const messageId of ids) await again.expect({ cmd: 'pubrel', messageId })
    await again.expectNothing()
  })

  test('[MQTT3-4.1.0-2] [MQTT-4.1.0-1] a session lasts as long as its connection, however long that is', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionExpirySecMax: 60 } })
    for (const options of [{ clientId: 'clean' }, { ...KEPT, expirySec: 10 }]) {
      const client = await gateway.connect(version, options)
      await client.subscribe('t', { qos: 1 })
      await gateway.pass(1000)
      const publisher = await gateway.connect(version)
      publisher.publish('t', 'x', { qos: 1 })
      await client.expect({ cmd: 'publish', payload: 'x' })
      await client.disconnect()
    }
  })

  test('[MQTT-3.3.1-3] [MQTT-4.3.1-1] a message that comes with DUP goes on without, at every QoS', async () => {
    await using gateway = await TestGateway.start()
    for (const qos of [0, 1, 2] as const) {
      const client = await gateway.connect(version)
      await client.subscribe('t', { qos })
      const publisher = await gateway.connect(version)
      publisher.publish('t', 'x', { qos: 2, dup: true })
      await client.expect({ cmd: 'publish', qos, dup: false })
      await client.disconnect()
    }
  })

  test('[MQTT-4.4.0-2] [MQTT-4.3.2-3] an answer of the wrong kind, or to nothing, settles nothing', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(version)
    publisher.publish('t', 'one', { qos: 1 })
    publisher.publish('t', 'two', { qos: 2 })
    const one = await client.expect({ cmd: 'publish', payload: 'one' })
    const two = await client.expect({ cmd: 'publish', payload: 'two' })
    client.send({ cmd: 'pubcomp', messageId: one.messageId! }, { cmd: 'puback', messageId: two.messageId! }, { cmd: 'puback', messageId: 0x7777 })
    await client.expectNothing()
    await client.cut()
    const again = await gateway.connect(version, KEPT)
    await again.expect({ cmd: 'publish', payload: 'one', dup: true })
    await again.expect({ cmd: 'publish', payload: 'two', dup: true })
    await again.expectNothing()
  })
})

describe('5.0: handshakes', () => {
  test('[MQTT-4.3.3-9] after a PUBREC that refuses, the identifier is new: the message that comes under it is delivered', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await gateway.connect(5)
    await watcher.subscribe('t')
    const client = await gateway.connect(5)
    client.publish('$SYS/x', 'refused', { qos: 2, messageId: 5 })
    await client.expect({ cmd: 'pubrec', messageId: 5, reasonCode: Reason.notAuthorized })
    client.publish('t', 'taken', { qos: 2, messageId: 5 })
    await client.expect({ cmd: 'pubrec', messageId: 5, reasonCode: 0 })
    client.publish('t', 'taken', { qos: 2, messageId: 5, dup: true })
    await client.expect({ cmd: 'pubrec', messageId: 5, reasonCode: 0 })
    await watcher.expect({ cmd: 'publish', payload: 'taken' })
    await watcher.expectNothing()
    client.send({ cmd: 'pubrel', messageId: 5 })
    await client.expect({ cmd: 'pubcomp', messageId: 5, reasonCode: 0 })
  })

  test('[MQTT-3.3.4-9] [MQTT-4.4.0-1] a smaller Receive Maximum after a reconnect holds for what is sent again', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(5)
    for (const payload of ['released', 'sent', 'more']) publisher.publish('t', payload, { qos: 2 })
    const released = await client.expect({ cmd: 'publish', payload: 'released' })
    const sent = await client.expect({ cmd: 'publish', payload: 'sent' })
    await client.expect({ cmd: 'publish', payload: 'more' })
    client.send({ cmd: 'pubrec', messageId: released.messageId! })
    await client.expect({ cmd: 'pubrel', messageId: released.messageId! })
    await client.cut()
    const again = await gateway.connect(5, { ...KEPT, properties: { receiveMaximum: 1 } })
    await again.expect({ cmd: 'pubrel', messageId: released.messageId! })
    await again.expectNothing()
    again.send({ cmd: 'pubcomp', messageId: released.messageId! })
    await again.expect({ cmd: 'publish', payload: 'sent', dup: true, messageId: sent.messageId! })
    await again.expectNothing()
  })

  test('[MQTT-3.1.2-25] [MQTT-4.4.0-1] what the client takes no more after a reconnect is taken as sent, at QoS 2 down to its PUBCOMP', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(5)
    publisher.publish('t', 'x'.repeat(500), { qos: 2 })
    const { messageId } = await client.expect({ cmd: 'publish' })
    await client.cut()
    const again = await gateway.connect(5, { ...KEPT, properties: { maximumPacketSize: 100 } })
    await again.expect({ cmd: 'pubrel', messageId }) // it may have the message, and would take the next under this identifier for it
    again.send({ cmd: 'pubcomp', messageId: messageId! })
    publisher.publish('t', 'fits', { qos: 2 })
    await again.expect({ cmd: 'publish', payload: 'fits', dup: false })
    expect(gateway.counters.droppedTooLarge).toBe(1)
  })
})

describe('5.0: subscriptions', () => {
  test('[MQTT-3.3.4-3] [MQTT-3.10.4-2] an identifier is gone with its subscription, those of others stay', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    for (const [filter, identifier] of [['a/b', 1], ['a/+', 2], ['#', 3]] as const) await client.subscribe(filter, { identifier })
    const publisher = await gateway.connect(5)
    publisher.publish('a/b', '')
    const all = await client.expect({ cmd: 'publish' })
    expect(all.properties!.subscriptionIdentifier).toEqual([1, 2, 3])
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a/+', '#'] })
    await client.expect({ cmd: 'unsuback' })
    publisher.publish('a/b', '')
    await client.expect({ cmd: 'publish', properties: { subscriptionIdentifier: 1 } })
  })

  test('[MQTT-3.8.4-3] [MQTT-3.8.4-4] nothing is lost or doubled while a subscription is replaced in a stream of messages', async () => {
    await using gateway = await TestGateway.start()
    for (const expirySec of [0, 100]) {
      const client = await gateway.connect(5, { clientId: `c${expirySec}`, expirySec })
      await client.subscribe('t', { qos: 1, rh: 2 })
      const publisher = await gateway.connect(5)
      const count = 60
      for (let i = 0; i < count; i++) {
        publisher.publish('t', `${i}`, { qos: 1, messageId: i + 1 })
        if (i % 10 === 5) client.send({ cmd: 'subscribe', messageId: 100 + i, subscriptions: [{ topic: 't', qos: 1, rh: 2 }] })
      }
      const payloads: string[] = []
      while (payloads.length < count) {
        const packet = await client.expectOneOf('publish', 'suback')
        if (packet.cmd === 'publish') payloads.push(packet.payload.toString())
      }
      expect(payloads).toEqual(Array.from({ length: count }, (_, i) => `${i}`))
      await client.disconnect()
    }
  })

  test('[MQTT-3.8.3-3] No Local holds for retained messages too: of its own the client gets none, on any of its connections', async () => {
    await using gateway = await TestGateway.start()
    const [client, other] = [await gateway.connect(5, KEPT), await gateway.connect(5)]
    await publishSafely(client, 't/own', 'x', { retain: true })
    await publishSafely(other, 't/other', 'x', { retain: true })
    await client.disconnect()
    const again = await gateway.connect(5, KEPT, { sessionPresent: true })
    for (const filter of ['t/own', 't/+']) await again.subscribe(filter, { nl: true })
    await again.expect({ cmd: 'publish', topic: 't/other', retain: true })
    await again.expectNothing()
    await again.subscribe('t/own', { nl: false })
    await again.expect({ cmd: 'publish', topic: 't/own', retain: true })
  })

  test('[MQTT-3.3.1-10] retain handling 1: a subscription that a session has kept is not new, after a reconnect and after a restart', async () => {
    await using gateway = await TestGateway.start({ store: 'sqlite' })
    const publisher = await gateway.connect(5)
    await publishSafely(publisher, 't', 'x', { retain: true })
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 1, rh: 1 })
    const { messageId } = await client.expect({ cmd: 'publish', retain: true })
    client.send({ cmd: 'puback', messageId: messageId! })
    await client.disconnect()
    const again = await gateway.connect(5, KEPT, { sessionPresent: true })
    await again.subscribe('t', { qos: 1, rh: 1 })
    await again.expectNothing()
    await gateway.restart()
    const third = await gateway.connect(5, KEPT, { sessionPresent: true })
    await third.subscribe('t', { qos: 1, rh: 1 })
    await third.expectNothing()
  })
})

describe.each(WAYS)('%s', (way) => {
  test('[MQTT-3.1.3-10] [MQTT-3.3.2-18] a will that waits on flash keeps its user properties in their order, across names', async () => {
    await using gateway = await TestGateway.start({ store: 'sqlite' })
    const watcher = await gateway.connect(5, { ...KEPT, clientId: 'watcher' })
    await watcher.subscribe('will', { qos: 1 })
    await watcher.disconnect()
    const client = await gateway.open(5)
    // Session expiry 1000; will at QoS 1 with a delay of 30, and user properties b=2, a=1, b=1
    const users = '26000162000132 26000161000131 26000162000131'.replaceAll(' ', '')
    const body = `00044d515454050e0000 05 11000003e8 000163 1a 180000001e ${users} 000477696c6c 0004676f6e65`.replaceAll(' ', '')
    client.send(`10 ${(body.length / 2).toString(16).padStart(2, '0')} ${body}`)
    await client.expect({ cmd: 'connack', reasonCode: 0 })
    await client.cut()
    await publishSafely(await gateway.connect(5), 'mark', 'x', { retain: true })
    await gateway[way]()
    await gateway.pass(31)
    const again = await gateway.connect(5, { ...KEPT, clientId: 'watcher' }, { sessionPresent: true })
    const { raw } = await again.expect({ cmd: 'publish', topic: 'will', payload: 'gone' })
    expect(raw.toString('hex')).toContain(users)
  })

  test('[MQTT-3.3.1-5] a retained message of a topic that starts with $ and is not the broker’s own is kept', async () => {
    await using gateway = await TestGateway.start({ store: 'sqlite' })
    await publishSafely(await gateway.connect(5), '$own/t', 'x', { retain: true })
    await gateway[way]()
    const client = await gateway.connect(5)
    await client.subscribe('$own/#')
    await client.expect({ cmd: 'publish', topic: '$own/t', payload: 'x', retain: true })
  })
})

test.each(WAYS)('[MQTT-3.3.2-5] a retained message that has expired makes room, also on flash over a %s', async (way) => {
  await using gateway = await TestGateway.start({ store: 'sqlite', broker: { retainedMessagesMax: 1 } })
  const client = await gateway.connect(5)
  for (const topic of ['a', 'b', 'c']) {
    await publishSafely(client, topic, 'x', { retain: true, properties: { messageExpiryInterval: 10 } })
    await gateway.pass(12)
  }
  await (await gateway.connect(5, KEPT)).subscribe('t') // its SUBACK says that all before it is on flash
  await gateway[way]()
  await publishSafely(await gateway.connect(5), 'd', 'x', { retain: true })
  expect(gateway.counters.retainedRefused).toBe(0)
})

describe('limits that are known', () => {
  test('the will of a session that ends with its connection is in memory only: an orderly stop publishes it, a kill does not', async () => {
    for (const [way, published] of [['restart', true], ['crash', false]] as const) {
      await using gateway = await TestGateway.start({ store: 'sqlite' })
      const watcher = await gateway.connect(5, KEPT)
      await watcher.subscribe('will', { qos: 1 })
      await watcher.disconnect()
      await gateway.connect(5, { clientId: 'c', will: { topic: 'will', payload: 'gone', qos: 1 } })
      await publishSafely(await gateway.connect(5), 'mark', 'x', { retain: true })
      await gateway[way]()
      const again = await gateway.connect(5, KEPT, { sessionPresent: true })
      if (published) await again.expect({ cmd: 'publish', topic: 'will', payload: 'gone' })
      else await again.expectNothing()
    }
  })

  test('QoS 2 reaches a session in memory before it is on flash for others: refused there, it has been delivered here all the same', async () => {
    await using gateway = await TestGateway.start({ storeBytesMax: 1 })
    const away = await gateway.connect(5, KEPT)
    await away.subscribe('t', { qos: 2 })
    await away.disconnect()
    const here = await gateway.connect(5)
    await here.subscribe('t', { qos: 2 })
    const publisher = await gateway.open(5)
    publisher.send(connectPacket(5))
    await publisher.expect({ cmd: 'connack' })
    publisher.publish('t', 'x'.repeat(1000), { qos: 2, messageId: 1 })
    await publisher.expect({ cmd: 'pubrec', messageId: 1, reasonCode: Reason.quotaExceeded })
    await here.expect({ cmd: 'publish', qos: 2, dup: false })
  })
})
