// PUBLISH and its acknowledgements, in and out (MQTT 5.0 sections 3.3 to 3.7, 4.3, 4.6, 4.9).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { type Received, type Version, VERSIONS, type WireClient } from '../support/wire-client.ts'

const QOS = [0, 1, 2] as const

/** Takes one QoS 2 message through its whole handshake. */
async function receiveQos2(client: WireClient, payload: string): Promise<number> {
  const { messageId } = await client.expect({ cmd: 'publish', qos: 2, dup: false, payload })
  client.send({ cmd: 'pubrec', messageId: messageId! })
  await client.expect({ cmd: 'pubrel', messageId: messageId! })
  client.send({ cmd: 'pubcomp', messageId: messageId! })
  return messageId!
}

describe.each(VERSIONS)('version %i', (version) => {
  test('[MQTT-2.2.1-2] [MQTT-4.3.1-1] QoS 0 is forwarded to the bit', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('t')
    client.publish('t', 'xyz')
    await client.expectBytes(version === 5 ? '30 07 0001 74 00 78797a' : '30 06 0001 74 78797a')
  })

  test('[MQTT-4.3.2-4] [MQTT-2.2.1-5] [MQTT-3.3.4-1] QoS 1 in: PUBACK with the same identifier', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    for (const messageId of [1, 0x1234, 0xffff]) {
      client.publish('t', 'x', { qos: 1, messageId })
      await client.expectBytes(`40 02 ${messageId.toString(16).padStart(4, '0')}`)
    }
  })

  test('[MQTT-4.3.3-8] [MQTT-4.3.3-11] QoS 2 in: PUBREC, then PUBCOMP for PUBREL', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    client.publish('t', 'x', { qos: 2, messageId: 0x0102 })
    await client.expectBytes('50 02 0102')
    client.send('62 02 0102')
    await client.expectBytes('70 02 0102')
  })

  test('[MQTT-4.3.3-10] [MQTT-4.3.3-12] [MQTT-3.3.1-3] QoS 2 in: the same identifier is a duplicate until PUBREL, and new after it', async () => {
    await using gateway = await TestGateway.start()
    const receiver = await gateway.connect(version)
    await receiver.subscribe('t')
    const client = await gateway.connect(version)
    for (const dup of [false, true, true]) {
      client.publish('t', 'once', { qos: 2, messageId: 7, dup })
      await client.expect({ cmd: 'pubrec', messageId: 7 })
    }
    client.send({ cmd: 'pubrel', messageId: 7 })
    await client.expect({ cmd: 'pubcomp', messageId: 7 })
    client.publish('t', 'again', { qos: 2, messageId: 7, dup: true })
    await client.expect({ cmd: 'pubrec', messageId: 7 })
    await receiver.expect({ cmd: 'publish', payload: 'once' })
    await receiver.expect({ cmd: 'publish', payload: 'again', dup: false })
    await receiver.expectNothing()
  })

  test('[MQTT-4.3.2-5] [MQTT-3.3.1-3] QoS 1 in: a PUBLISH with DUP is delivered, without DUP', async () => {
    await using gateway = await TestGateway.start()
    const receiver = await gateway.connect(version)
    await receiver.subscribe('t', { qos: 1 })
    const client = await gateway.connect(version)
    client.publish('t', 'x', { qos: 1, messageId: 7, dup: true })
    client.publish('t', 'y', { qos: 1, messageId: 7, dup: true })
    await receiver.expect({ cmd: 'publish', payload: 'x', dup: false })
    await receiver.expect({ cmd: 'publish', payload: 'y', dup: false })
  })

  test('[MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-2.2.1-4] QoS 1 out: identifiers are not zero and not in use', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(version)
    const inUse = new Set<number>()
    for (let i = 0; i < 50; i++) publisher.publish('t', `${i}`, { qos: 1 })
    for (let i = 0; i < 50; i++) {
      const { messageId } = await client.expect({ cmd: 'publish', qos: 1, dup: false, payload: `${i}` })
      expect(messageId).toBeGreaterThan(0)
      expect(inUse.has(messageId!)).toBe(false)
      inUse.add(messageId!)
      if (i % 2 === 0) {
        client.send({ cmd: 'puback', messageId: messageId! })
        inUse.delete(messageId!)
      }
    }
  })

  test('[MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-4] [MQTT-3.6.1-1] QoS 2 out: PUBREL follows PUBREC, to the bit', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(version)
    publisher.publish('t', 'x', { qos: 2 })
    const { messageId } = await client.expect({ cmd: 'publish', qos: 2, dup: false })
    client.send({ cmd: 'pubrec', messageId: messageId! })
    await client.expectBytes(`62 02 ${messageId!.toString(16).padStart(4, '0')}`)
    client.send({ cmd: 'pubcomp', messageId: messageId! })
    await client.expectNothing()
  })

  test('[MQTT-3.7.2-1] PUBREL for an unknown identifier is answered by PUBCOMP', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    client.send('62 02 0009')
    await client.expectBytes(version === 5 ? '70 03 0009 92' : '70 02 0009')
  })

  test('[MQTT-3.6.2-1] PUBREC for an unknown identifier is answered by PUBREL', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    client.send('50 02 0009')
    await client.expectBytes(version === 5 ? '62 03 0009 92' : '62 02 0009')
    client.send('40 02 0009', '70 02 0009') // PUBACK and PUBCOMP of nothing are passed over
    await client.expectNothing()
  })

  test.each([
    ['nothing', 0],
    ['one byte', 1],
    ['all bytes', 256],
    ['half a megabyte', 500_000],
  ])('the payload is forwarded unaltered: %s', async (_name, length) => {
    await using gateway = await TestGateway.start()
    const payload = Buffer.from(Array.from({ length }, (_, i) => i % 256))
    for (const qos of QOS) {
      const receiver = await gateway.connect(version)
      await receiver.subscribe('t', { qos })
      const client = await gateway.connect(version)
      client.publish('t', payload, { qos })
      await receiver.expect({ cmd: 'publish', payload, qos })
      await receiver.disconnect()
    }
  })

  test('[MQTT-4.6.0-5] [MQTT-4.6.0-6] messages of one publisher and topic keep their order at each QoS', async () => {
    await using gateway = await TestGateway.start()
    const publisher = await gateway.connect(version)
    for (const qos of QOS) {
      const receivers = [await gateway.connect(version), await gateway.connect(version, { clientId: `kept${qos}`, clean: false, expirySec: 100 })]
      for (const receiver of receivers) await receiver.subscribe(`t/${qos}`, { qos })
      for (let i = 0; i < 40; i++) publisher.publish(`t/${qos}`, `${i}`, { qos, messageId: qos === 0 ? 0 : i + 1 })
      for (const receiver of receivers) {
        for (let i = 0; i < 40; i++) await receiver.expect({ cmd: 'publish', payload: `${i}`, qos })
      }
      // [MQTT-4.6.0-2] [MQTT-4.6.0-3] and so do the acknowledgements
      const acks = await publisher.drain()
      expect(acks.map((p) => p.messageId)).toEqual(Array.from({ length: qos === 0 ? 0 : 40 }, (_, i) => i + 1))
    }
  })

  test('[MQTT-4.5.0-1] every matching session gets the message, the publisher among them', async () => {
    await using gateway = await TestGateway.start()
    const clients = []
    for (let i = 0; i < 20; i++) clients.push(await gateway.connect(version))
    for (const [i, client] of clients.entries()) await client.subscribe(i % 2 === 0 ? 't' : '#', { qos: 1 })
    clients[0]!.publish('t', 'x', { qos: 1, messageId: 500 })
    await clients[0]!.expectAll({ cmd: 'publish', payload: 'x' }, { cmd: 'puback', messageId: 500 })
    for (const client of clients.slice(1)) await client.expect({ cmd: 'publish', payload: 'x', qos: 1 })
  })

  test('$SYS is the broker’s own: what clients publish there reaches nobody', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    await client.subscribe('$SYS/x')
    client.publish('$SYS/x', '0')
    for (const qos of [1, 2] as const) client.publish('$SYS/x', `${qos}`, { qos, messageId: qos })
    await client.expect({ cmd: 'puback', messageId: 1 })
    await client.expect({ cmd: 'pubrec', messageId: 2 })
    await client.expectNothing()
  })
})

