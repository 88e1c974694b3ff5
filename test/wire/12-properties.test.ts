// Properties of MQTT 5.0: what is forwarded unaltered, what is for one hop only (sections 2.2.2, 3.3.2.3).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import type { Received, WireClient } from '../support/wire-client.ts'

const KEPT = { clientId: 'kept', clean: false, expirySec: 1000 } as const

/** The bytes of a PUBLISH to "t" with these properties, in hex. */
function publishBytes(properties: string, payload: string, qos: 0 | 1 | 2 = 0, messageId = 0, dup = false): string {
  const plain = properties.replaceAll(/\s/g, '')
  const identifier = qos === 0 ? '' : messageId.toString(16).padStart(4, '0')
  const rest = `000174${identifier}${(plain.length / 2).toString(16).padStart(2, '0')}${plain}${Buffer.from(payload).toString('hex')}`
  return `3${((dup ? 8 : 0) | (qos << 1)).toString(16)}${(rest.length / 2).toString(16).padStart(2, '0')}${rest}`
}

// user b=2, content type "c", user a=1, user b=1, correlation data 78ff00, user ""="", payload format 1, response topic "r", user b=2
const FORWARDED = '26000162000132 03000163 26000161000131 26000162000131 09000378ff00 2600000000 0101 08000172 26000162000132'

describe('[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] forwarded to the bit, in the order they came', () => {
  test.each([0, 1, 2] as const)('QoS %i, live', async (qos) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('t', { qos })
    const publisher = await gateway.connect(5)
    publisher.send(publishBytes(FORWARDED, 'x', qos, 5))
    await client.expectBytes(publishBytes(FORWARDED, 'x', qos, 1))
  })

  test.each([1, 2] as const)('QoS %i, from the queue of a session that was away, and once more after a break', async (qos) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos })
    await client.cut()
    const publisher = await gateway.connect(5)
    publisher.send(publishBytes(FORWARDED, 'x', qos, 5))
    await publisher.expect({ cmd: qos === 1 ? 'puback' : 'pubrec' })
    const again = await gateway.connect(5, KEPT)
    await again.expectBytes(publishBytes(FORWARDED, 'x', qos, 1))
    await again.cut()
    const third = await gateway.connect(5, KEPT)
    await third.expectBytes(publishBytes(FORWARDED, 'x', qos, 1, true))
  })

  test('retained', async () => {
    await using gateway = await TestGateway.start()
    const publisher = await gateway.connect(5)
    const bytes = publishBytes(FORWARDED, 'x').replace(/^30/, '31')
    publisher.send(bytes)
    await publisher.subscribe('t')
    await publisher.expectBytes(bytes)
  })

  test('a payload that is not what its format says is not the broker’s to judge', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('t')
    client.publish('t', Buffer.of(0xff, 0xfe), { properties: { payloadFormatIndicator: true } })
    await client.expect({ cmd: 'publish', payload: Buffer.of(0xff, 0xfe), properties: { payloadFormatIndicator: true } })
  })

  test('[MQTT-2.2.2-1] from 3.1.1 there are none: a property length of 0', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(4)
    publisher.publish('t', 'x', { qos: 1 })
    await client.expectBytes('32 07 0001 74 0001 00 78')
  })

  test('user properties of CONNECT, SUBSCRIBE, UNSUBSCRIBE, the acknowledgements and DISCONNECT are read over', async () => {
    await using gateway = await TestGateway.start()
    const userProperties = { a: ['1', '2'] }
    const client = await gateway.connect(5, { properties: { userProperties } })
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 1 }], properties: { userProperties } })
    await client.expect({ cmd: 'suback' })
    client.publish('t', 'x', { qos: 1, messageId: 9 })
    const [publish] = await client.expectAll({ cmd: 'publish' }, { cmd: 'puback' })
    client.send({ cmd: 'puback', messageId: publish!.messageId!, reasonCode: 0, properties: { reasonString: 'thanks', userProperties } })
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['t'], properties: { userProperties } })
    await client.expect({ cmd: 'unsuback' })
    client.send({ cmd: 'disconnect', reasonCode: 0, properties: { userProperties } })
    await client.expectClosed()
  })
})

