// The $SYS tree beside a real Mosquitto's: the same topics in the same formats, and the same values after the same work. And what of it goes
// over an uplink.
import { connect, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'
import { connectPacket, type ConnectOptions, WireClient } from '../support/wire-client.ts'

/** What Mosquitto publishes and we do not, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'broker/heap/current': 'a collected heap is mostly garbage: its size tells nothing of what is in use',
  'broker/heap/maximum': 'the same',
}

/** Values that are not to be the same, and why. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  'broker/version': 'another program',
  'broker/uptime': 'another start',
  'broker/clients/maximum': 'Mosquitto counts clients that are away too; its manual says those connected at the same time',
  'broker/publish/messages/received': 'Mosquitto 2.0.11 does not count PUBLISH at QoS 2, and none with RETAIN',
  'broker/messages/stored': 'its own retained $SYS messages are among them',
  'broker/store/messages/count': 'the same',
  'broker/store/messages/bytes': 'the same',
  'broker/retained messages/count': 'the same',
}

const MOSQUITTO_TICKS_MS = 5000 // it publishes every other second with sys_interval 1

type Tree = Readonly<Record<string, string>>

async function enter(port: number, options: ConnectOptions): Promise<WireClient> {
  const client = await WireClient.open(port, 4)
  client.send(connectPacket(4, options))
  await client.expect({ cmd: 'connack', returnCode: 0 })
  return client
}

/** The same work for any broker. Returns those that are still connected. */
async function work(port: number): Promise<WireClient[]> {
  const away = await enter(port, { clientId: 'away', clean: false })
  await away.subscribe('away/#', { qos: 1 })
  await away.disconnect()
  const receiver = await enter(port, { clientId: 'receiver' })
  await receiver.subscribe('data/+', { qos: 2 })
  await receiver.subscribe('$share/group/work', { qos: 0 })
  const sender = await enter(port, { clientId: 'sender' })
  for (const qos of [0, 1, 2] as const) {
    const messageId = sender.publish('data/1', 'x'.repeat(10 ** qos), { qos })
    if (qos === 1) await sender.expect({ cmd: 'puback' })
    if (qos === 2) {
      await sender.expect({ cmd: 'pubrec' })
      sender.send({ cmd: 'pubrel', messageId })
      await sender.expect({ cmd: 'pubcomp' })
    }
    const got = await receiver.expect({ cmd: 'publish', topic: 'data/1', qos })
    if (qos === 1) receiver.send({ cmd: 'puback', messageId: got.messageId! })
    if (qos === 2) {
      receiver.send({ cmd: 'pubrec', messageId: got.messageId! })
      await receiver.expect({ cmd: 'pubrel' })
      receiver.send({ cmd: 'pubcomp', messageId: got.messageId! })
    }
  }
  sender.publish('work', 'shared')
  await receiver.expect({ cmd: 'publish', topic: 'work' })
  for (const payload of ['one', 'two']) {
    sender.publish('away/x', payload, { qos: 1 })
    await sender.expect({ cmd: 'puback' })
  }
  sender.publish('kept', 'retained', { retain: true })
  for (const client of [sender, receiver]) await client.expectNothing()
  return [receiver, sender]
}

/** The whole tree as it is retained now. */
async function read(port: number): Promise<Tree> {
  const reader = await enter(port, { clientId: 'reader' })
  await reader.subscribe('$SYS/#')
  const packets = await reader.drain()
  await reader.disconnect()
  return Object.fromEntries(packets.flatMap((p) => (p.cmd === 'publish' && p.retain ? [[p.topic.slice('$SYS/'.length), p.payload.toString()]] : [])))
}

/** What a value looks like, with its digits taken out. */
function format(value: string): string {
  return value.replaceAll(/\d+/g, 'N')
}

describe('beside Mosquitto 2.0', { retry: 2 }, () => {
  test('every topic is there, and its value looks the same; or it is left out for a reason', async () => {
    await using mosquitto = await Mosquitto.start({ lines: ['sys_interval 1'] })
    await using gateway = await TestGateway.start({ broker: { sysIntervalMs: 1000 } })
    const theirs = await until(() => read(mosquitto.port).then((tree) => (tree['broker/publish/bytes/sent'] === undefined ? null : tree)), 'Mosquitto to publish its tree', 10_000)
    const ours = await read(gateway.port)
    const missing = Object.keys(theirs).filter((name) => ours[name] === undefined)
    expect(missing.sort()).toEqual(Object.keys(LEFT_OUT).sort())
    const inBoth = Object.entries(theirs).filter(([name]) => ours[name] !== undefined && name !== 'broker/version')
    expect(inBoth.length).toBeGreaterThan(45)
    expect(inBoth.filter(([name, value]) => format(ours[name]!) !== format(value)).map(([name, value]) => `${name}: ${ours[name]} for ${value}`)).toEqual([])
    expect(ours['broker/version']).toMatch(/^sandpiper \S+$/)
  })

  test('the same work gives the same values', { timeout: 30_000 }, async () => {
    await using mosquitto = await Mosquitto.start({ lines: ['sys_interval 1'] })
    await using gateway = await TestGateway.start({ broker: { sysIntervalMs: 1000 } })
    const clients = [...(await work(mosquitto.port)), ...(await work(gateway.port))]
    const workedMs = performance.now()
    await gateway.pass(1)
    const ours = await read(gateway.port)
    // To look is to connect, which it would count: only time tells that it has published.
    await until(() => performance.now() - workedMs > MOSQUITTO_TICKS_MS, 'two of its intervals', 2 * MOSQUITTO_TICKS_MS)
    const theirs = await read(mosquitto.port)
    const compared = Object.keys(theirs).filter((name) => ours[name] !== undefined && NOT_COMPARED[name] === undefined && !name.startsWith('broker/load/'))
    expect(compared.length).toBeGreaterThan(12)
    expect(Object.fromEntries(compared.map((name) => [name, ours[name]]))).toEqual(Object.fromEntries(compared.map((name) => [name, theirs[name]])))
    for (const client of clients) await client.cut()
  })
})

// ---- over an uplink

const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing[Symbol.asyncDispose]()
})

