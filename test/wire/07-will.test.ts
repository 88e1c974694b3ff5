// Wills (MQTT 5.0 sections 3.1.2.5 to 3.1.2.7, 3.1.3.2, 3.14.4).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { type Version, VERSIONS, type WireClient } from '../support/wire-client.ts'

const will = { topic: 'will', payload: 'gone' }

/** A client that sees every message there is. */
async function watch(gateway: TestGateway, version: Version = 5): Promise<WireClient> {
  const watcher = await gateway.connect(version)
  await watcher.subscribe('#', { qos: 2, ...(version === 5 ? { rap: true } : {}) })
  return watcher
}

describe.each(VERSIONS)('version %i', (version) => {
  test.each([
    ['the connection breaks', (client: WireClient): Promise<void> => client.cut()],
    ['the client makes a mistake', async (client: WireClient): Promise<void> => client.send('c1 00')],
  ] as const)('[MQTT-3.1.2-8] [MQTT-3.1.2-7] [MQTT-3.1.2-14] published when %s', async (_name, end) => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(version, { will })
    await watcher.expectNothing()
    await end(client)
    await watcher.expect({ cmd: 'publish', ...will, qos: 0, retain: false })
    await watcher.expectNothing()
  })

  test('[MQTT-3.1.2-8] published when the client falls silent', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    await gateway.connect(version, { will, keepalive: 10 })
    await gateway.pass(17)
    await watcher.expect({ cmd: 'publish', ...will })
  })

  test('[MQTT-3.1.2-8] published when another connection takes over', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const asked = { clientId: 'c', clean: false, expirySec: 100 }
    await gateway.connect(version, { ...asked, will })
    await gateway.connect(version, { ...asked, will: { topic: 'will', payload: 'the second' } })
    await watcher.expect({ cmd: 'publish', payload: 'gone' })
    await watcher.expectNothing()
  })

  test('[MQTT-3.1.2-10] [MQTT-3.14.4-3] not published after DISCONNECT', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(version, { clientId: 'c', clean: false, expirySec: 10, will })
    await client.disconnect()
    await gateway.pass(20)
    await watcher.expectNothing()
  })

  test('[MQTT-3.1.2-10] [MQTT3-3.1.2-12] published once: the next connection without a will has none', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const asked = { clientId: 'c', clean: false, expirySec: 100 }
    const client = await gateway.connect(version, { ...asked, will })
    await client.cut()
    await watcher.expect({ cmd: 'publish', ...will })
    const again = await gateway.connect(version, asked)
    await again.cut()
    await watcher.expectNothing()
  })

  test.each([0, 1, 2] as const)('[MQTT-3.1.2-12] [MQTT-3.1.2-15] at QoS %i, retained', async (qos) => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(version, { will: { ...will, qos, retain: true } })
    await client.cut()
    await watcher.expect({ cmd: 'publish', ...will, qos, retain: true })
    const late = await gateway.connect(version)
    await late.subscribe('will', { qos: 2 })
    await late.expect({ cmd: 'publish', ...will, qos, retain: true })
  })

  test('an empty retained will clears the topic', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, { will: { topic: 'state', payload: '', retain: true } })
    client.publish('state', 'on', { retain: true })
    await client.expectNothing()
    await client.cut()
    const late = await gateway.connect(version)
    await late.subscribe('state')
    await late.expectNothing()
  })

  test('it reaches a session that is away', async () => {
    await using gateway = await TestGateway.start()
    const kept = { clientId: 'kept', clean: false, expirySec: 100 }
    const away = await gateway.connect(version, kept)
    await away.subscribe('will', { qos: 1 })
    await away.disconnect()
    const client = await gateway.connect(version, { will: { ...will, qos: 1 } })
    await client.cut()
    const again = await gateway.connect(version, kept)
    await again.expect({ cmd: 'publish', ...will, qos: 1 })
  })
})

