// Alarms of a whole gateway: a cloud that goes and comes back, seen by MQTT clients, at the API and in the cloud; over a restart. And the same
// with time that the test moves, for what takes longer.
import { connect, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { type Health, MachineHealth, UNKNOWN } from '../../src/alarms/health.ts'
import { ApiBed, basic } from '../support/api-bed.ts'
import { askHttp } from '../support/ask-socket.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { TestGateway } from '../support/gateway.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { Site } from '../support/process.ts'
import { FileTree } from '../support/tree.ts'
import { until } from '../support/until.ts'

/** Between two looks, and a reconnect. */
const SEEN_MS = 15_000

const open: (AsyncDisposable | Disposable)[] = []

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await (Symbol.asyncDispose in thing ? thing[Symbol.asyncDispose]() : thing[Symbol.dispose]())
})

function kept<T extends AsyncDisposable | Disposable>(thing: T): T {
  open.push(thing)
  return thing
}

interface Told {
  readonly state: string
  readonly since: string | null
  readonly message: string
}

/** What is retained for `filter`, by topic, and all that came: whether it was more than the end of one. `session`: its broker keeps what comes while one of them is away. */
async function listen(url: string, filter: string, session: 'kept' | 'new'): Promise<{ readonly now: Map<string, Told>; readonly said: (readonly [topic: string, isMore: boolean])[] }> {
  const client: MqttClient = connect(url, { clientId: 'listener', protocolVersion: 5, clean: session === 'new', properties: { sessionExpiryInterval: session === 'new' ? 0 : 3600 }, reconnectPeriod: 50 })
  kept({ [Symbol.asyncDispose]: () => client.endAsync(true) })
  client.on('error', () => {}) // it tries again
  const now = new Map<string, Told>()
  const said: (readonly [string, boolean])[] = []
  client.on('message', (topic, payload) => {
    said.push([topic, payload.length > 0])
    if (payload.length === 0) now.delete(topic)
    else now.set(topic, JSON.parse(payload.toString()) as Told)
  })
  await client.subscribeAsync(filter, { qos: 1 })
  return { now, said }
}

test('a cloud that goes: an alarm here, after a restart too, and there when it is back; and its end', { timeout: 60_000 }, async () => {
  const cloud = kept(await Mosquitto.start())
  const site = kept(await Site.make())
  const uplink = { name: 'cloud', url: cloud.url, clientId: 'gateway', backoff: { min: '100ms', max: '200ms' }, routes: [{ out: 'alarms/#', as: 'site/alarms/#', class: 'alarm', retain: true }] }
  await site.configure({ alarms: { uplinkDown: '1s', disk: 'off', topic: 'alarms' }, uplinks: [uplink] })
  await site.start()
  const here = await listen(site.url, '$SYS/broker/alarm/#', 'new')
  const there = await listen(cloud.url, 'site/alarms/#', 'kept')
  await until(() => site.gateway.log.some(({ msg }) => msg === 'uplink is up'), 'the uplink', SEEN_MS)
  expect(here.now.size).toBe(0)

  await cloud.stop()
  const topic = '$SYS/broker/alarm/uplink-down/cloud'
  const alarm = await until(() => here.now.get(topic), 'the alarm', SEEN_MS)
  expect(alarm).toMatchObject({ name: 'uplink-down/cloud', state: 'active', severity: 'critical', message: expect.stringMatching(/^uplink cloud was to be connected, and has not been for 1s: nothing listens at /) })
  const api = async (path: string) => (await askHttp({ socketPath: `${site.folder}/data/api.sock`, path })).text
  expect(JSON.parse(await api('/api/v1/alarms'))).toMatchObject({ alarms: [{ name: 'uplink-down/cloud', of: 'cloud' }] })
  expect(await api('/metrics')).toContain('sandpiper_alarm_active{kind="uplink-down",of="cloud"} 1\n')

  await site.gateway.stop()
  here.now.clear()
  const second = await site.start()
  expect(await until(() => here.now.get(topic), 'the alarm after the restart', SEEN_MS)).toEqual({ ...alarm, value: expect.toSatisfy((value) => value === null || value > 0), message: expect.stringContaining('was to be connected'), since: expect.toSatisfy((since) => alarm.since === null || since === alarm.since) })

  await cloud.start()
  await until(() => here.now.size === 0, 'its end here', SEEN_MS)
  await until(() => there.said.length === 2, 'both at the cloud', SEEN_MS)
  expect(there.said).toEqual([['site/alarms/uplink-down/cloud', true], ['site/alarms/uplink-down/cloud', false]])
  const told = second.log.filter(({ alarm: of }) => of === 'uplink-down/cloud').map(({ level, msg }) => [level, msg.split(' ', 3).join(' ')])
  expect(told).toEqual([[40, 'uplink cloud was'], [30, 'over: uplink cloud']])
})

