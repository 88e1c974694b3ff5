// SUBSCRIBE and UNSUBSCRIBE (MQTT 5.0 sections 3.8 to 3.11), topic filters (4.7), shared subscriptions (4.8).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { type Received, VERSIONS, type WireClient } from '../support/wire-client.ts'

const QOS = [0, 1, 2] as const

async function topicsReceived(client: WireClient): Promise<string[]> {
  return (await client.drain()).map((p) => (p as Received<'publish'>).topic.toString())
}

describe.each(VERSIONS)('version %i', (version) => {
  test('[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-2.2.1-6] SUBACK has the identifier, and one code per filter in their order', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    client.send({ cmd: 'subscribe', messageId: 0xabcd, subscriptions: [{ topic: 'a', qos: 2 }, { topic: 'b', qos: 0 }, { topic: '#', qos: 1 }] })
    await client.expectBytes(version === 5 ? '90 06 abcd 00 02 00 01' : '90 05 abcd 02 00 01')
  })

  test('[MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] UNSUBACK has the identifier, and in 5.0 one code per filter', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('a')
    await client.subscribe('b')
    client.send({ cmd: 'unsubscribe', messageId: 0xfffe, unsubscriptions: ['a', 'unknown', 'b'] })
    await client.expectBytes(version === 5 ? 'b0 06 fffe 00 00 11 00' : 'b0 02 fffe')
  })

  test('[MQTT-3.10.4-2] nothing comes after UNSUBSCRIBE', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('a/#')
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a/#'] })
    client.publish('a/b', 'x')
    await client.expect({ cmd: 'unsuback', messageId: 9 })
    await client.expectNothing()
  })

  test('[MQTT-3.10.4-1] filters to unsubscribe are compared literally', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('a/+')
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a/b', 'a/#', '#', 'A/+', '+/+'] })
    await client.expect({ cmd: 'unsuback', messageId: 9 })
    client.publish('a/b', 'x')
    await client.expect({ cmd: 'publish', topic: 'a/b' })
  })

  test.each(QOS)('[MQTT-3.10.4-3] a delivery that has started at QoS %i is completed after UNSUBSCRIBE', async (qos) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('a', { qos })
    const publisher = await gateway.connect(version)
    publisher.publish('a', 'x', { qos })
    const { messageId } = await client.expect({ cmd: 'publish', qos })
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a'] })
    await client.expect({ cmd: 'unsuback', messageId: 9 })
    if (qos === 1) client.send({ cmd: 'puback', messageId: messageId! })
    if (qos === 2) {
      client.send({ cmd: 'pubrec', messageId: messageId! })
      await client.expect({ cmd: 'pubrel', messageId: messageId! })
      client.send({ cmd: 'pubcomp', messageId: messageId! })
    }
    await client.expectNothing()
  })

  test('[MQTT-3.8.4-3] the same filter again replaces the subscription', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('a', { qos: 0 })
    await client.subscribe('a', { qos: 1 })
    client.publish('a', 'x', { qos: 1, messageId: 77 })
    await client.expectAll({ cmd: 'publish', qos: 1, payload: 'x' }, { cmd: 'puback', messageId: 77 })
    await client.expectNothing()
    expect(gateway.gateway.sessions.subscriptionCount).toBe(1)
  })

  test('[MQTT-3.8.4-8] a message comes with the lower of the published and the granted QoS', async () => {
    await using gateway = await TestGateway.start()
    const publisher = await gateway.connect(version)
    for (const granted of QOS) {
      const client = await gateway.connect(version)
      await client.subscribe(`t/${granted}`, { qos: granted })
      for (const qos of QOS) {
        publisher.publish(`t/${granted}`, `${qos}`, { qos })
        if (qos > 0) await publisher.expect({ cmd: qos === 1 ? 'puback' : 'pubrec' })
        await client.expect({ cmd: 'publish', payload: `${qos}`, qos: Math.min(qos, granted), dup: false })
      }
    }
  })

  test('[MQTT-3.3.4-2] overlapping subscriptions: one copy with the highest QoS', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('a/#', { qos: 0 })
    await client.subscribe('a/b', { qos: 2 })
    await client.subscribe('+/b', { qos: 1 })
    const publisher = await gateway.connect(version)
    publisher.publish('a/b', 'x', { qos: 2 })
    await client.expect({ cmd: 'publish', qos: 2 })
    await client.expectNothing()
  })

  test('[MQTT-4.7.3-3] topic and filter may be 65,535 bytes long where the limit allows it', async () => {
    await using gateway = await TestGateway.start({ broker: { topicBytesMax: 65_535 } })
    const client = await gateway.connect(version)
    const topic = `${'ü'.repeat(32_767)}/`
    await client.subscribe(topic)
    client.publish(topic, 'x')
    await client.expect({ cmd: 'publish', topic })
  })
})

