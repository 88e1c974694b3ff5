// Sessions: how long they live, what they keep, how it is delivered again (MQTT 5.0 sections 3.1.2.4, 3.1.2.11, 4.1, 4.4).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { type Received, VERSIONS, type WireClient } from '../support/wire-client.ts'

const KEPT = { clientId: 'kept', clean: false, expirySec: 100 } as const

/** Publishes at QoS 1 or 2 and sees each acknowledged. */
async function publishAll(publisher: WireClient, topic: string, payloads: readonly string[], qos: 1 | 2 = 1): Promise<void> {
  for (const payload of payloads) {
    const messageId = publisher.publish(topic, payload, { qos })
    await publisher.expect({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId })
    if (qos === 1) continue
    publisher.send({ cmd: 'pubrel', messageId })
    await publisher.expect({ cmd: 'pubcomp', messageId })
  }
}

describe.each(VERSIONS)('version %i', (version) => {
  test('[MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT-3.1.2-5] [MQTT3-3.1.2-5] a persistent session keeps its subscriptions and what came for it at QoS 1 and 2', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('one', { qos: 1 })
    await client.subscribe('two', { qos: 2 })
    await client.disconnect()
    const publisher = await gateway.connect(version)
    await publishAll(publisher, 'one', ['a', 'b'])
    await publishAll(publisher, 'two', ['c', 'd'], 2)
    const again = await gateway.connect(version, KEPT, version === 3 ? {} : { sessionPresent: true })
    for (const [topic, payload, qos] of [['one', 'a', 1], ['one', 'b', 1], ['two', 'c', 2], ['two', 'd', 2]] as const) {
      await again.expect({ cmd: 'publish', topic, payload, qos, dup: false })
    }
    publisher.publish('one', 'live', { qos: 1 })
    await again.expect({ cmd: 'publish', payload: 'live' })
  })

  test('a clean session keeps nothing', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, { clientId: 'c' })
    await client.subscribe('t', { qos: 1 })
    await client.cut()
    expect(gateway.gateway.sessions.count).toBe(0)
    const publisher = await gateway.connect(version)
    await publishAll(publisher, 't', ['lost'])
    const again = await gateway.connect(version, { ...KEPT, clientId: 'c' }, { sessionPresent: false })
    publisher.publish('t', 'too')
    await publisher.expectNothing()
    await again.expectNothing()
  })

  test('[MQTT-3.1.2-4] a clean start throws a kept session away, its queue and subscriptions too', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 1 })
    await client.disconnect()
    const publisher = await gateway.connect(version)
    await publishAll(publisher, 't', ['lost'])
    const clean = await gateway.connect(version, { clientId: 'kept', clean: true }, { sessionPresent: false })
    await publishAll(publisher, 't', ['too'])
    await clean.expectNothing()
    await clean.disconnect()
    const again = await gateway.connect(version, KEPT, { sessionPresent: false })
    await again.subscribe('mark', { qos: 1 })
    await publishAll(publisher, 'mark', ['the first that comes'])
    await again.expect({ cmd: 'publish', payload: 'the first that comes' })
  })

  test('[MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT-4.6.0-1] QoS 1 that was not acknowledged comes again: same identifiers, same order, with DUP; then the rest, without', async () => {
    await using gateway = await TestGateway.start({ broker: { receiveMaximum: 3 } })
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(version)
    await publishAll(publisher, 't', ['1', '2', '3', '4', '5'])
    const first: Received<'publish'>[] = []
    for (const payload of ['1', '2', '3']) first.push(await client.expect({ cmd: 'publish', payload, dup: false }))
    client.send({ cmd: 'puback', messageId: first[1]!.messageId! }) // 1 and 3 are left
    const four = await client.expect({ cmd: 'publish', payload: '4', dup: false })
    await client.cut()
    const again = await gateway.connect(version, KEPT)
    await again.expect({ cmd: 'publish', payload: '1', dup: true, messageId: first[0]!.messageId })
    await again.expect({ cmd: 'publish', payload: '3', dup: true, messageId: first[2]!.messageId })
    await again.expect({ cmd: 'publish', payload: '4', dup: true, messageId: four.messageId })
    await again.expectNothing()
    again.send({ cmd: 'puback', messageId: first[0]!.messageId! })
    await again.expect({ cmd: 'publish', payload: '5', dup: false })
  })

  test('[MQTT-4.4.0-1] [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6] QoS 2: PUBLISH again before PUBREC, PUBREL again after it', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(version)
    await publishAll(publisher, 't', ['recorded', 'sent'], 2)
    const recorded = await client.expect({ cmd: 'publish', payload: 'recorded', qos: 2 })
    const sent = await client.expect({ cmd: 'publish', payload: 'sent', qos: 2 })
    client.send({ cmd: 'pubrec', messageId: recorded.messageId! })
    await client.expect({ cmd: 'pubrel', messageId: recorded.messageId! })
    await client.cut()
    const again = await gateway.connect(version, KEPT)
    await again.expect({ cmd: 'pubrel', messageId: recorded.messageId! })
    await again.expect({ cmd: 'publish', payload: 'sent', qos: 2, dup: true, messageId: sent.messageId })
    await again.expectNothing()
    again.send({ cmd: 'pubcomp', messageId: recorded.messageId! }, { cmd: 'pubrec', messageId: sent.messageId! })
    await again.expect({ cmd: 'pubrel', messageId: sent.messageId! })
    again.send({ cmd: 'pubcomp', messageId: sent.messageId! })
    await again.expectNothing()
    await again.cut()
    const third = await gateway.connect(version, KEPT)
    await third.expectNothing()
  })

  test('[MQTT-4.4.0-1] nothing is sent again on the same connection', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(version)
    publisher.publish('t', 'x', { qos: 1 })
    await client.expect({ cmd: 'publish', payload: 'x' })
    await gateway.pass(3600)
    await client.expectNothing()
  })

  test('[MQTT-4.3.3-10] [MQTT-4.3.3-13] QoS 2 in: an identifier taken before the connection broke is still a duplicate after it', async () => {
    await using gateway = await TestGateway.start()
    const receiver = await gateway.connect(version)
    await receiver.subscribe('t')
    const publisher = await gateway.connect(version, KEPT)
    publisher.publish('t', 'once', { qos: 2, messageId: 3 })
    await publisher.expect({ cmd: 'pubrec', messageId: 3 })
    await publisher.cut()
    const again = await gateway.connect(version, KEPT)
    again.publish('t', 'once', { qos: 2, messageId: 3, dup: true })
    await again.expect({ cmd: 'pubrec', messageId: 3 })
    again.send({ cmd: 'pubrel', messageId: 3 })
    await again.expect({ cmd: 'pubcomp', messageId: 3 })
    await receiver.expect({ cmd: 'publish', payload: 'once' })
    await receiver.expectNothing()
  })

  test('[MQTT-3.1.4-3] take-over in mid-flow: the new connection goes on where the old one stood', async () => {
    await using gateway = await TestGateway.start({ broker: { receiveMaximum: 10 } })
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(version)
    const payloads = Array.from({ length: 30 }, (_, i) => `${i}`)
    await publishAll(publisher, 't', payloads)
    const ids = []
    for (let i = 0; i < 10; i++) ids.push((await client.expect({ cmd: 'publish', payload: `${i}` })).messageId!)
    for (const messageId of ids.slice(0, 5)) client.send({ cmd: 'puback', messageId })
    for (let i = 10; i < 15; i++) await client.expect({ cmd: 'publish', payload: `${i}`, dup: false })
    const young = await gateway.connect(version, KEPT)
    if (version === 5) await client.expect({ cmd: 'disconnect', reasonCode: Reason.sessionTakenOver })
    await client.expectClosed()
    for (let i = 5; i < 30; i++) {
      const { messageId } = await young.expect({ cmd: 'publish', payload: `${i}`, dup: i < 15 })
      young.send({ cmd: 'puback', messageId: messageId! })
    }
    await young.expectNothing()
  })

  test('a queue much longer than what is kept in memory comes in order', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 1 })
    await client.cut()
    const publisher = await gateway.connect(version)
    const count = 5000
    for (let i = 0; i < count; i++) publisher.publish('t', `${i}`.padEnd(100), { qos: 1, messageId: 1 + (i % 60_000) })
    for (let i = 0; i < count; i++) await publisher.expect({ cmd: 'puback' })
    const again = await gateway.connect(version, KEPT)
    for (let i = 0; i < count; i++) {
      const { messageId } = await again.expect({ cmd: 'publish', payload: `${i}`.padEnd(100) })
      again.send({ cmd: 'puback', messageId: messageId! })
      if (i === 2500) publisher.publish('t', 'live', { qos: 1, messageId: 1 })
    }
    await again.expect({ cmd: 'publish', payload: 'live' })
  })

  test('QoS 0 is not kept for a client that is away', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 2 })
    await client.cut()
    const publisher = await gateway.connect(version)
    publisher.publish('t', 'zero')
    await publishAll(publisher, 't', ['one'])
    const again = await gateway.connect(version, KEPT)
    await again.expect({ cmd: 'publish', payload: 'one' })
  })

  test('UNSUBSCRIBE is remembered', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 1 })
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['t'] })
    await client.expect({ cmd: 'unsuback' })
    await client.subscribe('u', { qos: 1 })
    await client.disconnect()
    const publisher = await gateway.connect(version)
    await publishAll(publisher, 't', ['no'])
    await publishAll(publisher, 'u', ['yes'])
    const again = await gateway.connect(version, KEPT)
    await again.expect({ cmd: 'publish', payload: 'yes' })
  })
})