// ---- with time of our own

const names = async (bed: ApiBed, query = ''): Promise<string[]> => ((await bed.ask(`GET /alarms${query}`)).json as { alarms: { name: string }[] }).alarms.map(({ name }) => name)
const OPERATOR = 'http: { listeners: [{ port: 0 }], anonymous: operator }\n'

describe('parts of a gateway', () => {
  test('a sensor that is not there', async () => {
    await using bed = await ApiBed.start(`${OPERATOR}sensors: [{ name: tank, topic: tank, serial: { path: /nonexistent/tty } }]`)
    const client = await bed.gateway.connect(5)
    await client.subscribe('$SYS/broker/alarm/#')
    for (let i = 0; i < 60 && (await names(bed)).length === 0; i++) await bed.gateway.pass(2)
    expect(await names(bed)).toEqual(['sensor-gone/tank'])
    const { payload } = await client.expect({ cmd: 'publish', topic: '$SYS/broker/alarm/sensor-gone/tank' })
    expect(JSON.parse(payload.toString())).toMatchObject({ kind: 'sensor-gone', of: 'tank', severity: 'warning' })
    expect((await bed.ask('GET /status')).json).toMatchObject({ alarms: [{ name: 'sensor-gone/tank', severity: 'warning' }] })
  })

  test('what waits for an uplink, and for a client, nears its limit', async () => {
    await using bed = await ApiBed.start(
      `${OPERATOR}broker: { listeners: [{ port: 0 }], sysInterval: 0s, sessionQueue: { maxMessages: 10 } }\nsite: test\nuplinks: [{ name: cloud, url: "mqtt://127.0.0.1:1", routes: [{ out: up }], queue: { maxMessages: 10 }, connect: { when: { queued: 1000 } } }]`,
    )
    const away = await bed.gateway.connect(5, { clientId: 'away', clean: true, properties: { sessionExpiryInterval: 3600 } })
    await away.subscribe('down', { qos: 1 })
    await away.disconnect()
    for (let i = 0; i < 8; i++) {
      await bed.ask('POST /publish', { body: { topic: 'up', payload: 'x' } })
      await bed.ask('POST /publish', { body: { topic: 'down', payload: 'x' } })
    }
    await bed.gateway.pass(57)
    expect(await names(bed)).toEqual([])
    await bed.gateway.pass(12)
    expect(await names(bed)).toEqual(['queue-long/cloud', 'session-queue-long'])
    expect((await bed.ask('GET /alarms')).json).toMatchObject({ alarms: [{ message: expect.stringContaining('class live'), value: 80, unit: '%' }, { message: expect.stringContaining('client away') }] })
  })

  test('whose queue is the fullest, of all tenants; queues of the latest only are meant to be full', async () => {
    const tenants = 'tenants: [{ name: acme, sessionQueue: { maxMessages: 4 } }, { name: globex, sessionQueue: { maxMessages: 2, whenFull: keep-latest } }]'
    await using gateway = await TestGateway.start({ yaml: `site: test\nbroker: { listeners: [{ port: 0 }, { port: 0, tenant: acme, anonymous: true }, { port: 0, tenant: globex, anonymous: true }], sysInterval: 0s, sessionQueue: { maxMessages: 10 } }\n${tenants}` })
    for (const [i, clientId] of ['ours', 'theirs', 'latest'].entries()) {
      const away = await gateway.connect(5, { clientId, clean: true, properties: { sessionExpiryInterval: 3600 } }, {}, i)
      await away.subscribe('a', { qos: 1 })
      await away.disconnect()
      const client = await gateway.connect(5, {}, {}, i)
      for (let n = 0; n < 3; n++) {
        client.publish('a', 'x', { qos: 1 })
        await client.expect({ cmd: 'puback' })
      }
    }
    expect(gateway.gateway.tenants.fullest).toEqual({ clientId: 'theirs', share: 0.75 })
  })

  test('a store that has no room', async () => {
    await using gateway = await TestGateway.start({ storeBytesMax: 100_000 })
    const away = await gateway.connect(5, { clientId: 'away', clean: true, properties: { sessionExpiryInterval: 3600 } })
    await away.subscribe('a', { qos: 1 })
    await away.disconnect()
    const client = await gateway.connect(5)
    for (let i = 0; gateway.counters.refusedStoreFull === 0 && i < 100; i++) {
      client.publish('a', 'x'.repeat(10_000), { qos: 1 })
      await client.expect({ cmd: 'puback' })
    }
    await gateway.pass(3)
    expect(gateway.gateway.alarms.list().map(({ name }) => name)).toEqual(['store-refused'])
    await gateway.pass(120)
    expect(gateway.gateway.alarms.list().map(({ name }) => name)).toContain('store-full')
  })

  test('a board that is hot and badly fed, by the files of its kernel', async () => {
    const tree = kept(new FileTree('/sys/class/thermal/thermal_zone0/type: cpu-thermal\n/sys/class/thermal/thermal_zone0/temp: 84000\n/sys/class/hwmon/hwmon0/name: rpi_volt\n/sys/class/hwmon/hwmon0/in0_lcrit_alarm: 1\n/store/'))
    const machine = new MachineHealth({ root: tree.root, storeFolder: tree.path('/nowhere') }, new FakeClock())
    let read = 0
    const health = { read: (): Promise<Health> => machine.read().finally(() => read++) }
    await using bed = await ApiBed.start(OPERATOR, { health })
    const passReading = async (looks: number): Promise<void> => {
      for (let i = 0; i < looks; i++) {
        const before = read
        await bed.gateway.pass(10)
        await until(() => read > before, 'the files to be read')
      }
    }
    await passReading(10)
    expect(await names(bed)).toEqual(['under-voltage', 'temperature'])
    tree.add('/sys/class/thermal/thermal_zone0/temp: 74000\n/sys/class/hwmon/hwmon0/in0_lcrit_alarm: 0')
    await passReading(10)
    expect(await names(bed)).toEqual(['under-voltage'])
  })
})

