// What survives a restart of the gateway on the same folder: once stopped in order, once killed. A kill is a store that is
// ended at once and a gateway that hears of nothing: what is not on flash by then is gone.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { type Received, type Version, VERSIONS, type WireClient } from '../support/wire-client.ts'

const KEPT = { clientId: 'kept', clean: false, expirySec: 1000 } as const
const WAYS = ['restart', 'crash'] as const
const CASES = WAYS.flatMap((way) => VERSIONS.map((version) => [way, version] as const))

function start(): Promise<TestGateway> {
  return TestGateway.start({ store: 'sqlite' })
}

async function present(gateway: TestGateway, version: Version): Promise<WireClient> {
  return gateway.connect(version, KEPT, version === 3 ? {} : { sessionPresent: true })
}

/** Publishes and sees all acknowledged: then it is safe. */
async function publishSafely(publisher: WireClient, topic: string, payloads: readonly string[], qos: 1 | 2 = 1, options: object = {}): Promise<void> {
  for (const payload of payloads) {
    const messageId = publisher.publish(topic, payload, { qos, ...options })
    await publisher.expect({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId })
    if (qos === 1) continue
    publisher.send({ cmd: 'pubrel', messageId })
    await publisher.expect({ cmd: 'pubcomp', messageId })
  }
}

