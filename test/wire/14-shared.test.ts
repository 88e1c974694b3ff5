// Shared subscriptions with QoS 1 and 2: whose a message is when its receiver leaves, refuses it or has been away (section 4.8.2).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import type { ConnectOptions, Received, WireClient } from '../support/wire-client.ts'

const FILTER = '$share/g/t'

async function member(gateway: TestGateway, options: ConnectOptions = {}, qos: 0 | 1 | 2 = 2): Promise<WireClient> {
  const client = await gateway.connect(5, options)
  await client.subscribe(FILTER, { qos })
  return client
}

/** Publishes at QoS 1 or 2 and sees it acknowledged. */
async function publish(publisher: WireClient, payload: string, qos: 1 | 2): Promise<void> {
  const messageId = publisher.publish('t', payload, { qos })
  await publisher.expect({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0 })
}

async function payloadsOf(client: WireClient): Promise<string[]> {
  return (await client.drain()).filter((p) => p.cmd === 'publish').map((p) => (p as Received<'publish'>).payload.toString())
}

describe('a member whose session ends with its connection', () => {
  test('section 4.8.2: QoS 1 that it had not acknowledged goes to another member, as new', async () => {
    await using gateway = await TestGateway.start()
    const [first, second] = [await member(gateway), await member(gateway)]
    const publisher = await gateway.connect(5)
    for (const payload of ['a', 'b', 'c', 'd', 'e', 'f']) await publish(publisher, payload, 1)
    const mine: Received<'publish'>[] = []
    for (const payload of ['a', 'c', 'e']) mine.push(await first.expect({ cmd: 'publish', payload }))
    for (const payload of ['b', 'd', 'f']) await second.expect({ cmd: 'publish', payload })
    first.send({ cmd: 'puback', messageId: mine[1]!.messageId! })
    await first.expectNothing()
    await first.cut()
    await second.expect({ cmd: 'publish', payload: 'a', dup: false, qos: 1 })
    await second.expect({ cmd: 'publish', payload: 'e', dup: false, qos: 1 })
    await second.expectNothing()
  })

  test('[MQTT-4.8.2-5] QoS 2 that it may have does not; what was not sent yet does', async () => {
    await using gateway = await TestGateway.start()
    const first = await member(gateway, { properties: { receiveMaximum: 1 } })
    const publisher = await gateway.connect(5)
    for (const payload of ['sent', 'waits']) await publish(publisher, payload, 2)
    await first.expect({ cmd: 'publish', payload: 'sent', qos: 2 })
    const second = await member(gateway)
    await first.cut()
    await second.expect({ cmd: 'publish', payload: 'waits', qos: 2, dup: false })
    await second.expectNothing()
  })

  test('[MQTT-4.8.2-5] QoS 2 stays with nobody when PUBREC had come, too', async () => {
    await using gateway = await TestGateway.start()
    const first = await member(gateway)
    const publisher = await gateway.connect(5)
    await publish(publisher, 'x', 2)
    const { messageId } = await first.expect({ cmd: 'publish', payload: 'x' })
    first.send({ cmd: 'pubrec', messageId: messageId! })
    await first.expect({ cmd: 'pubrel' })
    const second = await member(gateway)
    await first.cut()
    await second.expectNothing()
  })

  test('a member that is away keeps it when nobody else is there', async () => {
    await using gateway = await TestGateway.start()
    const kept = { clientId: 'kept', clean: false, expirySec: 100 }
    await (await member(gateway, kept)).cut()
    const here = await member(gateway)
    const publisher = await gateway.connect(5)
    await publish(publisher, 'x', 1)
    await here.expect({ cmd: 'publish', payload: 'x' })
    await here.cut()
    const again = await gateway.connect(5, kept, { sessionPresent: true })
    await again.expect({ cmd: 'publish', payload: 'x', qos: 1, dup: false })
  })

  test('it goes at the QoS of the member that gets it', async () => {
    await using gateway = await TestGateway.start()
    const first = await member(gateway)
    const publisher = await gateway.connect(5)
    await publish(publisher, 'x', 1)
    await first.expect({ cmd: 'publish', payload: 'x', qos: 1 })
    const second = await member(gateway, {}, 0)
    await first.cut()
    await second.expect({ cmd: 'publish', payload: 'x', qos: 0 })
  })

  test('its own subscriptions are nobody else’s business, and the last member takes everything with it', async () => {
    await using gateway = await TestGateway.start()
    const first = await gateway.connect(5)
    await first.subscribe('own', { qos: 1 })
    await first.subscribe('$share/other/u', { qos: 1 })
    const second = await member(gateway)
    const publisher = await gateway.connect(5)
    for (const topic of ['own', 'u']) {
      publisher.publish(topic, topic, { qos: 1 })
      await publisher.expect({ cmd: 'puback' })
      await first.expect({ cmd: 'publish', topic })
    }
    await first.cut()
    await second.expectNothing()
  })

  test('all of them end with the gateway, and nothing hangs', async () => {
    await using gateway = await TestGateway.start()
    const members = []
    for (let i = 0; i < 5; i++) members.push(await member(gateway))
    const publisher = await gateway.connect(5)
    for (let i = 0; i < 50; i++) await publish(publisher, `${i}`, 1)
    for (const client of members) expect(await payloadsOf(client)).toHaveLength(10)
    await gateway.restart()
    expect(gateway.gateway.sessions.count).toBe(0)
  })
})