function kept<T extends AsyncDisposable>(thing: T): T {
  open.push(thing)
  return thing
}

/** What comes for `filter`, by topic, the newest. */
async function listen(url: string, filter: string): Promise<Map<string, string>> {
  const client: MqttClient = connect(url, { protocolVersion: 5, reconnectPeriod: 50 })
  kept({ [Symbol.asyncDispose]: () => client.endAsync(true) })
  client.on('error', () => {}) // it tries again
  const got = new Map<string, string>()
  client.on('message', (topic, payload) => got.set(topic, payload.toString()))
  await client.subscribeAsync(filter)
  return got
}

async function siteWith(cloud: Mosquitto, uplink: object): Promise<Site> {
  const site = kept(await Site.make())
  await site.configure({ broker: { sysInterval: '200ms' }, uplinks: [{ name: 'cloud', url: cloud.url, clientId: 'gateway', ...uplink }] })
  await site.start()
  return site
}

describe('over an uplink', () => {
  test('a metered one carries no statistics, whatever its routes take', async () => {
    const cloud = kept(await Mosquitto.start())
    const atCloud = await listen(cloud.url, '#')
    const site = await siteWith(cloud, { routes: [{ out: '#', as: 'site/#' }, { out: '+/broker/#', as: 'plus/+/broker/#' }] })
    const here = await listen(site.url, '$SYS/broker/uptime')
    await until(() => here.get('$SYS/broker/uptime') === '1 seconds', 'statistics here')
    const device = connect(site.url, { protocolVersion: 5 })
    kept({ [Symbol.asyncDispose]: () => device.endAsync(true) })
    await device.publishAsync('data', 'x', { qos: 1 })
    await until(() => atCloud.has('site/data'), 'what is no statistic at the cloud')
    expect([...atCloud.keys()]).toEqual(['site/data'])
  })

  test('one that is not carries them out and in, under other names', async () => {
    const cloud = kept(await Mosquitto.start({ lines: ['sys_interval 1'] }))
    const atCloud = await listen(cloud.url, 'sites/#')
    const routes = [{ out: '$SYS/broker/#', as: 'sites/{site}/sys/#', retain: true }, { in: '$SYS/broker/+', as: 'cloud/+', retain: true }]
    const site = await siteWith(cloud, { metered: false, routes })
    const here = await listen(site.url, 'cloud/#')
    await until(() => atCloud.has('sites/test/sys/uptime') && atCloud.get('sites/test/sys/connection/cloud/state') === '1', 'statistics at the cloud')
    await until(() => here.get('cloud/version')?.startsWith('mosquitto version') === true, 'the cloud’s statistics here')
    const uplink = await listen(site.url, '$SYS/broker/uplinks/cloud')
    await until(() => uplink.size > 0, 'the state of the uplink')
    expect(JSON.parse(uplink.get('$SYS/broker/uplinks/cloud')!)).toMatchObject({ phase: 'up', lastError: null, acknowledged: expect.any(Number), bytesSent: expect.any(Number) })
    await until(() => JSON.parse(uplink.get('$SYS/broker/uplinks/cloud')!).acknowledged > 10, 'acknowledgements of the cloud')
    expect(JSON.parse(uplink.get('$SYS/broker/uplinks/cloud')!).bytesSent).toBeGreaterThan(1000)
  })
})
