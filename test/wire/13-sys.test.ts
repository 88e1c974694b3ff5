// The $SYS tree, a convention of brokers: which values there are, when they are published, what they count. test/system/sys.test.ts
// compares them with a real Mosquitto's.
import { describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import type { WireClient } from '../support/wire-client.ts'

const EVERY_10_S = { broker: { sysIntervalMs: 10_000 } }

/** What a subscriber gets now: topic → payload, without `$SYS/`. */
async function read(client: WireClient, filter = '$SYS/#'): Promise<Record<string, string>> {
  await client.subscribe(filter)
  const packets = await client.drain()
  client.send({ cmd: 'unsubscribe', messageId: client.nextMessageId(), unsubscriptions: [filter] })
  await client.expect({ cmd: 'unsuback' })
  return Object.fromEntries(packets.map((p) => (p.cmd === 'publish' ? [p.topic.slice('$SYS/'.length), p.payload.toString()] : ['', p.cmd])))
}

describe('when', () => {
  test('at start, retained, and again at every interval', async () => {
    await using gateway = await TestGateway.start(EVERY_10_S)
    const client = await gateway.connect(4)
    await client.subscribe('$SYS/broker/uptime')
    await client.expect({ cmd: 'publish', topic: '$SYS/broker/uptime', payload: '0 seconds', retain: true, qos: 0 })
    await gateway.pass(9)
    await client.expectNothing()
    await gateway.pass(1)
    await client.expect({ cmd: 'publish', topic: '$SYS/broker/uptime', payload: '10 seconds', retain: false })
    await gateway.pass(10)
    await client.expect({ cmd: 'publish', topic: '$SYS/broker/uptime', payload: '20 seconds' })
  })

  test('a value that has not changed is not published again; it is there for who subscribes', async () => {
    await using gateway = await TestGateway.start(EVERY_10_S)
    const client = await gateway.connect(4)
    await gateway.pass(10)
    await client.subscribe('$SYS/broker/clients/#')
    const first = await client.drain()
    expect(first.map((p) => (p.cmd === 'publish' ? p.topic : ''))).toContain('$SYS/broker/clients/connected')
    await gateway.pass(10)
    await client.expectNothing()
    const other = await gateway.connect(4)
    await gateway.pass(10)
    const changed = (await client.drain()).map((p) => (p.cmd === 'publish' ? `${p.topic.slice(20)} ${p.payload.toString()}` : p.cmd))
    expect(changed.sort()).toEqual(['active 2', 'connected 2', 'maximum 2', 'total 2'])
    expect(await read(other, '$SYS/broker/clients/connected')).toEqual({ 'broker/clients/connected': '2' })
  })

  test('with sysInterval 0s: the version, and nothing else', async () => {
    await using gateway = await TestGateway.start({ broker: { sysIntervalMs: 0 } })
    const client = await gateway.connect(4)
    await gateway.pass(86_400)
    expect(await read(client)).toEqual({ 'broker/version': 'sandpiper test' })
  })

  test('values are kept also where clients may keep nothing', async () => {
    await using gateway = await TestGateway.start({ broker: { sysIntervalMs: 10_000, retainedMessagesMax: 0, retainedBytesMax: 0 } })
    const client = await gateway.connect(4)
    await client.subscribe('$SYS/broker/clients/expired')
    await client.expect({ cmd: 'publish', topic: '$SYS/broker/clients/expired', payload: '0', retain: true })
    await client.expectNothing()
  })
})

describe('what', () => {
  test('clients: connected, disconnected, the most at once, expired', async () => {
    await using gateway = await TestGateway.start(EVERY_10_S)
    const reader = await gateway.connect(4)
    const stays = await gateway.connect(5, { clientId: 'stays', expirySec: 3600 })
    const leaves = await gateway.connect(5, { clientId: 'leaves', expirySec: 30 })
    const forgotten = await gateway.connect(5)
    await stays.disconnect()
    await leaves.disconnect()
    await forgotten.disconnect()
    await gateway.pass(10)
    expect(await read(reader, '$SYS/broker/clients/#')).toEqual({
      'broker/clients/total': '3',
      'broker/clients/connected': '1',
      'broker/clients/active': '1',
      'broker/clients/disconnected': '2',
      'broker/clients/inactive': '2',
      'broker/clients/maximum': '4',
      'broker/clients/expired': '0',
    })
    await gateway.pass(30)
    await gateway.pass(10)
    expect(await read(reader, '$SYS/broker/clients/#')).toMatchObject({ 'broker/clients/total': '2', 'broker/clients/disconnected': '1', 'broker/clients/expired': '1' })
  })

  test('messages, payloads and bytes, as they went over the wire', async () => {
    await using gateway = await TestGateway.start(EVERY_10_S)
    const receiver = await gateway.connect(4, { clientId: 'r' })
    await receiver.subscribe('a', { qos: 1 })
    const sender = await gateway.connect(4, { clientId: 's' })
    sender.publish('a', 'four', { qos: 1 })
    await sender.expect({ cmd: 'puback' })
    sender.publish('a', 'seven..')
    await receiver.expect({ cmd: 'publish', payload: 'four' })
    await receiver.expect({ cmd: 'publish', payload: 'seven..' })
    const late = await gateway.connect(4, { clientId: 'l' })
    await gateway.pass(10)
    // Received: CONNECT 2+10+3 and 3, of `l` too; SUBSCRIBE 2+2+4; PUBLISH 2+3+2+4 and 2+3+7. Sent: CONNACK 4, SUBACK 5, PUBACK 4, both PUBLISH.
    expect(await read(late)).toMatchObject({
      'broker/messages/received': '6',
      'broker/messages/sent': '7',
      'broker/messages/inflight': '1',
      'broker/publish/messages/received': '2',
      'broker/publish/messages/sent': '2',
      'broker/publish/messages/dropped': '0',
      'broker/publish/bytes/received': '11',
      'broker/publish/bytes/sent': '11',
      'broker/bytes/received': String(3 * 15 + 8 + 11 + 12),
      'broker/bytes/sent': String(3 * 4 + 5 + 4 + 11 + 12),
      'broker/subscriptions/count': '1',
      'broker/load/messages/received/1min': (6 * 6 * (1 - Math.exp(-1 / 6))).toFixed(2),
      'broker/load/connections/15min': (3 * 6 * (1 - Math.exp(-1 / 90))).toFixed(2),
      'broker/load/sockets/5min': (3 * 6 * (1 - Math.exp(-1 / 30))).toFixed(2),
    })
  })

  test('messages that wait for somebody, and retained ones, are stored', async () => {
    await using gateway = await TestGateway.start(EVERY_10_S)
    const away = await gateway.connect(5, { clientId: 'away', expirySec: 3600 })
    await away.subscribe('q/#', { qos: 1 })
    await away.disconnect()
    const client = await gateway.connect(4)
    await gateway.pass(10)
    const before = await read(client, '$SYS/broker/#')
    for (const topic of ['q/1', 'q/2', 'q/3']) client.publish(topic, 'x', { qos: 1 })
    for (let i = 0; i < 3; i++) await client.expect({ cmd: 'puback' })
    client.publish('kept', 'x', { retain: true })
    await client.expectNothing()
    await gateway.pass(10)
    const after = await read(client, '$SYS/broker/#')
    const grown = (name: string): number => Number(after[name]) - Number(before[name])
    expect(grown('broker/retained messages/count')).toBe(1)
    expect(grown('broker/messages/stored')).toBe(4)
    expect(grown('broker/store/messages/count')).toBe(4)
    expect(after['broker/store/messages/bytes']).toMatch(/^[1-9]\d*$/)
  })

  test('shared subscriptions are counted apart, also when they are replaced or end', async () => {
    await using gateway = await TestGateway.start(EVERY_10_S)
    const reader = await gateway.connect(4)
    const [a, b] = [await gateway.connect(5), await gateway.connect(5)]
    for (const client of [a, b]) {
      await client.subscribe('$share/group/x')
      await client.subscribe('$share/group/x', { qos: 1 })
      await client.subscribe('plain')
    }
    await gateway.pass(10)
    expect(await read(reader)).toMatchObject({ 'broker/shared_subscriptions/count': '2', 'broker/subscriptions/count': '2' })
    await a.disconnect()
    await gateway.pass(10)
    expect(await read(reader)).toMatchObject({ 'broker/shared_subscriptions/count': '1', 'broker/subscriptions/count': '1' })
  })
})
