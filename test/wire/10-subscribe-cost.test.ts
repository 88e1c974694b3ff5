// A subscription that selects among many retained messages costs time: so much in a turn, and everybody else goes on.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { type Received, VERSIONS, type WireClient } from '../support/wire-client.ts'

const COUNT = 5000

async function fill(publisher: WireClient): Promise<void> {
  for (let i = 0; i < COUNT; i++) publisher.publish(`site/${i}/value`, `${i}`, { retain: true })
  await publisher.expectNothing()
}

test.each(VERSIONS)('version %i: all that are retained come, each once, behind SUBACK and before the answer to what follows', async (version) => {
  await using gateway = await TestGateway.start()
  await fill(await gateway.connect(version))
  const client = await gateway.connect(version)
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'site/#', qos: 0 }, { topic: 'none/#', qos: 0 }] })
  const [suback, ...rest] = (await client.drain()) as Received[]
  expect(suback!.cmd).toBe('suback')
  expect(new Set((rest as Received<'publish'>[]).map((p) => p.payload.toString())).size).toBe(COUNT)
  expect(rest).toHaveLength(COUNT)
})

test('a flood of subscriptions that have to look through all of them leaves the others their turns', async () => {
  await using gateway = await TestGateway.start()
  const other = await gateway.connect(5)
  await fill(other)
  await other.subscribe('ping')
  const client = await gateway.connect(4)
  const before = gateway.counters.packetsReceived
  const subscribe = client.bytesOf({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '+/+', qos: 0 }] })
  client.send(Buffer.concat(Array.from({ length: 4000 }, () => subscribe))) // 20 million looks
  for (let i = 0; i < 20; i++) {
    other.publish('ping', `${i}`)
    await other.expect({ cmd: 'publish', payload: `${i}` })
  }
  expect(gateway.counters.packetsReceived - before).toBeLessThan(1000)
  await client.cut()
})

test('who leaves while it is served is served no more, and comes back to the same session', async () => {
  await using gateway = await TestGateway.start()
  await fill(await gateway.connect(5))
  const session = { clientId: 'c', clean: false, expirySec: 100 } as const
  const client = await gateway.connect(5, session)
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'site/#', qos: 0 }] })
  await client.expect({ cmd: 'suback' })
  await client.cut()
  const again = await gateway.connect(5, session, { sessionPresent: true })
  await again.drain()
  await again.expectNothing()
})

test('[MQTT-3.3.1-9] QoS 1 into a session that is kept: all of them, also when the client leaves in between', async () => {
  await using gateway = await TestGateway.start()
  const publisher = await gateway.connect(5)
  for (let i = 0; i < COUNT; i++) publisher.publish(`site/${i}/value`, `${i}`, { qos: 1, retain: true, messageId: i + 1 })
  await publisher.drain()
  const session = { clientId: 'c', clean: false, expirySec: 100, properties: { receiveMaximum: 100 } } as const
  const client = await gateway.connect(5, session)
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'site/#', qos: 1 }] })
  await client.expect({ cmd: 'suback' })
  await client.cut()
  const again = await gateway.connect(5, session, { sessionPresent: true })
  const seen = new Set<string>()
  while (seen.size < COUNT) {
    const { messageId, payload } = await again.expect({ cmd: 'publish', qos: 1 })
    seen.add(payload.toString())
    again.send({ cmd: 'puback', messageId: messageId! })
  }
  await again.expectNothing()
})