describe('message expiry', () => {
  test('[MQTT-3.3.2-6] forwarded at once it is what it was, counted from its arrival', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('t')
    client.publish('t', 'x', { properties: { messageExpiryInterval: 60 } })
    await client.expect({ cmd: 'publish', properties: { messageExpiryInterval: 60 } })
    client.publish('t', 'x', { properties: { messageExpiryInterval: 0xffff_ffff } })
    await client.expect({ cmd: 'publish', properties: { messageExpiryInterval: 0xffff_ffff } })
  })

  test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] behind the quota of a receiver it goes on counting', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { properties: { receiveMaximum: 1 } })
    await client.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(5)
    for (const [payload, sec] of [['first', 1000], ['short', 10], ['long', 100]] as const) publisher.publish('t', payload, { qos: 1, properties: { messageExpiryInterval: sec } })
    const { messageId } = await client.expect({ cmd: 'publish', payload: 'first', properties: { messageExpiryInterval: 1000 } })
    await publisher.drain()
    await gateway.pass(30)
    client.send({ cmd: 'puback', messageId: messageId! })
    await client.expect({ cmd: 'publish', payload: 'long', properties: { messageExpiryInterval: 70 } })
    await client.expectNothing()
    expect(gateway.counters.droppedExpired).toBe(1)
  })

  test.each([1, 2] as const)('[MQTT-4.3.3-7] [MQTT-4.4.0-1] once it was sent at QoS %i it is sent again, even after its expiry', async (qos) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { ...KEPT, properties: { receiveMaximum: 2 } })
    await client.subscribe('t', { qos })
    const publisher = await gateway.connect(5)
    for (const payload of ['first', 'second', 'waits']) publisher.publish('t', payload, { qos, properties: { messageExpiryInterval: 10 } })
    const sent = [await client.expect({ cmd: 'publish', payload: 'first' }), await client.expect({ cmd: 'publish', payload: 'second' })]
    await publisher.drain()
    await client.cut()
    await gateway.pass(5)
    const again = await gateway.connect(5, { ...KEPT, properties: { receiveMaximum: 2 } })
    await again.expect({ cmd: 'publish', payload: 'first', dup: true, messageId: sent[0]!.messageId, properties: { messageExpiryInterval: 5 } })
    await again.cut()
    await gateway.pass(20)
    const third = await gateway.connect(5, KEPT)
    for (const [i, payload] of ['first', 'second'].entries()) {
      await third.expect({ cmd: 'publish', payload, dup: true, messageId: sent[i]!.messageId, properties: { messageExpiryInterval: 0 } })
    }
    await third.expectNothing()
    expect(gateway.counters.droppedExpired).toBe(1)
  })
})

