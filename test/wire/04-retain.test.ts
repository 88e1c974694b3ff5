// Retained messages (MQTT 5.0 sections 3.3.1.3 and 3.8.3.1).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { type Received, VERSIONS } from '../support/wire-client.ts'

describe.each(VERSIONS)('version %i', (version) => {
  test('[MQTT-3.3.1-5] [MQTT-3.3.1-9] [MQTT3-3.3.1-8] the last one is kept, and sent to a new subscription with RETAIN', async () => {
    await using gateway = await TestGateway.start()
    const publisher = await gateway.connect(version)
    publisher.publish('a/b', 'old', { retain: true })
    publisher.publish('a/b', 'new', { retain: true })
    await publisher.expectNothing()
    for (const filter of ['a/b', 'a/+', '#', 'a/b/#']) {
      const client = await gateway.connect(version)
      await client.subscribe(filter)
      await client.expect({ cmd: 'publish', topic: 'a/b', payload: 'new', retain: true, qos: 0, dup: false })
      await client.expectNothing()
    }
  })

  test('[MQTT-3.3.1-6] [MQTT-3.3.1-7] an empty payload clears it, and is delivered like any other', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('t')
    client.publish('t', 'x', { retain: true })
    client.publish('t', '', { retain: true })
    await client.expect({ cmd: 'publish', payload: 'x', retain: false })
    await client.expect({ cmd: 'publish', payload: '', retain: false })
    const late = await gateway.connect(version)
    await late.subscribe('t')
    await late.expectNothing()
  })

  test('[MQTT-3.3.1-8] a message without RETAIN changes nothing', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    client.publish('t', 'kept', { retain: true })
    client.publish('t', 'passing', {})
    client.publish('t', '', {})
    await client.subscribe('t')
    await client.expect({ cmd: 'publish', payload: 'kept', retain: true })
    await client.expectNothing()
  })

  test('[MQTT-3.3.1-12] forwarded to a subscription that stands, it has no RETAIN', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(version)
    for (const qos of [0, 1, 2] as const) {
      publisher.publish('t', `${qos}`, { qos, retain: true })
      await client.expect({ cmd: 'publish', payload: `${qos}`, qos, retain: false })
    }
  })

  test('[MQTT-3.8.4-8] it comes with the lower of its own and the granted QoS', async () => {
    await using gateway = await TestGateway.start()
    const publisher = await gateway.connect(version)
    for (const qos of [0, 1, 2] as const) {
      publisher.publish(`t/${qos}`, 'x', { qos, retain: true })
      if (qos > 0) await publisher.expect({ cmd: qos === 1 ? 'puback' : 'pubrec' })
    }
    for (const granted of [0, 1, 2] as const) {
      for (const clean of [true, false]) {
        const client = await gateway.connect(version, { clientId: `${granted}${clean}`, clean, ...(clean ? {} : { expirySec: 100 }) })
        await client.subscribe('t/+', { qos: granted })
        const wanted = [0, 1, 2].map((qos) => ({ cmd: 'publish' as const, topic: `t/${qos}`, qos: Math.min(qos, granted), retain: true, dup: false }))
        await client.expectAll(...wanted)
        await client.expectNothing()
      }
    }
  })

  test('[MQTT-3.8.4-4] subscribing again sends it again', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    client.publish('t', 'x', { retain: true })
    for (let i = 0; i < 3; i++) {
      await client.subscribe('t')
      await client.expect({ cmd: 'publish', payload: 'x', retain: true })
    }
  })

  test('[MQTT-4.7.2-1] leading wildcards do not select topics that start with $', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    for (const filter of ['#', '+/broker/version', '+/#']) {
      await client.subscribe(filter)
      await client.expectNothing()
    }
    await client.subscribe('$SYS/broker/version')
    await client.expect({ cmd: 'publish', topic: '$SYS/broker/version', payload: 'sandpiper test', retain: true })
  })

  test('[MQTT3-3.1.2-7] it outlives its publisher, and clean sessions', async () => {
    await using gateway = await TestGateway.start()
    const publisher = await gateway.connect(version, { clientId: 'p' })
    publisher.publish('t', 'x', { retain: true })
    await publisher.disconnect()
    const client = await gateway.connect(version, { clientId: 'p' })
    await client.subscribe('t')
    await client.expect({ cmd: 'publish', payload: 'x', retain: true })
  })
})