describe('who may', () => {
  const HOT = { health: { read: () => Promise.resolve({ ...UNKNOWN, temperatureC: 90 }) } }
  const USERS = `
http: { listeners: [{ port: 0 }] }
tenants: [{ name: acme }]
alarms: { topic: alarms }
access:
  users: [{ name: vic, password: p, roles: [viewer] }, { name: ann, password: p, roles: [operator] }, { name: dev, password: p, roles: [device] }, { name: ten, password: p, tenant: acme, roles: [operator] }]
  rules: [{ allow: all, topic: "#", roles: [operator] }, { allow: all, topic: "$SYS/#", roles: [operator] }, { allow: all, topic: "alarms/#", roles: [operator] }, { allow: all, topic: "dev/#" }]
`

  test('a viewer looks, an operator clears; in MQTT the rules hold, and a tenant knows nothing of it', async () => {
    await using bed = await ApiBed.start(USERS, HOT)
    await bed.gateway.pass(90)
    const [vic, ann] = [basic('vic', 'p'), basic('ann', 'p')]
    const listed = (await bed.ask('GET /alarms', { headers: vic })).json as { alarms: { name: string }[] }
    expect(listed.alarms.map(({ name }) => name)).toEqual(['temperature'])
    expect(await bed.ask('GET /alarms')).toMatchObject({ status: 401 })
    expect(await bed.ask('POST /alarms/clear', { headers: vic, body: { name: 'temperature' } })).toMatchObject({ status: 403 })

    const retainedFor = async (username: string): Promise<string[]> => {
      const client = await bed.gateway.connect(5, { username, password: 'p' })
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$SYS/broker/alarm/#', qos: 0 }, { topic: 'alarms/#', qos: 0 }] })
      await client.expect({ cmd: 'suback' })
      const packets = await client.drain()
      await client.disconnect()
      return packets.flatMap((p) => (p.cmd === 'publish' ? [p.topic] : []))
    }
    expect(await retainedFor('ann')).toEqual(['$SYS/broker/alarm/temperature', 'alarms/temperature'])
    expect(await retainedFor('dev')).toEqual([])
    expect(await retainedFor('ten')).toEqual([])

    expect(await bed.ask('POST /alarms/clear', { headers: ann, body: { name: 'heat' } })).toMatchObject({ status: 404, json: { errors: [{ field: '#/name' }], detail: 'there is no such alarm: temperature' } })
    expect(await bed.ask('POST /alarms/clear', { headers: ann, body: {} })).toMatchObject({ status: 400 })
    expect(await bed.ask('POST /alarms/clear', { headers: ann, body: { name: 'temperature' } })).toMatchObject({ status: 200, json: { name: 'temperature', state: 'acknowledged' } })
    expect((await bed.ask('GET /alarms', { headers: vic })).json).toEqual({ alarms: [] })
    expect((await bed.ask('GET /alarms?acknowledged=true', { headers: vic })).json).toMatchObject({ alarms: [{ name: 'temperature', state: 'acknowledged' }] })
    expect(await retainedFor('ann')).toEqual([])
  })
})