describe('between versions', () => {
  const pairs = VERSIONS.flatMap((from) => VERSIONS.filter((to) => to !== from).map((to) => [from, to] as const))
  test.each(pairs)('from %i to %i at every QoS', async (from: Version, to: Version) => {
    await using gateway = await TestGateway.start()
    const receiver = await gateway.connect(to)
    await receiver.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(from)
    for (const qos of QOS) publisher.publish('t', `at ${qos}`, { qos })
    const [, , two] = await receiver.expectAll(
      { cmd: 'publish', payload: 'at 0', qos: 0, topic: 't', retain: false },
      { cmd: 'publish', payload: 'at 1', qos: 1 },
      { cmd: 'publish', payload: 'at 2', qos: 2 },
    )
    expect((two as Received<'publish'>).messageId).toBeGreaterThan(0)
  })

  test('properties do not reach a receiver that has no place for them', async () => {
    await using gateway = await TestGateway.start()
    const receiver = await gateway.connect(4)
    await receiver.subscribe('t')
    const publisher = await gateway.connect(5)
    publisher.publish('t', 'x', { properties: { contentType: 'text/plain', userProperties: { a: 'b' } } })
    await receiver.expectBytes('30 04 0001 74 78')
  })
})

describe('flow control', () => {
  test('[MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3] never more under way than the client’s Receive Maximum; everything else goes on', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { properties: { receiveMaximum: 2 } })
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(5)
    for (let i = 0; i < 6; i++) {
      publisher.publish('t', `${i}`, { qos: i % 2 === 0 ? 1 : 2 })
      await publisher.expect({ cmd: i % 2 === 0 ? 'puback' : 'pubrec' })
    }
    const first = await client.expect({ cmd: 'publish', payload: '0', qos: 1 })
    const second = await client.expect({ cmd: 'publish', payload: '1', qos: 2 })
    await client.expectNothing()
    publisher.publish('t', 'at once', { qos: 0 }) // QoS 0 needs no quota
    await client.expect({ cmd: 'publish', payload: 'at once' })
    await client.subscribe('u')

    client.send({ cmd: 'puback', messageId: first.messageId! })
    await client.expect({ cmd: 'publish', payload: '2' })
    await client.expectNothing()
    client.send({ cmd: 'pubrec', messageId: second.messageId! })
    await client.expect({ cmd: 'pubrel', messageId: second.messageId! })
    await client.expectNothing() // PUBREC frees nothing …
    client.send({ cmd: 'pubcomp', messageId: second.messageId! })
    await client.expect({ cmd: 'publish', payload: '3' }) // … PUBCOMP does
    await client.expectNothing()
  })

  test('[MQTT-3.3.4-7] a 5.0 client above the broker’s Receive Maximum is cut off with 0x93', async () => {
    await using gateway = await TestGateway.start({ broker: { receiveMaximum: 3 } })
    const client = await gateway.connect(5)
    expect(client.connack.properties!.receiveMaximum).toBe(3)
    for (let i = 1; i <= 3; i++) {
      client.publish('t', 'x', { qos: 2, messageId: i })
      await client.expect({ cmd: 'pubrec', messageId: i })
    }
    client.publish('t', 'x', { qos: 2, messageId: 3, dup: true }) // no new one [MQTT-4.3.3-10]
    await client.expect({ cmd: 'pubrec', messageId: 3 })
    client.publish('t', 'x', { qos: 2, messageId: 4 })
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.receiveMaximumExceeded })
    await client.expectClosed()
  })

  test('[MQTT-3.3.4-7] [MQTT-4.9.0-1] the quota starts anew with each connection: what is repeated after a reconnect is within it', async () => {
    await using gateway = await TestGateway.start({ broker: { receiveMaximum: 2 } })
    const client = await gateway.connect(5, { clientId: 'c', expirySec: 100 })
    for (const messageId of [1, 2]) {
      client.publish('t', 'x', { qos: 2, messageId })
      await client.expect({ cmd: 'pubrec', messageId })
    }
    await client.cut()
    const again = await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 100 }, { sessionPresent: true })
    for (const messageId of [1, 2]) {
      again.publish('t', 'x', { qos: 2, messageId, dup: true })
      await again.expect({ cmd: 'pubrec', messageId, reasonCode: 0 })
      again.send({ cmd: 'pubrel', messageId })
      await again.expect({ cmd: 'pubcomp', messageId, reasonCode: 0 })
    }
  })

  test('a 3.1.1 client has no such limit: it is only not read from while flash is behind', async () => {
    await using gateway = await TestGateway.start({ broker: { receiveMaximum: 3 } })
    const client = await gateway.connect(4)
    for (let i = 1; i <= 20; i++) client.publish('t', 'x', { qos: 1, messageId: i })
    for (let i = 1; i <= 20; i++) await client.expect({ cmd: 'puback', messageId: i })
  })

  test.each([
    ['PUBACK', 1, 'puback'],
    ['PUBREC', 2, 'pubrec'],
  ] as const)('[MQTT-4.4.0-2] [MQTT-4.3.3-9] %s with an error settles the message, frees the quota and is not followed by anything', async (_name, qos, cmd) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { clientId: 'c', expirySec: 100, properties: { receiveMaximum: 1 } })
    await client.subscribe('t', { qos })
    const publisher = await gateway.connect(5)
    publisher.publish('t', 'refused', { qos })
    publisher.publish('t', 'next', { qos })
    const { messageId } = await client.expect({ cmd: 'publish', payload: 'refused' })
    client.send({ cmd, messageId: messageId!, reasonCode: Reason.quotaExceeded })
    await client.expect({ cmd: 'publish', payload: 'next' })
    await client.cut()
    const again = await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 100 }, { sessionPresent: true })
    await again.expect({ cmd: 'publish', payload: 'next', dup: true })
    await again.expectNothing()
  })
})