describe.each(CASES)('%s, version %i', (way, version) => {
  test('[MQTT-4.1.0-1] a session that was away: its subscriptions and its queue, in order', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('one', { qos: 1 })
    await client.subscribe('two/+', { qos: 2 })
    await client.disconnect()
    const publisher = await gateway.connect(version)
    await publishSafely(publisher, 'one', ['a', 'b'])
    await publishSafely(publisher, 'two/x', ['c', 'd'], 2)
    await gateway[way]()
    const again = await present(gateway, version)
    for (const [payload, qos] of [['a', 1], ['b', 1], ['c', 2], ['d', 2]] as const) await again.expect({ cmd: 'publish', payload, qos, dup: false })
    const later = await gateway.connect(version)
    await publishSafely(later, 'one', ['e'])
    await again.expect({ cmd: 'publish', payload: 'e', qos: 1 })
  })

  test('[MQTT-4.1.0-1] a session that was connected: a SUBSCRIBE that was acknowledged holds, an UNSUBSCRIBE too', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('stays', { qos: 1 })
    await client.subscribe('goes', { qos: 1 })
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['goes'] })
    await client.expect({ cmd: 'unsuback' })
    await gateway[way]()
    const publisher = await gateway.connect(version)
    await publishSafely(publisher, 'goes', ['no'])
    await publishSafely(publisher, 'stays', ['yes'])
    const again = await present(gateway, version)
    await again.expect({ cmd: 'publish', payload: 'yes' })
  })

  test('[MQTT-4.3.2-3] [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1] QoS 1 out: what was not acknowledged comes again, in order, with its identifier and DUP', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(version)
    const sent: Received<'publish'>[] = []
    for (const payload of ['1', '2', '3', '4']) {
      await publishSafely(publisher, 'elsewhere', ['x'], 1, { retain: true })
      await publishSafely(publisher, 't', [payload])
      sent.push(await client.expect({ cmd: 'publish', payload, dup: false }))
    }
    client.send({ cmd: 'puback', messageId: sent[1]!.messageId! })
    await client.expectNothing()
    await gateway[way]()
    const again = await present(gateway, version)
    for (const { messageId, payload } of [sent[0]!, sent[2]!, sent[3]!]) {
      const came = await again.expectOneOf('publish')
      // The acknowledgement of 2 need not have reached flash: then it comes once more too.
      if (way === 'crash' && came.payload.toString() === '2') await again.expect({ cmd: 'publish', payload, messageId, dup: true })
      else expect(came).toMatchObject({ payload, messageId, dup: true })
    }
    await publishSafely(await gateway.connect(version), 't', ['new'])
    const fresh = await again.expect({ cmd: 'publish', payload: 'new', dup: false })
    expect(sent.map((p) => p.messageId)).not.toContain(fresh.messageId)
    await again.expectNothing()
  })

  test('[MQTT-4.4.0-1] [MQTT-3.3.1-1] QoS 1 out: of a queue that is longer than the window, only what was sent has DUP', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, { ...KEPT, properties: { receiveMaximum: 2 } })
    await client.subscribe('t', { qos: 1 })
    const publisher = await gateway.connect(version)
    await publishSafely(publisher, 't', ['1', '2', '3', '4'])
    const windowed = version === 5
    const sent: Received<'publish'>[] = []
    for (const payload of windowed ? ['1', '2'] : ['1', '2', '3', '4']) sent.push(await client.expect({ cmd: 'publish', payload }))
    await client.cut()
    await gateway[way]()
    const again = await present(gateway, version)
    for (const [i, payload] of ['1', '2', '3', '4'].entries()) {
      const came = await again.expect({ cmd: 'publish', payload })
      expect(came.dup).toBe(i < sent.length)
      if (i < sent.length) expect(came.messageId).toBe(sent[i]!.messageId)
    }
  })

  test('[MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-3.3.1-1] QoS 2 out: every step goes on where it was, under the same identifier', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 2 })
    const publisher = await gateway.connect(version)
    await publishSafely(publisher, 't', ['done', 'released', 'sent'], 2)
    const [done, released, sent] = [await client.expect({ cmd: 'publish', payload: 'done' }), await client.expect({ cmd: 'publish', payload: 'released' }), await client.expect({ cmd: 'publish', payload: 'sent' })]
    for (const { messageId } of [done, released] as Received<'publish'>[]) {
      client.send({ cmd: 'pubrec', messageId: messageId! })
      await client.expect({ cmd: 'pubrel', messageId: messageId! })
    }
    client.send({ cmd: 'pubcomp', messageId: done.messageId! })
    await client.expectNothing()
    await gateway[way]()
    const again = await present(gateway, version)
    // The end of `done` need not have reached flash: then its PUBREL comes once more, which harms nobody.
    const came = [await again.expect({ cmd: 'pubrel' })]
    if (came[0]!.messageId === done.messageId) came.push(await again.expect({ cmd: 'pubrel' }))
    expect(came.at(-1)!.messageId).toBe(released.messageId)
    await again.expect({ cmd: 'publish', payload: 'sent', qos: 2, dup: true, messageId: sent.messageId })
    again.send({ cmd: 'pubcomp', messageId: released.messageId! }, { cmd: 'pubrec', messageId: sent.messageId! })
    await again.expect({ cmd: 'pubrel', messageId: sent.messageId! })
    again.send({ cmd: 'pubcomp', messageId: sent.messageId! })
    await again.expectNothing()
  })

  test('[MQTT-4.3.3-10] QoS 2 in: an identifier that was taken is a duplicate until PUBREL', async () => {
    await using gateway = await start()
    const away = await gateway.connect(version, { ...KEPT, clientId: 'receiver' })
    await away.subscribe('t', { qos: 2 })
    await away.disconnect()
    const publisher = await gateway.connect(version, KEPT)
    publisher.publish('t', 'once', { qos: 2, messageId: 3 })
    await publisher.expect({ cmd: 'pubrec', messageId: 3 })
    publisher.publish('nobody', 'once', { qos: 2, messageId: 4 })
    await publisher.expect({ cmd: 'pubrec', messageId: 4 })
    await gateway[way]()
    const again = await present(gateway, version)
    for (const messageId of [3, 4]) {
      again.publish('t', 'once', { qos: 2, messageId, dup: true })
      await again.expect({ cmd: 'pubrec', messageId })
      again.send({ cmd: 'pubrel', messageId })
      await again.expect({ cmd: 'pubcomp', messageId, ...(version === 5 ? { reasonCode: 0 } : {}) })
    }
    await publishSafely(again, 't', ['mark'], 2)
    const receiver = await gateway.connect(version, { ...KEPT, clientId: 'receiver' })
    await receiver.expect({ cmd: 'publish', payload: 'once' })
    await receiver.expect({ cmd: 'publish', payload: 'mark' })
    await receiver.expectNothing()
  })

  test('[MQTT-3.3.1-5] [MQTT-3.3.1-6] retained messages: kept, replaced, cleared', async () => {
    await using gateway = await start()
    const publisher = await gateway.connect(version)
    await publishSafely(publisher, 'kept', ['x'], 1, { retain: true })
    await publishSafely(publisher, 'replaced', ['old', 'new'], 2, { retain: true })
    await publishSafely(publisher, 'cleared', ['x', ''], 1, { retain: true })
    await gateway[way]()
    const client = await gateway.connect(version)
    await client.subscribe('+', { qos: 2 })
    await client.expectAll({ cmd: 'publish', topic: 'kept', payload: 'x', retain: true, qos: 1 }, { cmd: 'publish', topic: 'replaced', payload: 'new', retain: true, qos: 2 })
    await client.expectNothing()
  })

  test('[MQTT-3.1.2-8] the will of a client that was connected is published', async () => {
    await using gateway = await start()
    const away = await gateway.connect(version, { ...KEPT, clientId: 'receiver' })
    await away.subscribe('will', { qos: 1 })
    await away.disconnect()
    const client = await gateway.connect(version, { ...KEPT, will: { topic: 'will', payload: 'gone', qos: 1 } })
    await publishSafely(client, 'mark', ['x'], 1, { retain: true }) // on flash, and all before it
    await gateway[way]()
    await gateway.pass(2)
    const receiver = await gateway.connect(version, { ...KEPT, clientId: 'receiver' })
    await receiver.expect({ cmd: 'publish', topic: 'will', payload: 'gone', qos: 1 })
    await gateway.pass(2)
    await receiver.expectNothing()
  })

  test('[MQTT-3.1.2-4] a session that a clean start threw away does not come back', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('t', { qos: 1 })
    await client.disconnect()
    const clean = await gateway.connect(version, { clientId: 'kept', clean: true })
    await clean.disconnect()
    const publisher = await gateway.connect(version)
    await publishSafely(publisher, 'mark', ['x'], 1, { retain: true }) // on flash, and all before it
    await gateway[way]()
    expect(gateway.gateway.sessions.count).toBe(0)
    const again = await gateway.connect(version, KEPT, { sessionPresent: false })
    await again.expectNothing()
  })
})