describe('topic filters', () => {
  test.each([
    ['a', ['a'], ['A', 'a/', '/a', 'ab', 'a/b']],
    ['a/b', ['a/b'], ['a', 'a/b/', 'a/bc', 'a/B', 'b/a', 'a//b']],
    ['#', ['a', 'a/b', '/', '/a', 'a/', 'a//b', ' '], ['$a', '$a/b', '$SYS']],
    ['a/#', ['a', 'a/', 'a/b', 'a/b/c', 'a//'], ['ab', 'b/a', '/a', 'A/b']],
    ['/#', ['/', '/a', '//'], ['a', 'a/b']],
    ['+', ['a', ' ', 'ü'], ['a/', '/a', 'a/b', '/', '$a']],
    ['a/+', ['a/', 'a/b', 'a/$b'], ['a', 'a/b/c', 'ab/c']],
    ['+/b', ['a/b', '/b'], ['b', 'a/b/c', '$a/b']],
    ['a/+/c', ['a/b/c', 'a//c', 'a/$/c'], ['a/c', 'a/b/b/c', 'a/b/c/']],
    ['+/+', ['/', 'a/b', '/a'], ['a', 'a/b/c']],
    ['/+', ['/', '/a'], ['a', 'a/', '//']],
    ['+/a/#', ['b/a', 'b/a/', 'b/a/c/d', '/a'], ['a', 'b/c/a', '$b/a']],
    ['$a/#', ['$a', '$a/b', '$a/b/c'], ['a', 'a/b', '$b']],
    ['$a/+', ['$a/b'], ['$a', 'a/b']],
    ['a b/ c', ['a b/ c'], ['a b/c', 'ab/c']],
    ['\u00e9', ['\u00e9'], ['e\u0301', 'e']],
    ['\ufeffa', ['\ufeffa'], ['a']],
  ] as const)('[MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.2-1] [MQTT-4.7.3-4] [MQTT-3.3.2-3] %s', async (filter, reached, others) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    const publisher = await gateway.connect(5)
    await client.subscribe(filter)
    for (const topic of [...reached, ...others]) publisher.publish(topic, '')
    await publisher.expectNothing()
    expect(await topicsReceived(client)).toEqual(reached)
    // A subscription made after the topics were used must reach them as well, and its end must be seen.
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: [filter] })
    await client.expect({ cmd: 'unsuback', granted: [0] })
    for (const topic of reached) publisher.publish(topic, '')
    await publisher.expectNothing()
    expect(await topicsReceived(client)).toEqual([])
    await client.subscribe(filter)
    for (const topic of reached) publisher.publish(topic, '')
    await publisher.expectNothing()
    expect(await topicsReceived(client)).toEqual(reached)
  })
})

