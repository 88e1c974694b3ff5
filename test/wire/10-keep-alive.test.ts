// The keep-alive maximum: who is told, who cannot be, and that time in which we did not read is not the client's silence.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { VERSIONS } from '../support/wire-client.ts'

const MAX = { broker: { keepAliveSecMax: 100 } }

describe('5.0: Server Keep Alive', () => {
  test.each([
    ['more than the maximum', 101],
    ['the most there is', 65_535],
    ['none', 0],
  ])('[MQTT-3.2.2-21] [MQTT-3.1.2-22] who asks for %s is told the maximum, and that is what counts', async (_, keepalive) => {
    await using gateway = await TestGateway.start(MAX)
    const client = await gateway.connect(5, { keepalive }, { properties: { serverKeepAlive: 100 } })
    expect(gateway.counters.keepAlivesShortened).toBe(1)
    await gateway.pass(149)
    await client.expectNothing()
    await gateway.pass(152)
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.keepAliveTimeout })
    await client.expectClosed()
    expect(gateway.counters.keepAliveTimeouts).toBe(1)
  })

  test.each([1, 99, 100])('[MQTT-3.2.2-22] who asks for %i, no more than the maximum, keeps it and is told nothing', async (keepalive) => {
    await using gateway = await TestGateway.start(MAX)
    const client = await gateway.connect(5, { keepalive })
    expect(client.connack.properties?.serverKeepAlive).toBeUndefined()
    expect(gateway.counters.keepAlivesShortened).toBe(0)
    await gateway.pass(keepalive * 1.5 + 2)
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.keepAliveTimeout })
    await client.expectClosed()
  })

  test('without a maximum everybody keeps what was asked for', async () => {
    await using gateway = await TestGateway.start({ broker: { keepAliveSecMax: Infinity } })
    const client = await gateway.connect(5, { keepalive: 0 })
    expect(client.connack.properties?.serverKeepAlive).toBeUndefined()
    await gateway.pass(1_000_000)
    await client.expectNothing()
  })
})

describe.each([3, 4] as const)('version %i', (version) => {
  test.each([0, 1000])('a client that asks for %i cannot be told, and keeps it', async (keepalive) => {
    await using gateway = await TestGateway.start(MAX)
    const client = await gateway.connect(version, { keepalive })
    await gateway.pass(1400)
    await client.expectNothing()
    expect(gateway.counters).toMatchObject({ keepAlivesShortened: 0, keepAliveTimeouts: 0 })
  })
})

test.each(VERSIONS)('version %i: a client that was held back for long has its whole time again to be heard', async (version) => {
  await using gateway = await TestGateway.start({ broker: { outputBytesMax: 4_000_000 } })
  const slow = await gateway.connect(version)
  await slow.subscribe('t')
  slow.stopReading()
  const publisher = await gateway.connect(version, { keepalive: 2 })
  // More than the kernel takes: the publisher waits for the slow one, until that has been given up on.
  for (let i = 0; i < 1500; i++) publisher.publish('t', Buffer.alloc(10_000))
  await gateway.passUntil(publisher.expectNothing())
  expect(gateway.counters.droppedSlowReader).toBeGreaterThan(0)
  expect(gateway.counters.keepAliveTimeouts).toBe(0)
})