describe('3.1.1: clean session 0', () => {
  test.each([3, 4] as const)('version %i: a session without an end, up to the configured maximum', async (version) => {
    await using gateway = await TestGateway.start({ broker: { sessionExpirySecMax: 86_400 } })
    const client = await gateway.connect(version, KEPT)
    await client.disconnect()
    await gateway.pass(86_398)
    expect(gateway.gateway.sessions.count).toBe(1)
    await gateway.pass(3)
    expect(gateway.gateway.sessions.count).toBe(0)
  })
})

describe('5.0: session expiry', () => {
  test('[MQTT-4.1.0-2] [MQTT-3.1.2-23] [MQTT3-4.1.0-2] it counts from the end of the connection', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 1 })
    await gateway.pass(1000) // connected: no time of it
    await client.cut()
    await gateway.pass(98)
    const within = await gateway.connect(5, KEPT, { sessionPresent: true })
    await within.cut()
    await gateway.pass(102)
    expect(gateway.gateway.sessions.count).toBe(0)
    await gateway.connect(5, KEPT, { sessionPresent: false })
  })

  test('0xFFFFFFFF never ends', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionExpirySecMax: 0xffff_ffff } })
    const asked = { clientId: 'c', clean: false, expirySec: 0xffff_ffff }
    const client = await gateway.connect(5, asked)
    await client.cut()
    await gateway.pass(20_000)
    gateway.clock.wallOffsetMs += 100 * 365 * 86_400_000
    await gateway.pass(10)
    await gateway.connect(5, asked, { sessionPresent: true })
  })

  test('section 3.14.2.2.2: DISCONNECT changes it', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.disconnect({ expirySec: 1000 })
    await gateway.pass(500)
    const again = await gateway.connect(5, KEPT, { sessionPresent: true })
    await again.disconnect({ expirySec: 0 })
    expect(gateway.gateway.sessions.count).toBe(0)
    await gateway.connect(5, KEPT, { sessionPresent: false })
  })

  test('each CONNECT sets it anew', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 1 })
    await client.disconnect()
    const short = await gateway.connect(5, { clientId: 'kept', clean: false }, { sessionPresent: true })
    const publisher = await gateway.connect(5)
    publisher.publish('t', 'x', { qos: 1 })
    await short.expect({ cmd: 'publish', payload: 'x' })
    await short.cut()
    expect(gateway.gateway.sessions.count).toBe(1) // the publisher's
  })

  test('clean start with an expiry is kept', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { ...KEPT, clean: true }, { sessionPresent: false })
    await client.subscribe('t', { qos: 1 })
    await client.cut()
    const publisher = await gateway.connect(5)
    await publishAll(publisher, 't', ['x'])
    const again = await gateway.connect(5, KEPT, { sessionPresent: true })
    await again.expect({ cmd: 'publish', payload: 'x' })
  })

  test('the wall clock may jump: deadlines do not', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.cut()
    gateway.clock.wallOffsetMs += 10 * 365 * 86_400_000
    await gateway.pass(50)
    await gateway.connect(5, KEPT, { sessionPresent: true })
  })
})

