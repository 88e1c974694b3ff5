// Frames on their way: many messages of a site as one PUBLISH to the remote broker, and messages again at a gateway that unpacks them.
import { describe, expect, test } from 'vitest'
import { decodeFrame, FrameDecoder, TimeQuality } from '../../src/frame/frame.ts'
import { TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import type { WireClient } from '../support/wire-client.ts'

const BATCH = 'batch: { every: 5m, maxReadings: 10 }'

/** A site with one uplink to `cloud`. */
function site(cloud: TestGateway, routes: string, more = ''): string {
  return `
site: well-07
broker: { listeners: [{ port: 0 }] }
uplinks:
  - name: cloud
    url: mqtt://127.0.0.1:${cloud.port}
    ${more}
    routes: [${routes}]
`
}

async function cloudWithSubscriber(filter: string): Promise<{ cloud: TestGateway; subscriber: WireClient }> {
  const cloud = await TestGateway.start()
  const subscriber = await cloud.connect(5, { clientId: 'subscriber' })
  await subscriber.subscribe(filter, { qos: 2 })
  return { cloud, subscriber }
}

async function online(gateway: TestGateway): Promise<void> {
  await until(() => gateway.gateway.uplinks.every((uplink) => uplink.online), 'the uplinks to be up')
}

/** A frame may name a dictionary that an earlier one has brought. */
function topicsAndPayloads(frame: Buffer, decoder = new FrameDecoder()): string[] {
  const decoded = decoder.decode(frame)
  if (decoded.needs !== null) throw new Error(`needs ${decoded.needs}`)
  return decoded.messages.map((m) => `${m.topic} ${Buffer.from(m.payload).toString()}`)
}

/** Frames of `count` messages each, until all messages are there. */
async function framesUntil(subscriber: WireClient, count: number): Promise<string[][]> {
  const frames: string[][] = []
  while (frames.flat().length < count) frames.push(topicsAndPayloads((await subscriber.expect({ cmd: 'publish' })).payload as Buffer))
  return frames
}

const ROUTE = `{ out: "sensors/#", as: "sites/well-07/#", ${BATCH} }`

describe('a batched route', () => {
  test('sends a frame when enough messages have come, at the QoS of the route', async () => {
    const { cloud, subscriber } = await cloudWithSubscriber('#')
    await using _ = cloud
    await using gateway = await TestGateway.start({ yaml: site(cloud, ROUTE) })
    await online(gateway)
    const device = await gateway.connect(4, { clientId: 'device' })
    for (let i = 0; i < 10; i++) device.publish(`sensors/${i % 3}`, `{"t":${20 + i}}`, { qos: (i % 3) as 0 | 1 | 2 })
    const { topic, payload, qos } = await subscriber.expect({ cmd: 'publish' })
    expect({ topic, qos }).toEqual({ topic: 'sandpiper/well-07/frames', qos: 1 })
    expect(topicsAndPayloads(payload as Buffer)).toEqual(Array.from({ length: 10 }, (_, i) => `sites/well-07/${i % 3} {"t":${20 + i}}`))
  })

  test('sends what there is when the oldest message has waited for long enough, and not before', async () => {
    const { cloud, subscriber } = await cloudWithSubscriber('#')
    await using _ = cloud
    await using gateway = await TestGateway.start({ yaml: site(cloud, ROUTE, 'keepAlive: 0s') })
    await online(gateway)
    const device = await gateway.connect(4, { clientId: 'device' })
    device.publish('sensors/a', '1', { qos: 1 })
    await device.expect({ cmd: 'puback' })
    await gateway.pass(200)
    device.publish('sensors/a', '2', { qos: 1 })
    await device.expect({ cmd: 'puback' })
    await gateway.pass(99)
    await subscriber.expectNothing()
    await gateway.pass(1)
    expect(topicsAndPayloads((await subscriber.expect({ cmd: 'publish' })).payload as Buffer)).toEqual(['sites/well-07/a 1', 'sites/well-07/a 2'])
  })

  test('keeps what had its time stamp, QoS, RETAIN and properties', async () => {
    const { cloud, subscriber } = await cloudWithSubscriber('#')
    await using _ = cloud
    await using gateway = await TestGateway.start({ yaml: site(cloud, '{ out: "#", retain: true, batch: { every: 1s, topic: f } }') })
    await online(gateway)
    gateway.clock.wallOffsetMs = Date.UTC(2027, 0, 1) - gateway.clock.now()
    const device = await gateway.connect(5, { clientId: 'device' })
    device.publish('a', 'x', { qos: 2, retain: true, properties: { contentType: 'text/plain', userProperties: { k: 'v' }, messageExpiryInterval: 100 } })
    await device.expect({ cmd: 'pubrec' })
    await gateway.pass(1)
    const decoded = decodeFrame((await subscriber.expect({ cmd: 'publish', topic: 'f' })).payload as Buffer)
    expect(decoded.needs === null && decoded.messages[0]).toMatchObject({ topic: 'a', qos: 2, retain: true, timeQuality: 2, timeMs: Date.UTC(2027, 0, 1), expiresAfterSec: 99 })
    const properties = decoded.needs === null ? decoded.messages[0]!.properties : null
    expect(Buffer.from(properties!).toString('latin1')).toContain('text/plain')
  })

  test('has the right times of what came before the clock was set, from flash too and after another start', async () => {
    const { cloud, subscriber } = await cloudWithSubscriber('#')
    await using _ = cloud
    const yaml = site(cloud, ROUTE, 'keepAlive: 0s')
    const unreachable = yaml.replace(`${cloud.port}`, '1')
    // A likely date: that of the last commit before the power went, five days ago.
    const lastMs = Date.UTC(2027, 0, 1)
    await using gateway = await TestGateway.start({ yaml: unreachable, store: 'sqlite', wallMs: lastMs, isClockSynced: false })
    const device = await gateway.connect(4, { clientId: 'device' })
    device.publish('sensors/a', '1', { qos: 1 })
    await device.expect({ cmd: 'puback' })
    const nowMs = lastMs + 5 * 86_400_000
    await gateway.pass(10)
    gateway.isClockSynced = true
    gateway.clock.wallOffsetMs = nowMs - gateway.clock.now()
    await gateway.pass(1)
    device.publish('sensors/a', '2', { qos: 1 })
    await device.expect({ cmd: 'puback' })
    gateway.configure(yaml)
    gateway.isClockSynced = false
    gateway.clock.wallOffsetMs = lastMs - gateway.clock.now()
    await gateway.restart()
    await online(gateway)
    const again = await gateway.connect(4, { clientId: 'device' })
    again.publish('sensors/a', '3', { qos: 1 })
    await again.expect({ cmd: 'puback' })
    await gateway.pass(300)
    const decoder = new FrameDecoder()
    const times: (string | number)[][] = []
    while (times.length < 3) {
      const decoded = decoder.decode((await subscriber.expect({ cmd: 'publish' })).payload as Buffer)
      if (decoded.needs !== null) throw new Error('a dictionary is missing')
      times.push(...decoded.messages.map(({ payload, timeMs, timeQuality }) => [Buffer.from(payload).toString(), timeMs - nowMs, timeQuality]))
    }
    expect(times.slice(0, 2)).toEqual([['1', -10_000, TimeQuality.synced], ['2', 1000, TimeQuality.synced]])
    expect(times[2]![2]).toBe(TimeQuality.unknown)
  })

  test('QoS 2: a frame that was not acknowledged comes again under its identifier with the same messages', async () => {
    await using cloud = await TestGateway.start()
    const subscriber = await cloud.connect(5, { clientId: 'subscriber' })
    await subscriber.subscribe('#', { qos: 2 })
    await using gateway = await TestGateway.start({ yaml: site(cloud, `{ out: "#", qos: 2, ${BATCH} }`, 'backoff: { min: 1s, max: 1s }'), store: 'sqlite' })
    await online(gateway)
    const device = await gateway.connect(4, { clientId: 'device' })
    for (let i = 0; i < 10; i++) device.publish('a', `${i}`, { qos: 1 })
    for (let i = 0; i < 10; i++) await device.expect({ cmd: 'puback' })
    const first = await subscriber.expect({ cmd: 'publish' })
    await gateway.crash()
    await gateway.passUntil(online(gateway))
    const again = await gateway.connect(4, { clientId: 'device' })
    for (let i = 10; i < 20; i++) again.publish('a', `${i}`, { qos: 1 })
    for (let i = 10; i < 20; i++) await again.expect({ cmd: 'puback' })
    const second = await subscriber.expect({ cmd: 'publish' })
    const decoder = new FrameDecoder()
    expect([first, second].map(({ payload }) => topicsAndPayloads(payload as Buffer, decoder))).toEqual([0, 10].map((from) => Array.from({ length: 10 }, (_, i) => `a ${from + i}`)))
    await subscriber.expectNothing()
  })

  test('what waited for the link goes at once when it is there, in frames that are full', async () => {
    const { cloud, subscriber } = await cloudWithSubscriber('#')
    await using _ = cloud
    await using gateway = await TestGateway.start({ yaml: site(cloud, ROUTE, 'backoff: { min: 1s, max: 1s }'), store: 'sqlite' })
    await online(gateway)
    const device = await gateway.connect(4, { clientId: 'device' })
    for (let i = 0; i < 3; i++) device.publish('sensors/a', `${i}`, { qos: 1 })
    for (let i = 0; i < 3; i++) await device.expect({ cmd: 'puback' })
    await gateway.restart()
    const frames = await gateway.passUntil(framesUntil(subscriber, 3))
    expect(frames).toEqual([['sites/well-07/a 0', 'sites/well-07/a 1', 'sites/well-07/a 2']])
  })
})

describe('unpack', () => {
  /** A gateway in the cloud that takes frames from `cloud` and has the messages for its own clients. */
  const unpacker = (cloud: TestGateway): string => site(cloud, '{ in: "sandpiper/+/frames", qos: 1, unpack: true }', 'clientId: unpacker').replace('site: well-07', 'site: far')

  test('messages are published again as they were, once, over a kill of the one who unpacks', async () => {
    await using cloud = await TestGateway.start()
    await using far = await TestGateway.start({ yaml: unpacker(cloud), store: 'sqlite' })
    await online(far)
    const reader = await far.connect(5, { clientId: 'reader', expirySec: 1000 })
    await reader.subscribe('#', { qos: 2, rap: true })
    await using gateway = await TestGateway.start({ yaml: site(cloud, `{ out: "#", retain: true, ${BATCH} }`), store: 'sqlite' })
    await online(gateway)
    const device = await gateway.connect(5, { clientId: 'device' })
    for (let i = 0; i < 10; i++) device.publish('a', `${i}`, { qos: 1, properties: { contentType: 'n' } })
    for (let i = 0; i < 10; i++) await reader.expect({ cmd: 'publish', topic: 'a', payload: `${i}`, qos: 1, properties: { contentType: 'n' } })
    await until(() => far.counters.committedMessages === 10, 'the messages to be on flash')
    await far.crash()
    await far.passUntil(online(far))
    await gateway.crash()
    await gateway.passUntil(online(gateway))
    const back = await far.connect(5, { clientId: 'reader', expirySec: 1000, clean: false })
    const again = await gateway.connect(5, { clientId: 'device' })
    for (let i = 10; i < 20; i++) again.publish('a', `${i}`, { qos: 1 })
    const seen = new Set<string>()
    while (!seen.has('19')) {
      const { payload, dup } = await back.expect({ cmd: 'publish' })
      expect(dup || Number(payload) >= 10).toBe(true) // what the reader had not acknowledged comes again to it, as a duplicate
      seen.add(String(payload))
    }
    expect(far.counters.messagesUnpacked).toBe(10)
  })
})