describe('a member whose session is kept', () => {
  const KEPT = { clientId: 'kept', clean: false, expirySec: 100 } as const

  test.each([1, 2] as const)('[MQTT-4.8.2-4] what was sent to it at QoS %i is completed when it is back, and goes to nobody else', async (qos) => {
    await using gateway = await TestGateway.start()
    const first = await member(gateway, KEPT)
    const publisher = await gateway.connect(5)
    await publish(publisher, 'x', qos)
    const { messageId } = await first.expect({ cmd: 'publish', payload: 'x', qos, dup: false })
    const second = await member(gateway)
    await first.cut()
    await second.expectNothing()
    const again = await gateway.connect(5, KEPT, { sessionPresent: true })
    await again.expect({ cmd: 'publish', payload: 'x', qos, dup: true, messageId })
    if (qos === 1) again.send({ cmd: 'puback', messageId: messageId! })
    else {
      again.send({ cmd: 'pubrec', messageId: messageId! })
      await again.expect({ cmd: 'pubrel', messageId: messageId! })
      again.send({ cmd: 'pubcomp', messageId: messageId! })
    }
    await again.expectNothing()
    await second.expectNothing()
  })

  test('[MQTT-4.8.2-5] when its session expires, QoS 2 goes to nobody else', async () => {
    await using gateway = await TestGateway.start()
    const first = await member(gateway, KEPT)
    const publisher = await gateway.connect(5)
    await publish(publisher, 'x', 2)
    await first.expect({ cmd: 'publish', payload: 'x' })
    const second = await member(gateway)
    await first.cut()
    await gateway.pass(102)
    expect(gateway.gateway.sessions.count).toBe(2)
    await second.expectNothing()
  })
})

describe('whoever the member is', () => {
  test.each([
    ['PUBACK', 1, 'puback'],
    ['PUBREC', 2, 'pubrec'],
  ] as const)('[MQTT-4.8.2-6] what it refuses by %s goes to nobody else, then or later', async (_name, qos, cmd) => {
    await using gateway = await TestGateway.start()
    for (const expirySec of [0, 100]) {
      const first = await member(gateway, { clientId: `first${expirySec}`, clean: false, expirySec })
      const publisher = await gateway.connect(5)
      await publish(publisher, 'x', qos)
      const { messageId } = await first.expect({ cmd: 'publish', payload: 'x' })
      const second = await member(gateway)
      first.send({ cmd, messageId: messageId!, reasonCode: Reason.implementationSpecificError })
      await first.expectNothing()
      await second.expectNothing()
      await first.disconnect()
      await second.expectNothing()
      await second.disconnect()
    }
  })

  test.each([
    [0, 2],
    [1, 2],
    [2, 1],
  ] as const)('[MQTT-4.8.2-3] granted QoS %i, published at %i: the lower', async (granted, published) => {
    await using gateway = await TestGateway.start()
    const client = await member(gateway, {}, granted)
    const publisher = await gateway.connect(5)
    await publish(publisher, 'x', published)
    await client.expect({ cmd: 'publish', payload: 'x', qos: Math.min(granted, published) })
  })

  test('[MQTT-4.8.2-1] [MQTT-4.8.2-2] names are told apart to the letter, and the filter behind may have wildcards', async () => {
    await using gateway = await TestGateway.start()
    const clients = []
    for (const filter of ['$share/g/a/+', '$share/G/a/#', '$share/\u00fc g/#', '$share/g/a/b']) {
      const client = await gateway.connect(5)
      await client.subscribe(filter)
      clients.push(client)
    }
    const publisher = await gateway.connect(5)
    publisher.publish('a/b', 'x')
    for (const client of clients) await client.expect({ cmd: 'publish', topic: 'a/b' })
  })

  test('[MQTT-3.8.3-4] No Local is refused, and the connection closed', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: FILTER, qos: 0, nl: true }] })
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.protocolError })
    await client.expectClosed()
  })

  test('section 4.8.2: no retained message comes with a shared subscription, new or replaced, whatever its retain handling', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    client.publish('t', 'x', { retain: true })
    for (const rh of [0, 1] as const) await client.subscribe(FILTER, { qos: 1, rh })
    await client.expectNothing()
  })
})
