// What is kept in memory of clients that have gone: counted by the engine's own collector, over real connections.
import { queryObjects } from 'node:v8'
import { expect, test } from 'vitest'
import { Connection } from '../../../src/net/connection.ts'
import { Session } from '../../../src/session/session.ts'
import { TestGateway } from '../../support/gateway.ts'

const CLIENTS = 20
/** A turn of the event loop, a frame on the stack: something may still hold the last one. */
const LATE = 2

function alive(what: new (...args: never[]) => object): number {
  return queryObjects(what, { format: 'count' }) as unknown as number
}

test('of a client that is away its session is kept, not its connection', async () => {
  await using gateway = await TestGateway.start()
  for (let i = 0; i < CLIENTS; i++) {
    const client = await gateway.connect(5, { clientId: `away-${i}`, expirySec: 600 })
    await client.subscribe('t', { qos: 1 })
    await client.disconnect()
  }
  expect(alive(Session)).toBe(CLIENTS)
  expect(alive(Connection)).toBeLessThanOrEqual(LATE)
})

test('of sessions that have ended nothing is kept, whatever was routed to them', async () => {
  await using gateway = await TestGateway.start()
  const publisher = await gateway.connect(5)
  for (let i = 0; i < CLIENTS; i++) {
    const client = await gateway.connect(5)
    await client.subscribe(`t/${i}`)
    publisher.publish(`t/${i}`, 'x')
    await client.expect({ cmd: 'publish' })
    await client.disconnect()
  }
  publisher.publish('another/topic', 'x')
  await publisher.expectNothing()
  expect(alive(Session)).toBeLessThanOrEqual(1 + LATE)
  expect(alive(Connection)).toBeLessThanOrEqual(1 + LATE)
})