describe('5.0', () => {
  const delayed = { clientId: 'c', clean: false, expirySec: 100, will: { ...will, properties: { willDelayInterval: 10 } } }

  test.each([0x04, 0x80, 0x81, 0x93, 0x98])('[MQTT-3.14.4-3] [MQTT-3.1.2-8] DISCONNECT publishes it unless its reason is 0: %i', async (reasonCode) => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(5, { will })
    await client.disconnect({ reasonCode })
    await watcher.expect({ cmd: 'publish', ...will })
  })

  test('[MQTT-3.1.2-8] it waits for its delay', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(5, delayed)
    await client.cut()
    await gateway.pass(9)
    await watcher.expectNothing()
    await gateway.pass(2)
    await watcher.expect({ cmd: 'publish', ...will })
    await watcher.expectNothing()
  })

  test('[MQTT-3.1.3-9] a connection within the delay takes it back', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(5, delayed)
    await client.cut()
    await gateway.pass(5)
    await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 100 }, { sessionPresent: true })
    await gateway.pass(100)
    await watcher.expectNothing()
  })

  test('[MQTT-3.1.3-9] taking over within the delay takes it back too', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    await gateway.connect(5, delayed)
    await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 100 }, { sessionPresent: true })
    await gateway.pass(100)
    await watcher.expectNothing()
  })

  test('[MQTT-3.1.2-8] the session’s end does not wait for the delay', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(5, { ...delayed, expirySec: 3 })
    await client.cut()
    await gateway.pass(1)
    await watcher.expectNothing()
    await gateway.pass(3)
    await watcher.expect({ cmd: 'publish', ...will })
    await watcher.expectNothing()
  })

  test('without a session to outlive the connection there is no delay', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(5, { ...delayed, clean: true, expirySec: 0 })
    await client.cut()
    await watcher.expect({ cmd: 'publish', ...will })
  })

  test('[MQTT-3.1.2-4] a clean start ends the session, and so publishes the will that waited', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(5, delayed)
    await client.cut()
    await watcher.expectNothing()
    await gateway.connect(5, { clientId: 'c', clean: true }, { sessionPresent: false })
    await watcher.expect({ cmd: 'publish', ...will })
    await watcher.expectNothing()
  })

  test('DISCONNECT with 0x04 and an expiry: the delay counts from there', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.connect(5, delayed)
    await client.disconnect({ reasonCode: 0x04, expirySec: 1000 })
    await gateway.pass(8)
    await watcher.expectNothing()
    await gateway.pass(3)
    await watcher.expect({ cmd: 'publish', ...will })
  })

  test('[MQTT-3.1.3-10] its properties travel with it, user properties in their order', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await watch(gateway)
    const client = await gateway.open(5)
    // CONNECT; will properties: delay, user property b=2, content type, a=1, b=1, payload format, expiry 60, response topic, correlation data
    const properties = '1800000000 26000162000132 03000163 26000161000131 26000162000131 0101 020000003c 08000172 09000278ff'.replaceAll(' ', '')
    const length = (properties.length / 2).toString(16).padStart(2, '0')
    const body = `0004 4d515454 05 06 0000 00 0001 63 ${length} ${properties} 0004 77696c6c 0004 676f6e65`.replaceAll(' ', '')
    client.send(`10 ${(body.length / 2).toString(16).padStart(2, '0')} ${body}`)
    await client.expect({ cmd: 'connack', reasonCode: 0 })
    await client.cut()
    const kept = '020000003c 26000162000132 03000163 26000161000131 26000162000131 0101 08000172 09000278ff'.replaceAll(' ', '')
    const rest = `0004 77696c6c ${(kept.length / 2).toString(16).padStart(2, '0')} ${kept} 676f6e65`.replaceAll(' ', '')
    await watcher.expectBytes(`30 ${(rest.length / 2).toString(16).padStart(2, '0')} ${rest}`)
  })

  test('its message expiry counts from its publication', async () => {
    await using gateway = await TestGateway.start()
    const kept = { clientId: 'kept', clean: false, expirySec: 1000 }
    const away = await gateway.connect(5, kept)
    await away.subscribe('will', { qos: 1 })
    await away.disconnect()
    const client = await gateway.connect(5, { ...delayed, will: { ...will, qos: 1, properties: { willDelayInterval: 50, messageExpiryInterval: 20 } } })
    await gateway.pass(30)
    await client.cut()
    await gateway.pass(51)
    await gateway.pass(5)
    const again = await gateway.connect(5, kept)
    const { properties } = await again.expect({ cmd: 'publish', ...will })
    if (![14, 15].includes(properties!.messageExpiryInterval!)) throw new Error(`expiry is ${properties!.messageExpiryInterval}`)
  })

  test('[MQTT-3.8.3-3] No Local: the client does not get its own will back after it resumes', async () => {
    await using gateway = await TestGateway.start()
    const asked = { clientId: 'c', clean: false, expirySec: 100 }
    const client = await gateway.connect(5, { ...asked, will: { ...will, qos: 1 } })
    await client.subscribe('will', { qos: 1, nl: true })
    await client.subscribe('mark', { qos: 1 })
    await client.cut()
    const publisher = await gateway.connect(5)
    publisher.publish('mark', 'the first that comes', { qos: 1 })
    await publisher.expect({ cmd: 'puback' })
    const again = await gateway.connect(5, asked)
    await again.expect({ cmd: 'publish', payload: 'the first that comes' })
  })
})