describe.each(WAYS)('%s, times', (way) => {
  test('[MQTT-4.1.0-2] a session’s expiry goes on while the gateway is down', async () => {
    await using gateway = await start()
    for (const [clientId, expirySec] of [['short', 100], ['long', 1000]] as const) {
      const client = await gateway.connect(5, { clientId, clean: false, expirySec })
      await client.disconnect()
    }
    const connected = await gateway.connect(5, { clientId: 'connected', clean: false, expirySec: 100 })
    await publishSafely(connected, 'mark', ['x'], 1, { retain: true }) // on flash, and all before it
    await gateway.pass(50)
    await gateway[way](60)
    await gateway.pass(2)
    await gateway.connect(5, { clientId: 'short', clean: false }, { sessionPresent: false })
    await gateway.connect(5, { clientId: 'long', clean: false, expirySec: 1000 }, { sessionPresent: true })
    if (way === 'crash') await gateway.connect(5, { clientId: 'connected', clean: false, expirySec: 100 }, { sessionPresent: true }) // nobody knows since when it is away
  })

  test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] messages expire while the gateway is down: queued and retained', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 1 })
    await client.disconnect()
    const publisher = await gateway.connect(5)
    for (const [payload, sec] of [['short', 10], ['long', 100]] as const) {
      await publishSafely(publisher, 't', [payload], 1, { properties: { messageExpiryInterval: sec } })
      await publishSafely(publisher, `r/${payload}`, [payload], 1, { retain: true, properties: { messageExpiryInterval: sec } })
    }
    await gateway[way](30)
    const again = await present(gateway, 5)
    const queued = await again.expect({ cmd: 'publish', payload: 'long' })
    expect(queued.properties!.messageExpiryInterval).toBeGreaterThan(65)
    expect(queued.properties!.messageExpiryInterval).toBeLessThanOrEqual(70)
    await again.subscribe('r/+')
    const retained = await again.expect({ cmd: 'publish', payload: 'long', retain: true })
    expect(retained.properties!.messageExpiryInterval).toBeGreaterThan(65)
    expect(retained.properties!.messageExpiryInterval).toBeLessThanOrEqual(70)
    await again.expectNothing()
  })

  test('[MQTT-3.1.2-8] [MQTT-3.1.3-9] a will that waits for its delay: published at its time, or taken back', async () => {
    await using gateway = await start()
    const watcherOptions = { ...KEPT, clientId: 'watcher' }
    const away = await gateway.connect(5, watcherOptions)
    await away.subscribe('will/#', { qos: 1 })
    await away.disconnect()
    for (const clientId of ['back', 'gone']) {
      const client = await gateway.connect(5, { clientId, clean: false, expirySec: 1000, will: { topic: `will/${clientId}`, payload: 'x', qos: 1, properties: { willDelayInterval: 100 } } })
      await client.cut()
    }
    const publisher = await gateway.connect(5)
    await publishSafely(publisher, 'mark', ['x'], 1, { retain: true }) // on flash, and all before it
    await gateway.pass(20)
    await gateway[way](30)
    await gateway.connect(5, { clientId: 'back', clean: false, expirySec: 1000 }, { sessionPresent: true })
    const watcher = await gateway.connect(5, watcherOptions)
    await gateway.pass(40)
    await watcher.expectNothing()
    await gateway.pass(15)
    await watcher.expect({ cmd: 'publish', topic: 'will/gone' })
    await gateway.pass(100)
    await watcher.expectNothing()
  })

  test('properties, identifiers and options of subscriptions are what they were', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('a', { qos: 1, identifier: 7, rap: true })
    await client.subscribe('b', { qos: 2, nl: true })
    await client.subscribe('$share/g/c', { qos: 1 })
    await client.disconnect()
    await gateway[way]()
    const again = await present(gateway, 5)
    const publisher = await gateway.connect(5)
    publisher.publish('a', 'x', { qos: 1, retain: true, properties: { userProperties: { k: 'v' } } })
    await again.expect({ cmd: 'publish', topic: 'a', retain: true, properties: { subscriptionIdentifier: 7, userProperties: { k: 'v' } } })
    again.publish('b', 'own', { qos: 1, messageId: 50 })
    await again.expect({ cmd: 'puback', messageId: 50 })
    publisher.publish('b', 'other', { qos: 1 })
    await again.expect({ cmd: 'publish', payload: 'other' })
    publisher.publish('c', 'shared', { qos: 1 })
    await again.expect({ cmd: 'publish', payload: 'shared' })
  })

  test('a long queue comes in order over several restarts, in part acknowledged in between', async () => {
    await using gateway = await start()
    const client = await gateway.connect(5, KEPT)
    await client.subscribe('t', { qos: 2 })
    await client.disconnect()
    const count = 600
    const publisher = await gateway.connect(4)
    for (let i = 0; i < count; i++) publisher.publish('t', `${i}`, { qos: 2, messageId: i + 1 })
    for (let i = 0; i < count; i++) await publisher.expect({ cmd: 'pubrec' })
    // A receiver that keeps its state, as it must: the identifiers it has taken and not been released from.
    const taken = new Set<number>()
    let next = 0
    for (let round = 1; next < count; round++) {
      await gateway[way]()
      const again = await present(gateway, 5)
      while (next < Math.min(count, round * 200)) {
        const came = await again.expectOneOf('publish', 'pubrel')
        const messageId = came.messageId!
        if (came.cmd === 'pubrel') {
          taken.delete(messageId)
          again.send({ cmd: 'pubcomp', messageId })
          continue
        }
        // Once more, with DUP, or the next one.
        expect(taken.has(messageId) ? came.dup : came.payload.toString() === `${next++}`).toBe(true)
        taken.add(messageId)
        again.send({ cmd: 'pubrec', messageId })
      }
    }
  })
})