describe('on flash', () => {
  const yaml = (alarms: string): string => `site: test\nbroker: { listeners: [{ port: 0 }], sysInterval: 0s }\nalarms: ${alarms}\n`
  const hot = (temperatureC: number) => ({ read: () => Promise.resolve({ ...UNKNOWN, temperatureC }) })
  const retained = (gateway: TestGateway): string[] => [...gateway.gateway.tenants.own.router.retained.select('alarms/#', gateway.clock.now())].flatMap((message) => (message === null ? [] : [message.topic.name]))
  const listed = (gateway: TestGateway): string[] => gateway.gateway.alarms.list().map(({ name }) => name)

  test.each(['restart', 'crash'] as const)('an alarm, and that it was cleared, outlive a %s', async (way) => {
    await using gateway = await TestGateway.start({ yaml: yaml('{ topic: alarms }'), store: 'sqlite', health: hot(90) })
    await gateway.pass(90)
    const { since } = gateway.gateway.alarms.list()[0]!
    await gateway.gateway.durable()
    await gateway[way](3600)
    expect(gateway.gateway.alarms.list()).toMatchObject([{ name: 'temperature', since }])
    expect(retained(gateway)).toEqual(['alarms/temperature'])
    gateway.gateway.alarms.clear('temperature', 'ann')
    await gateway.gateway.durable()
    await gateway[way](3600)
    await gateway.pass(300)
    expect([listed(gateway), gateway.gateway.alarms.acknowledged().length, retained(gateway)]).toEqual([[], 1, []])
  })

  test('what is retained of an alarm that is no more goes at the next start; what others have there stays', async () => {
    await using gateway = await TestGateway.start({ yaml: yaml('{ topic: alarms }'), store: 'sqlite', health: hot(90) })
    await gateway.pass(90)
    const client = await gateway.connect(5)
    client.publish('alarms/door', 'open', { qos: 1, retain: true })
    await client.expect({ cmd: 'puback' })
    await gateway.gateway.durable()
    gateway.configure(yaml('{ topic: alarms, temperature: off }'))
    await gateway.restart()
    expect([listed(gateway), retained(gateway)]).toEqual([[], ['alarms/door']])
    await gateway.gateway.durable()
    await gateway.restart()
    expect(retained(gateway)).toEqual(['alarms/door'])
  })
})