describe('5.0: retain handling', () => {
  test.each([
    [0, true, true],
    [1, true, false],
    [2, false, false],
  ] as const)('[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] %i: for a new subscription %s, for one that stood %s', async (rh, forNew, forOld) => {
    await using gateway = await TestGateway.start()
    for (const expirySec of [0, 100]) {
      const client = await gateway.connect(5, { clientId: `c${expirySec}`, expirySec })
      client.publish('t', 'x', { retain: true })
      for (const sent of [forNew, forOld]) {
        await client.subscribe('t', { rh })
        if (sent) await client.expect({ cmd: 'publish', payload: 'x', retain: true })
        await client.expectNothing()
      }
      client.send({ cmd: 'unsubscribe', messageId: 99, unsubscriptions: ['t'] })
      await client.expect({ cmd: 'unsuback' })
      await client.subscribe('t', { rh })
      if (forNew) await client.expect({ cmd: 'publish', payload: 'x', retain: true })
      await client.expectNothing()
    }
  })

  test('of several filters in one SUBSCRIBE each has its own', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    for (const topic of ['a', 'b', 'c']) client.publish(topic, topic, { retain: true })
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0, rh: 0 }, { topic: 'b', qos: 0, rh: 2 }, { topic: 'c', qos: 0, rh: 1 }] })
    await client.expect({ cmd: 'suback' })
    await client.expectAll({ cmd: 'publish', topic: 'a' }, { cmd: 'publish', topic: 'c' })
    await client.expectNothing()
  })

  test('section 3.8.3.1: a shared subscription gets none', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    client.publish('t', 'x', { retain: true })
    await client.subscribe('$share/g/t')
    await client.expectNothing()
  })
})

describe('5.0: retain as published', () => {
  test.each([0, 1, 2] as const)('[MQTT-3.3.1-12] [MQTT-3.3.1-13] at QoS %i the flag stays as it was', async (qos) => {
    await using gateway = await TestGateway.start()
    for (const expirySec of [0, 100]) {
      const client = await gateway.connect(5, { clientId: `c${expirySec}`, expirySec })
      await client.subscribe('t', { qos, rap: true, rh: 2 })
      const publisher = await gateway.connect(5)
      publisher.publish('t', 'kept', { qos, retain: true })
      publisher.publish('t', 'passing', { qos, retain: false })
      await client.expect({ cmd: 'publish', payload: 'kept', retain: true })
      await client.expect({ cmd: 'publish', payload: 'passing', retain: false })
    }
  })

  test('a queue on flash keeps the flag', async () => {
    await using gateway = await TestGateway.start()
    const asked = { clientId: 'c', clean: false, expirySec: 100 }
    const client = await gateway.connect(5, asked)
    await client.subscribe('a', { qos: 1, rap: true })
    await client.subscribe('b', { qos: 1, rap: false })
    await client.cut()
    const publisher = await gateway.connect(5)
    for (const topic of ['a', 'b']) {
      publisher.publish(topic, topic, { qos: 1, retain: true })
      await publisher.expect({ cmd: 'puback' })
    }
    const again = await gateway.connect(5, asked)
    await again.expect({ cmd: 'publish', topic: 'a', retain: true })
    await again.expect({ cmd: 'publish', topic: 'b', retain: false })
  })
})

describe('expiry and bounds', () => {
  test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] one that expires is counted down, and gone at its time', async () => {
    await using gateway = await TestGateway.start()
    const publisher = await gateway.connect(5)
    publisher.publish('t', 'x', { retain: true, properties: { messageExpiryInterval: 10 } })
    await publisher.expectNothing()
    await gateway.pass(4)
    const early = await gateway.connect(5)
    await early.subscribe('+')
    await early.expect({ cmd: 'publish', payload: 'x', properties: { messageExpiryInterval: 6 } })
    await gateway.pass(7)
    const late = await gateway.connect(5)
    await late.subscribe('+')
    await late.expectNothing()
  })

  test('more topics than there is room for: delivered, not kept, counted; a known topic is still replaced', async () => {
    await using gateway = await TestGateway.start({ broker: { retainedMessagesMax: 2 } }) // $SYS is not counted
    const client = await gateway.connect(5)
    await client.subscribe('t/#', { rh: 2 })
    for (const [topic, payload] of [['t/1', 'a'], ['t/2', 'b'], ['t/3', 'c'], ['t/1', 'd']] as const) {
      client.publish(topic, payload, { retain: true })
      await client.expect({ cmd: 'publish', topic, payload })
    }
    expect(gateway.counters.retainedRefused).toBe(1)
    await client.subscribe('+/+')
    const kept = (await client.drain()) as Received<'publish'>[]
    expect(kept.map((p) => `${p.topic} ${p.payload}`).sort()).toEqual(['t/1 d', 't/2 b'])
  })

  test('more bytes than there is room for', async () => {
    await using gateway = await TestGateway.start({ broker: { retainedBytesMax: 1000 } })
    const client = await gateway.connect(5)
    client.publish('t/1', Buffer.alloc(600), { retain: true })
    client.publish('t/2', Buffer.alloc(600), { retain: true })
    client.publish('t/1', Buffer.alloc(900), { retain: true })
    await client.subscribe('#')
    await client.expect({ cmd: 'publish', topic: 't/1', payload: Buffer.alloc(900) })
    await client.expectNothing()
    expect(gateway.counters.retainedRefused).toBe(1)
  })
})