describe('topic aliases in', () => {
  async function pair(topicAliasMaximum = 4): Promise<{ gateway: TestGateway; publisher: WireClient; watcher: WireClient }> {
    const gateway = await TestGateway.start({ broker: { topicAliasMaximum } })
    const watcher = await gateway.connect(5)
    await watcher.subscribe('#')
    return { gateway, publisher: await gateway.connect(5), watcher }
  }

  test('[MQTT-3.3.2-12] [MQTT-3.3.2-10] all up to the maximum, at every QoS, and set anew', async () => {
    const { gateway, publisher, watcher } = await pair()
    await using _ = gateway
    for (let topicAlias = 1; topicAlias <= 4; topicAlias++) publisher.publish(`t/${topicAlias}`, 'set', { properties: { topicAlias } })
    for (const qos of [0, 1, 2] as const) publisher.publish('', `${qos}`, { qos, properties: { topicAlias: 4 } })
    publisher.publish('u', 'moved', { properties: { topicAlias: 4 } })
    publisher.publish('', 'there', { properties: { topicAlias: 4 } })
    publisher.publish('', 'still', { properties: { topicAlias: 1 } })
    for (const [topic, payload] of [['t/1', 'set'], ['t/2', 'set'], ['t/3', 'set'], ['t/4', 'set'], ['t/4', '0'], ['t/4', '1'], ['t/4', '2'], ['u', 'moved'], ['u', 'there'], ['t/1', 'still']]) {
      const { properties } = await watcher.expect({ cmd: 'publish', topic, payload })
      expect(properties?.topicAlias).toBeUndefined() // an alias is for one hop
    }
  })

  test('[MQTT-3.3.2-7] they end with the connection', async () => {
    const { gateway, watcher } = await pair()
    await using _ = gateway
    const first = await gateway.connect(5, KEPT)
    first.publish('t', 'x', { properties: { topicAlias: 1 } })
    await watcher.expect({ cmd: 'publish', topic: 't' })
    await first.disconnect()
    const second = await gateway.connect(5, KEPT)
    second.publish('', 'x', { properties: { topicAlias: 1 } })
    await second.expect({ cmd: 'disconnect', reasonCode: Reason.protocolError })
    await second.expectClosed()
    await watcher.expectNothing()
  })

  test.each([
    ['0', 4, '30 07 0001 74 03 230000', Reason.topicAliasInvalid],
    ['above the maximum', 4, '30 07 0001 74 03 230005', Reason.topicAliasInvalid],
    ['any, where the maximum is 0', 0, '30 07 0001 74 03 230001', Reason.topicAliasInvalid],
    ['none set, and no topic', 4, '30 03 0000 00', Reason.protocolError],
  ])('[MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.2.2-17] [MQTT-3.2.2-18] alias %s', async (_name, maximum, bytes, reasonCode) => {
    const { gateway, publisher, watcher } = await pair(maximum)
    await using _ = gateway
    publisher.send(bytes)
    await publisher.expect({ cmd: 'disconnect', reasonCode })
    await publisher.expectClosed()
    await watcher.expectNothing()
  })
})

describe('topic aliases out', () => {
  test('[MQTT-3.1.2-26] [MQTT-3.3.2-11] the first topics get one each, up to the client’s maximum; then their names are left out, and no other topic of the circle pushes them out', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { properties: { topicAliasMaximum: 2 } })
    await client.subscribe('topic/+', { qos: 1 })
    const publisher = await gateway.connect(5)
    const aliasOf = new Map<number, string>()
    let short = 0
    for (let i = 0; i < 12; i++) {
      const topic = `topic/${i % 3}`
      publisher.publish(topic, `${i}`, { qos: (i % 2) as 0 | 1 })
      if (i % 2 === 1) await publisher.expect({ cmd: 'puback' })
      const came: Received<'publish'> = await client.expect({ cmd: 'publish', payload: `${i}` })
      const alias = came.properties?.topicAlias ?? 0
      if (alias > 0 && came.topic !== '') aliasOf.set(alias, came.topic.toString())
      expect(came.topic === '' ? aliasOf.get(alias) : came.topic).toBe(topic)
      if (i >= 3 && came.topic === '') short++
    }
    expect([...aliasOf]).toEqual([[1, 'topic/0'], [2, 'topic/1']])
    expect(short).toBe(6) // two topics of three, the last three times
  })

  test.each([undefined, 0])('[MQTT-3.1.2-27] none when the maximum is %s', async (topicAliasMaximum) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { properties: topicAliasMaximum === undefined ? {} : { topicAliasMaximum } })
    await client.subscribe('t')
    for (let i = 0; i < 3; i++) {
      client.publish('t', 'x')
      await client.expectBytes('30 05 0001 74 00 78')
    }
  })

  test('[MQTT-3.3.2-7] [MQTT-4.4.0-1] after a reconnect they start anew: what is sent again has its topic', async () => {
    await using gateway = await TestGateway.start()
    const asked = { ...KEPT, properties: { topicAliasMaximum: 2 } }
    const client = await gateway.connect(5, asked)
    await client.subscribe('topic', { qos: 1 })
    const publisher = await gateway.connect(5)
    for (const payload of ['1', '2']) publisher.publish('topic', payload, { qos: 1 })
    await client.expect({ cmd: 'publish', topic: 'topic', payload: '1', properties: { topicAlias: 1 } })
    await client.expect({ cmd: 'publish', topic: '', payload: '2', properties: { topicAlias: 1 } })
    await client.cut()
    const again = await gateway.connect(5, asked)
    await again.expect({ cmd: 'publish', topic: 'topic', payload: '1', dup: true, properties: { topicAlias: 1 } })
    await again.expect({ cmd: 'publish', topic: '', payload: '2', dup: true, properties: { topicAlias: 1 } })
  })
})

