// Limits before anybody is known: who may connect, how often, how soon CONNECT has to come, and how large it may be.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { ScramClient } from '../support/scram-client.ts'
import { connectPacket, VERSIONS } from '../support/wire-client.ts'

const NONE = { remote: Infinity, local: Infinity }

describe.each(VERSIONS)('version %i', (version) => {
  test('one connection of an address too many is closed and counted; there is room again when another leaves', async () => {
    await using gateway = await TestGateway.start({ broker: { connectionsPerAddressMax: { remote: 2, local: 2 } } })
    const [first, second] = [await gateway.connect(version), await gateway.connect(version)]
    const third = await gateway.open(version)
    await third.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedPerAddress: 1, refusedConnections: 0, connectionsRefused: 1 })
    await second.expectNothing()
    await first.disconnect()
    await gateway.connect(version)
  })

  test('one connection too many in a minute is closed and counted; a minute later it may come', async () => {
    await using gateway = await TestGateway.start({ broker: { connectionsPerMinuteMax: { remote: 3, local: 3 } } })
    for (let i = 0; i < 3; i++) await (await gateway.connect(version)).disconnect()
    const refused = await gateway.open(version)
    await refused.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedConnectionRate: 1, connectionsRefused: 1 })
    await gateway.pass(65)
    await gateway.connect(version)
  })

  test('a connection that is open is not concerned by the rate', async () => {
    await using gateway = await TestGateway.start({ broker: { connectionsPerMinuteMax: { remote: 1, local: 1 } } })
    const client = await gateway.connect(version)
    await (await gateway.open(version)).expectClosed()
    await client.expectNothing()
  })

  test('CONNECT of just the size that is allowed is accepted', async () => {
    const packet = connectPacket(version, { clientId: 'x'.repeat(400) })
    await using gateway = await TestGateway.start()
    const size = (await gateway.open(version)).bytesOf(packet).length
    await using tight = await TestGateway.start({ broker: { connectBytesMax: size } })
    const client = await tight.open(version)
    client.send(packet)
    await client.expect({ cmd: 'connack' })
  })

  test('CONNECT with one byte more ends the connection when its length is known: nothing can be said to somebody unknown', async () => {
    await using gateway = await TestGateway.start({ broker: { connectBytesMax: 200 } })
    const client = await gateway.open(version)
    client.send('10 c6 01') // 198 bytes follow: 201 in all
    await client.expectClosed()
    expect(gateway.counters).toMatchObject({ refusedConnectSize: 1, refusedPacketSize: 0, connectionsRefused: 1 })
  })

  test('packets after CONNECT may be larger than a CONNECT', async () => {
    await using gateway = await TestGateway.start({ broker: { connectBytesMax: 200, packetBytesMax: 5000 } })
    const client = await gateway.open(version)
    const publish = client.bytesOf({ cmd: 'publish', topic: 't', payload: Buffer.alloc(4000), qos: 1, messageId: 1, dup: false, retain: false })
    client.send(connectPacket(version), publish) // without waiting for CONNACK
    await client.expect({ cmd: 'connack' })
    await client.expect({ cmd: 'puback', messageId: 1 })
  })

  test('a CONNECT that comes too late finds the connection closed, and that is counted', async () => {
    await using gateway = await TestGateway.start({ broker: { connectTimeoutMs: 2000 } })
    const client = await gateway.open(version)
    await (await gateway.connect(version)).disconnect() // its CONNACK says that the first was accepted
    await gateway.pass(1)
    client.send(client.bytesOf(connectPacket(version)).subarray(0, 5))
    await gateway.pass(2)
    await client.expectClosed()
    expect(gateway.counters.connectTimeouts).toBe(1)
  })
})

test('other addresses’ and the listener’s limits are counted apart', async () => {
  await using gateway = await TestGateway.start({ broker: { connectionsMax: 1, connectionsPerAddressMax: NONE, connectionsPerMinuteMax: NONE } })
  await gateway.connect(5)
  await (await gateway.open(5)).expectClosed()
  expect(gateway.counters).toMatchObject({ refusedConnections: 1, refusedPerAddress: 0, refusedConnectionRate: 0, connectionsRefused: 1 })
})

test('the defaults leave programs of this machine alone', async () => {
  await using gateway = await TestGateway.start()
  for (let i = 0; i < 700; i++) await (await gateway.connect(5)).disconnect()
  const clients = []
  for (let i = 0; i < 300; i++) clients.push(await gateway.connect(5))
  await clients.at(-1)!.expectNothing()
  expect(gateway.counters.connectionsRefused).toBe(0)
})

test('AUTH before CONNACK may not be larger than a CONNECT either', async () => {
  await using gateway = await TestGateway.start({ users: { pump: 'secret' }, anonymous: false, broker: { connectBytesMax: 300 } })
  const client = await gateway.open(5)
  const authenticationMethod = 'SCRAM-SHA-256'
  client.send(connectPacket(5, { properties: { authenticationMethod, authenticationData: new ScramClient('pump', 'secret').first } }))
  await client.expect({ cmd: 'auth', reasonCode: Reason.continueAuthentication })
  client.send({ cmd: 'auth', reasonCode: Reason.continueAuthentication, properties: { authenticationMethod, authenticationData: Buffer.alloc(300) } })
  await client.expect({ cmd: 'connack', reasonCode: Reason.packetTooLarge })
  await client.expectClosed()
  expect(gateway.counters.refusedConnectSize).toBe(1)
})