describe('5.0: subscription options', () => {
  test('[MQTT-3.8.3-3] No Local: not to the one who published, to everybody else', async () => {
    await using gateway = await TestGateway.start()
    const [one, two] = [await gateway.connect(5), await gateway.connect(5)]
    for (const client of [one, two]) await client.subscribe('t', { nl: true, qos: 1 })
    one.publish('t', 'from one', { qos: 1 })
    await one.expect({ cmd: 'puback' })
    await two.expect({ cmd: 'publish', payload: 'from one' })
    await one.expectNothing()
  })

  test('[MQTT-3.8.3-3] No Local on one of two filters does not silence the other', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('t', { nl: true, qos: 2, identifier: 1 })
    await client.subscribe('+', { nl: false, qos: 0, identifier: 2 })
    client.publish('t', 'x')
    await client.expect({ cmd: 'publish', payload: 'x', properties: { subscriptionIdentifier: 2 } })
    await client.expectNothing()
  })

  test('[MQTT-3.8.4-3] options are replaced with the subscription', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('t', { nl: true })
    client.publish('t', '1')
    await client.expectNothing()
    await client.subscribe('t', { nl: false, identifier: 5 })
    client.publish('t', '2')
    await client.expect({ cmd: 'publish', payload: '2', properties: { subscriptionIdentifier: 5 } })
    await client.subscribe('t', { nl: false })
    client.publish('t', '3')
    expect((await client.expect({ cmd: 'publish', payload: '3' })).properties?.subscriptionIdentifier).toBeUndefined()
  })
})

describe('5.0: shared subscriptions', () => {
  test('each message goes to one of the group, and to every ordinary subscriber', async () => {
    await using gateway = await TestGateway.start()
    const members = [await gateway.connect(5), await gateway.connect(5)]
    const ordinary = await gateway.connect(5)
    for (const member of members) await member.subscribe('$share/g/t/+')
    await ordinary.subscribe('t/+')
    const publisher = await gateway.connect(5)
    for (let i = 0; i < 10; i++) publisher.publish(`t/${i}`, '')
    await publisher.expectNothing()
    const got = await Promise.all(members.map(topicsReceived))
    expect(got.flat().sort()).toEqual(Array.from({ length: 10 }, (_, i) => `t/${i}`))
    expect(got.map((g) => g.length)).toEqual([5, 5])
    expect(await topicsReceived(ordinary)).toHaveLength(10)
  })

  test('groups of different names each get a copy; so do groups of one name on different filters', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    for (const filter of ['$share/g/t', '$share/h/t', '$share/g/+', 't']) await client.subscribe(filter)
    client.publish('t', '')
    const copies = await topicsReceived(client)
    expect(copies.length).toBeGreaterThanOrEqual(1)
    expect(copies.length).toBeLessThanOrEqual(4)
  })

  test('[MQTT-4.8.2-3] the member that is chosen gets its own QoS', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('$share/g/t', { qos: 1 })
    client.publish('t', 'x', { qos: 2, messageId: 1 })
    await client.expectAll({ cmd: 'publish', qos: 1 }, { cmd: 'pubrec', messageId: 1 })
  })

  test('a member that is online is preferred to one that is away', async () => {
    await using gateway = await TestGateway.start()
    const away = await gateway.connect(5, { clientId: 'away', expirySec: 100 })
    await away.subscribe('$share/g/t', { qos: 1 })
    await away.cut()
    const here = await gateway.connect(5)
    await here.subscribe('$share/g/t', { qos: 1 })
    const publisher = await gateway.connect(5)
    for (let i = 0; i < 4; i++) {
      publisher.publish('t', `${i}`, { qos: 1 })
      await publisher.expect({ cmd: 'puback' })
      await here.expect({ cmd: 'publish', payload: `${i}` })
    }
  })

  test('leaving the group by UNSUBSCRIBE', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('$share/g/t')
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['t', '$share/h/t', '$share/g/t'] })
    await client.expect({ cmd: 'unsuback', granted: [0x11, 0x11, 0] })
    client.publish('t', '')
    await client.expectNothing()
  })
})