describe('message expiry in the queue', () => {
  test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] what expired while its receiver was away is not delivered, the rest is counted down', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 1 })
    await client.cut()
    const publisher = await gateway.connect(5)
    for (const [payload, sec] of [['short', 5], ['long', 50], ['for ever', null]] as const) {
      publisher.publish('t', payload, { qos: 1, ...(sec === null ? {} : { properties: { messageExpiryInterval: sec } }) })
      await publisher.expect({ cmd: 'puback' })
    }
    await gateway.pass(20)
    const again = await gateway.connect(5, KEPT)
    await again.expect({ cmd: 'publish', payload: 'long', properties: { messageExpiryInterval: 30 } })
    await again.expect({ cmd: 'publish', payload: 'for ever' })
    expect(gateway.counters.droppedExpired).toBe(1)
  })

  test('[MQTT-4.3.3-7] [MQTT-4.3.3-13] a QoS 2 handshake that has begun is finished after the expiry', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(5)
    publisher.publish('t', 'x', { qos: 2, properties: { messageExpiryInterval: 5 } })
    const { messageId } = await client.expect({ cmd: 'publish', payload: 'x' })
    await gateway.pass(10)
    client.send({ cmd: 'pubrec', messageId: messageId! })
    await client.expect({ cmd: 'pubrel', messageId: messageId! })
    client.send({ cmd: 'pubcomp', messageId: messageId! })
    await client.expectNothing()
  })
})