describe('what an acknowledgement means', () => {
  test.each(VERSIONS)('version %i: PUBACK waits until the message for a receiver that is away is on flash', async (version) => {
    await using gateway = await TestGateway.start({ commitWindowMs: 50 })
    const away = await gateway.connect(version, { clientId: 'away', clean: false, expirySec: 100 })
    await away.subscribe('t', { qos: 1 })
    await away.cut()
    const publisher = await gateway.connect(version)
    publisher.publish('t', 'x', { qos: 1, messageId: 5 })
    await publisher.expectNothing()
    expect(gateway.counters.committedMessages).toBe(0)
    await gateway.pass(0.05)
    await publisher.expect({ cmd: 'puback', messageId: 5 })
    expect(gateway.counters.committedMessages).toBe(1)
  })

  test.each(VERSIONS)('version %i: PUBACK leaves as soon as every durable receiver has acknowledged, and nothing is written', async (version) => {
    await using gateway = await TestGateway.start({ commitWindowMs: 50 })
    const receivers = []
    for (const clientId of ['one', 'two']) {
      const receiver = await gateway.connect(version, { clientId, clean: false, expirySec: 100 })
      await receiver.subscribe('t', { qos: 1 })
      receivers.push(receiver)
    }
    const publisher = await gateway.connect(version)
    publisher.publish('t', 'x', { qos: 1, messageId: 5 })
    for (const receiver of receivers) {
      const { messageId } = await receiver.expect({ cmd: 'publish', qos: 1 })
      await publisher.expectNothing()
      receiver.send({ cmd: 'puback', messageId: messageId! })
    }
    await publisher.expect({ cmd: 'puback', messageId: 5 })
    expect(gateway.counters.elided).toBe(1)
    expect(gateway.counters.committedMessages).toBe(0)
  })

  test('QoS 2 is on flash before it is sent on', async () => {
    await using gateway = await TestGateway.start({ commitWindowMs: 50 })
    const receiver = await gateway.connect(5, { clientId: 'kept', expirySec: 100 })
    await receiver.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(5)
    publisher.publish('t', 'x', { qos: 2, messageId: 5 })
    await publisher.expect({ cmd: 'pubrec', messageId: 5 })
    await receiveQos2(receiver, 'x')
    expect(gateway.counters.committedMessages).toBe(1)
    expect(gateway.counters.elided).toBe(0)
  })

  test('[MQTT-4.6.0-2] [MQTT-4.6.0-3] an acknowledgement that could leave waits for those before it', async () => {
    await using gateway = await TestGateway.start({ commitWindowMs: 50 })
    const away = await gateway.connect(5, { clientId: 'away', expirySec: 100 })
    await away.subscribe('slow', { qos: 1 })
    await away.cut()
    const publisher = await gateway.connect(5)
    publisher.publish('slow', 'x', { qos: 1, messageId: 1 })
    publisher.publish('quick', 'x', { qos: 1, messageId: 2 })
    await publisher.expectNothing()
    await gateway.pass(0.05)
    await publisher.expect({ cmd: 'puback', messageId: 1 })
    await publisher.expect({ cmd: 'puback', messageId: 2 })
  })
})

describe('identifiers over a long time', () => {
  test('[MQTT-2.2.1-4] they start again from 1, around those in use', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(4)
    await client.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(4)
    publisher.publish('t', 'held', { qos: 1, messageId: 1 })
    const held = (await client.expect({ cmd: 'publish', payload: 'held' })).messageId!
    const seen: number[] = []
    for (let i = 0; i < 65_600; i += 400) {
      for (let j = 0; j < 400; j++) publisher.publish('t', '', { qos: 1, messageId: 2 + j })
      for (let j = 0; j < 400; j++) {
        const { messageId } = await client.expect({ cmd: 'publish' })
        seen.push(messageId!)
        client.send({ cmd: 'puback', messageId: messageId! })
      }
      for (let j = 0; j < 400; j++) await publisher.expect({ cmd: 'puback' })
    }
    expect(seen).not.toContain(held)
    expect(seen).not.toContain(0)
    expect(Math.max(...seen)).toBe(65_534) // the last one is left to SUBSCRIBE of a client
    expect(seen.filter((id) => id === seen[0])).toHaveLength(2)
  })
})