describe('subscription identifiers', () => {
  test.each([1, 127, 128, 16_384, 268_435_455])('%i comes back with the messages', async (identifier) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('t', { qos: 1, identifier })
    const publisher = await gateway.connect(5)
    for (const qos of [0, 1] as const) {
      publisher.publish('t', 'x', { qos })
      await client.expect({ cmd: 'publish', qos, properties: { subscriptionIdentifier: identifier } })
    }
  })

  test('[MQTT-3.3.4-3] [MQTT-3.3.4-4] overlapping subscriptions: one copy with all of them', async () => {
    await using gateway = await TestGateway.start()
    for (const expirySec of [0, 100]) {
      const client = await gateway.connect(5, { clientId: `c${expirySec}`, expirySec })
      for (const [filter, identifier] of [['a/b', 30], ['a/+', 10], ['#', 20]] as const) await client.subscribe(filter, { qos: 1, identifier })
      await client.subscribe('+/b', { qos: 1 }) // has none
      const publisher = await gateway.connect(5)
      publisher.publish('a/b', 'x', { qos: 1 })
      const { properties } = await client.expect({ cmd: 'publish', payload: 'x' })
      expect((properties!.subscriptionIdentifier as unknown as number[]).toSorted((a, b) => a - b)).toEqual([10, 20, 30])
      await client.expectNothing()
    }
  })

  test('they stand with the publisher’s properties, and every receiver has its own', async () => {
    await using gateway = await TestGateway.start()
    const [one, two, none] = [await gateway.connect(5), await gateway.connect(5), await gateway.connect(5)]
    await one.subscribe('t', { identifier: 1 })
    await two.subscribe('t', { identifier: 2 })
    await none.subscribe('t')
    const publisher = await gateway.connect(5)
    publisher.send(publishBytes(FORWARDED, 'x'))
    await one.expectBytes(publishBytes(`0b01 ${FORWARDED}`, 'x'))
    await two.expectBytes(publishBytes(`0b02 ${FORWARDED}`, 'x'))
    await none.expectBytes(publishBytes(FORWARDED, 'x'))
  })

  test('retained messages and queues carry them too', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    client.publish('t', 'retained', { retain: true })
    await client.subscribe('t', { qos: 1, identifier: 77 })
    await client.expect({ cmd: 'publish', payload: 'retained', properties: { subscriptionIdentifier: 77 } })
    await client.cut()
    const publisher = await gateway.connect(5)
    publisher.publish('t', 'queued', { qos: 1 })
    await publisher.expect({ cmd: 'puback' })
    const again = await gateway.connect(5, KEPT)
    await again.expect({ cmd: 'publish', payload: 'queued', properties: { subscriptionIdentifier: 77 } })
  })

  test('a receiver of 3.1.1 gets none of it', async () => {
    await using gateway = await TestGateway.start()
    const five = await gateway.connect(5, KEPT)
    await five.subscribe('t', { qos: 1, identifier: 9 })
    await five.cut()
    const publisher = await gateway.connect(5)
    publisher.send(publishBytes(FORWARDED, 'x', 1, 5))
    await publisher.expect({ cmd: 'puback' })
    const four = await gateway.connect(4, KEPT)
    await four.expectBytes('32 06 0001 74 0001 78')
  })
})
