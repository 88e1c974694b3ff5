// The uplink against a real Mosquitto as the cloud, and against a second Sandpiper: what goes out and comes in, and what an
// outage, a restart and a kill on either side leave of it.
import type { MqttClient } from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { LinkEmulator } from '../support/link-emulator.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { type Got, MqttClients } from '../support/mqtt-clients.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const clients = new MqttClients()
const { kept, connect: client, listen } = clients

afterEach(() => clients[Symbol.asyncDispose]())

const QUICK = { backoff: { min: '100ms', max: '300ms' }, connectTimeout: '2s' }

async function siteWith(url: string, routes: readonly object[], more: object = {}): Promise<Site> {
  const site = kept(await Site.make())
  // MQTT.js sends what it has kept one by one, so after each restart every message waits for a commit of its own.
  await site.configure({ store: { commitWindow: '5ms' }, uplinks: [{ name: 'cloud', url, clientId: 'gateway', routes, ...QUICK, ...more }] })
  await site.start()
  return site
}

async function isUp(site: Site): Promise<void> {
  await until(() => site.gateway.log.some((line) => line.msg === 'uplink is up'), 'the uplink to be up', 10_000)
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

/** Some at a time: MQTT.js knows no Receive Maximum, and who exceeds it is disconnected. */
const WINDOW = 100

async function publishAll(publisher: MqttClient, topic: string, payloads: readonly string[], qos: 0 | 1 | 2): Promise<void> {
  for (let i = 0; i < payloads.length; i += WINDOW) {
    await Promise.all(payloads.slice(i, i + WINDOW).map((payload) => publisher.publishAsync(topic, payload, { qos })))
  }
}

const firstOf = (got: readonly Got[]): string[] => [...new Set(got.map((g) => g.payload))]

test('[MQTT-3.2.2-14] a cloud that keeps no retained messages gets them without RETAIN', async () => {
  const cloud = kept(await Mosquitto.start({ lines: ['retain_available false'] }))
  const site = await siteWith(cloud.url, [{ out: 'r/#', retain: true }], { version: 5 })
  await isUp(site)
  const got = await listen(cloud.url, 'r/#', { properties: {} })
  const device = await client(site.url)
  await device.publishAsync('r/x', '1', { qos: 1, retain: true })
  await until(() => got.length > 0, 'the message')
  expect(got).toMatchObject([{ topic: 'r/x', payload: '1', retain: false }])
  expect(site.gateway.log.filter((line) => line.msg === 'uplink is up')).toHaveLength(1)
})

test('[MQTT-3.2.2-15] a message of just the size that the cloud takes goes without an alias', async () => {
  const cloud = kept(await Mosquitto.start({ lines: ['max_packet_size 100'] }))
  const site = await siteWith(cloud.url, [{ out: 'topic' }], { version: 5 })
  await isUp(site)
  const got = await listen(cloud.url, 'topic')
  const device = await client(site.url)
  // Fixed header 2, topic 7, identifier 2, property length 1: 88 are left.
  for (const payload of ['x'.repeat(88), 'small', 'y'.repeat(88), 'z'.repeat(89), 'end']) await device.publishAsync('topic', payload, { qos: 1 })
  await until(() => got.some((g) => g.payload === 'end'), 'the last message')
  expect(got.map((g) => g.payload)).toEqual(['x'.repeat(88), 'small', 'y'.repeat(88), 'end'])
  expect(site.gateway.log.filter((line) => line.msg === 'uplink is up')).toHaveLength(1)
})

for (const version of [4, 5] as const) {
  describe(`MQTT ${version === 4 ? '3.1.1' : '5.0'}`, () => {
    test('the cloud is told whether the gateway is connected: by itself, and by its will', async () => {
      const cloud = kept(await Mosquitto.start())
      const states = await listen(cloud.url, 'sites/+/state')
      const site = await siteWith(cloud.url, [{ out: 'x/#' }], { version, stateTopic: 'sites/{site}/state' })
      const saw = async (n: number): Promise<void> => void (await until(() => states.length >= n, `${n} states`))
      await saw(1)
      await site.gateway.stop()
      await saw(2)
      await site.start()
      await saw(3)
      await site.gateway.kill()
      await saw(4)
      expect(states.map((s) => s.payload)).toEqual(['online', 'offline', 'online', 'offline'])
      const late = await listen(cloud.url, 'sites/+/state')
      await until(() => late.length > 0, 'the retained state')
      expect(late).toMatchObject([{ topic: 'sites/test/state', payload: 'offline', retain: true }])
    })

    test('messages go out and come in under their other names, at each QoS', async () => {
      const cloud = kept(await Mosquitto.start())
      const site = await siteWith(
        cloud.url,
        [
          { out: 'sensors/+/level', as: 'data/{site}/+/level', qos: 2 },
          { out: 'plain/#', qos: 0 },
          { out: 'once/#', as: 'o/#', qos: 1 },
          { in: 'sites/{site}/commands/#', as: 'commands/#', qos: 2 },
        ],
        { version },
      )
      await isUp(site)
      const atCloud = await listen(cloud.url, '#')
      const local = await listen(site.url, 'commands/#')
      const device = await client(site.url)
      const operator = await client(cloud.url)

      await publishAll(device, 'sensors/tank/level', ['q2'], 2)
      await publishAll(device, 'sensors/tank/other', ['not routed'], 2)
      await publishAll(device, 'plain/a', ['q0'], 1)
      await publishAll(device, 'once/a/b', ['q1 from q2'], 2)
      await publishAll(device, 'once/a/b', ['q1 from q0'], 0)
      await until(() => atCloud.length >= 4, 'four messages at the cloud')
      expect(atCloud.sort((a, b) => a.payload.localeCompare(b.payload))).toEqual([
        { topic: 'plain/a', payload: 'q0', qos: 0, retain: false },
        { topic: 'o/a/b', payload: 'q1 from q0', qos: 1, retain: false },
        { topic: 'o/a/b', payload: 'q1 from q2', qos: 1, retain: false },
        { topic: 'data/test/tank/level', payload: 'q2', qos: 2, retain: false },
      ])

      for (const qos of [0, 1, 2] as const) await publishAll(operator, 'sites/test/commands/pump/on', [`in q${qos}`], qos)
      await publishAll(operator, 'sites/other/commands/pump/on', ['not ours'], 1)
      await until(() => local.length >= 3, 'three messages here')
      expect(local).toEqual([0, 1, 2].map((qos) => ({ topic: 'commands/pump/on', payload: `in q${qos}`, qos, retain: false })))
      expect(atCloud.filter((g) => g.topic.includes('commands')).length).toBe(4) // nothing came back
    })

    test('an outage with a restart and a kill in it: all arrive in order, QoS 2 once', { timeout: 60_000 }, async () => {
      const cloud = kept(await Mosquitto.start())
      const site = await siteWith(cloud.url, [{ out: 'a/#', qos: 1 }, { out: 'b/#', qos: 2 }], { version })
      await isUp(site)
      const watcher = { clientId: 'watcher', clean: false, protocolVersion: 4 } as const
      const got = await listen(cloud.url, '#', watcher)
      const device = await client(site.url, { clientId: 'device', clean: false, properties: { sessionExpiryInterval: 600 } })
      const both = async (from: number, to: number): Promise<void> => {
        await Promise.all([publishAll(device, 'a/1', numbers(from, to), 1), publishAll(device, 'b/2', numbers(from, to), 2)])
      }
      await both(1, 50)
      // Mosquitto forgets over its own restart what it had told a subscriber: only what that has finished stays single.
      await until(() => cloud.log.split('Received PUBCOMP from watcher').length > 50, 'the first fifty to be done with')
      await cloud.stop()
      await both(51, 200)
      expect((await site.gateway.stop()).code).toBe(0)
      await site.start()
      await both(201, 300)
      await site.gateway.kill()
      await site.start()
      await both(301, 400)
      await cloud.start()
      const of = (topic: string): Got[] => got.filter((g) => g.topic === topic)
      await until(() => firstOf(of('a/1')).length === 400 && firstOf(of('b/2')).length === 400, 'everything at the cloud', 30_000)
      expect(firstOf(of('a/1'))).toEqual(numbers(1, 400))
      expect(of('b/2').map((g) => g.payload)).toEqual(numbers(1, 400))
    })

    test('a link that breaks again and again in the middle of the work loses and doubles nothing', { timeout: 60_000 }, async () => {
      const cloud = kept(await Mosquitto.start())
      const cable = kept(await LinkEmulator.to(cloud.port))
      const site = await siteWith(cable.url, [{ out: 'b/#', qos: 2 }, { in: 'c/#', qos: 2 }], { version })
      await isUp(site)
      const out = await listen(cloud.url, 'b/#')
      // With a session: one without is given 1000 in flight and 1000 queued, and a burst from a cloud is not held back for it.
      const into = await listen(site.url, 'c/#', { clientId: 'here', clean: false, properties: { sessionExpiryInterval: 600 } })
      const device = await client(site.url)
      const operator = await client(cloud.url)
      await until(() => cloud.log.includes('gateway 2 c/#'), 'the subscription at the cloud')
      const work = Promise.all([publishAll(device, 'b/1', numbers(1, 3000), 2), publishAll(operator, 'c/1', numbers(1, 3000), 2)])
      for (const mark of [300, 900, 1500, 2100]) {
        await until(() => out.length >= mark, `${mark} at the cloud`, 20_000)
        await cable.cut()
        await cable.mend()
      }
      await work
      await until(() => firstOf(out).length === 3000 && firstOf(into).length === 3000, 'everything on both sides', 30_000)
      expect(out.map((g) => g.payload)).toEqual(numbers(1, 3000))
      expect(into.map((g) => g.payload)).toEqual(numbers(1, 3000))
    })
  })
}

test('a message does not go round: what goes out under a name that also comes in stays away', async () => {
  const cloud = kept(await Mosquitto.start())
  const site = await siteWith(cloud.url, [{ out: 'shared/#', qos: 1 }, { in: 'shared/#', qos: 1 }], { version: 5 })
  await isUp(site)
  await until(() => cloud.log.includes('gateway 1 shared/#'), 'the subscription at the cloud')
  const atCloud = await listen(cloud.url, 'shared/#')
  const here = await listen(site.url, 'shared/#')
  const device = await client(site.url)
  const operator = await client(cloud.url)
  await publishAll(device, 'shared/x', ['from the site'], 1)
  await until(() => atCloud.length >= 1, 'the message at the cloud')
  await publishAll(operator, 'shared/x', ['from the cloud'], 1)
  await until(() => here.length >= 2, 'the cloud’s message here')
  // Had one of them gone round, it would be before these.
  await publishAll(device, 'shared/x', ['last'], 1)
  await until(() => atCloud.some((g) => g.payload === 'last'), 'the last message at the cloud')
  await publishAll(operator, 'shared/x', ['very last'], 1)
  await until(() => here.some((g) => g.payload === 'very last'), 'the very last message here')
  expect(here.map((g) => g.payload)).toEqual(['from the site', 'from the cloud', 'last', 'very last'])
  expect(atCloud.map((g) => g.payload)).toEqual(['from the site', 'from the cloud', 'last', 'very last'])
})

test('$SYS says whether the link is up', async () => {
  const cloud = kept(await Mosquitto.start())
  const site = await siteWith(cloud.url, [{ out: 'a/#' }])
  await isUp(site)
  const state = await listen(site.url, '$SYS/broker/connection/cloud/state')
  await until(() => state.at(-1)?.payload === '1', 'the state to be 1')
  expect(state[0]!.retain).toBe(true)
  await cloud.stop()
  await until(() => state.at(-1)?.payload === '0', 'the state to be 0')
  await cloud.start()
  await until(() => state.at(-1)?.payload === '1', 'the state to be 1 again')
})

test('a refused password is said in a sentence, and tried again ever later', async () => {
  const cloud = kept(await Mosquitto.start({ user: { name: 'well', password: 'right' } }))
  const site = await siteWith(cloud.url, [{ out: 'a/#' }], { username: 'well', password: 'wrong', backoff: { min: '100ms', max: '10s' } })
  const down = () => site.gateway.log.filter((line) => line.msg === 'uplink is down')
  await until(() => down().length >= 3, 'three attempts', 10_000)
  // Mosquitto 2.0 says "not authorized" to a wrong password in 5.0.
  for (const line of down()) {
    expect(line.why).toMatch(/^127\.0\.0\.1 refused the connection: (wrong username or password|not authorized)$/)
    expect(line.waitMs).toBeGreaterThanOrEqual(100)
  }
  expect(site.gateway.stdout).not.toContain('"wrong"')
  await site.gateway.stop()
  await site.configure({ uplinks: [{ name: 'cloud', url: cloud.url, clientId: 'gateway', username: 'well', password: 'right', routes: [{ out: 'a/#' }] }] })
  await site.start()
  await isUp(site)
})

test('a cloud that takes connections and never answers is given up, and local clients notice nothing', async () => {
  const cable = kept(await LinkEmulator.to(1))
  await cable.silence()
  const site = await siteWith(cable.url, [{ out: 'a/#', qos: 1 }], { connectTimeout: '1s' })
  await until(() => cable.connections > 0, 'the uplink to dial')
  const got = await listen(site.url, 'a/#')
  const device = await client(site.url)
  const began = performance.now()
  for (const payload of numbers(1, 20)) await device.publishAsync('a/1', payload, { qos: 1 })
  expect(performance.now() - began).toBeLessThan(3000)
  await until(() => got.length === 20, 'the messages to come back')
  await until(() => site.gateway.log.some((line) => line.msg === 'uplink is down'), 'the attempt to be given up')
  expect(site.gateway.log.find((line) => line.msg === 'uplink is down')!.why).toMatch(/took the connection but sent no CONNACK within 1 s/)
})

test('a second Sandpiper is as good a cloud', { timeout: 60_000 }, async () => {
  const cloud = kept(await Site.make())
  await cloud.configure()
  await cloud.start()
  const site = await siteWith(cloud.url, [{ out: 'up/#', as: 'sites/{site}/#', qos: 2 }, { in: 'down/#', qos: 2 }], { version: 5 })
  await isUp(site)
  const session = { clean: false, properties: { sessionExpiryInterval: 600 } }
  const got = await listen(cloud.url, 'sites/#', { clientId: 'watcher', ...session })
  const here = await listen(site.url, 'down/#', { clientId: 'here', ...session })
  const device = await client(site.url, { clientId: 'device', ...session })
  const operator = await client(cloud.url, { clientId: 'operator', ...session })
  await publishAll(device, 'up/1', numbers(1, 100), 2)
  await publishAll(operator, 'down/1', numbers(1, 100), 2)
  await until(() => got.length >= 100 && here.length >= 100, 'the first hundred both ways')
  await cloud.gateway.kill()
  await publishAll(device, 'up/1', numbers(101, 200), 2)
  await cloud.start()
  await publishAll(operator, 'down/1', numbers(101, 200), 2)
  await site.gateway.kill()
  await publishAll(operator, 'down/1', numbers(201, 300), 2)
  await site.start()
  await publishAll(device, 'up/1', numbers(201, 300), 2)
  await until(() => firstOf(got).length === 300 && firstOf(here).length === 300, 'everything both ways', 20_000)
  expect(got.map((g) => g.payload)).toEqual(numbers(1, 300))
  expect(here.map((g) => g.payload)).toEqual(numbers(1, 300))
})
