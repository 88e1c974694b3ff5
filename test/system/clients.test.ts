// Clients by other people, as they come: Mosquitto's command line tools, MQTT.js, paho for Python. One gateway for all of them.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { endWithUs } from '../support/orphans.ts'
import { Paho } from '../support/paho.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

let site: Site
const open: AsyncDisposable[] = []

beforeAll(async () => {
  site = await Site.make()
  await site.configure()
  await site.start()
})

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing[Symbol.asyncDispose]()
})

afterAll(async () => {
  expect(site.gateway.stderr).toBe('')
  await site[Symbol.asyncDispose]()
})

let names = 0
/** A topic, a client: nothing of one test is in the way of another. */
const fresh = (what: string): string => `${what}-${++names}`
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1))

/** mosquitto_pub or mosquitto_sub with what it printed. `-V`: mqttv31, mqttv311 or mqttv5. */
class Tool implements AsyncDisposable {
  out = ''
  readonly child: ChildProcess

  constructor(program: 'mosquitto_pub' | 'mosquitto_sub', version: string, args: readonly string[]) {
    // stdbuf: their output would wait in a buffer until it is full; it becomes the program, so its pid is the program's.
    this.child = endWithUs(spawn('stdbuf', ['-oL', program, '-p', String(site.port), '-V', version, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }))
    open.push(this)
    for (const stream of [this.child.stdout!, this.child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => (this.out += text))
  }

  get lines(): string[] {
    return this.out.split('\n').filter((line) => line !== '' && !/^(Client |Subscribed \(mid)/.test(line))
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close')
    return this.child.exitCode
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

async function subscriber(version: string, args: readonly string[]): Promise<Tool> {
  const tool = new Tool('mosquitto_sub', version, ['-d', ...args])
  await until(() => tool.out.includes('SUBACK'), `mosquitto_sub ${args.join(' ')} to subscribe`)
  return tool
}

async function publish(version: string, args: readonly string[], lines: readonly string[] = []): Promise<void> {
  const tool = new Tool('mosquitto_pub', version, args)
  tool.child.stdin!.end(lines.map((line) => `${line}\n`).join(''))
  expect(await tool.ended(), tool.out).toBe(0)
}

for (const version of ['mqttv31', 'mqttv311', 'mqttv5']) {
  describe(`mosquitto_pub and mosquitto_sub, ${version}`, () => {
    for (const qos of ['0', '1', '2']) {
      test(`QoS ${qos}, in order`, async () => {
        const topic = fresh('t')
        const sub = await subscriber(version, ['-t', `${topic}/#`, '-q', qos, '-v'])
        await publish(version, ['-t', `${topic}/a`, '-q', qos, '-l'], numbers(200))
        await until(() => sub.lines.length >= 200, '200 messages')
        expect(sub.lines).toEqual(numbers(200).map((n) => `${topic}/a ${n}`))
      })
    }

    test('retained, and no more after an empty one', async () => {
      const topic = fresh('t')
      await publish(version, ['-t', topic, '-q', '1', '-r', '-m', 'kept'])
      const sub = await subscriber(version, ['-t', topic, '-F', '%t %r %p'])
      await until(() => sub.lines.length === 1, 'the retained message')
      expect(sub.lines).toEqual([`${topic} 1 kept`])
      await publish(version, ['-t', topic, '-q', '1', '-r', '-n'])
      const later = await subscriber(version, ['-t', topic, '-F', '%t %r %p'])
      await publish(version, ['-t', topic, '-m', 'live'])
      await until(() => later.lines.length > 0, 'the live message')
      expect(later.lines).toEqual([`${topic} 0 live`])
    })

    test('the will of a client that is killed', async () => {
      const topic = fresh('will')
      const sub = await subscriber(version, ['-t', topic])
      const victim = await subscriber(version, ['-t', 'nothing', '--will-topic', topic, '--will-payload', 'gone', '--will-qos', '1'])
      await victim.kill()
      await until(() => sub.lines.length === 1, 'the will')
      expect(sub.lines).toEqual(['gone'])
    })

    test('a session with -c keeps what comes while it is away, over a kill of the gateway', { timeout: 30_000 }, async () => {
      const topic = fresh('t')
      const session = ['-i', fresh('keeper'), '-c', '-q', '2', '-t', topic, ...(version === 'mqttv5' ? ['-x', '600'] : [])]
      const first = await subscriber(version, session)
      await first.kill() // SIGTERM that comes right after SUBACK is lost on mosquitto_sub 2.0.11 now and then
      await publish(version, ['-t', topic, '-q', '1', '-l'], numbers(50))
      await site.gateway.kill()
      await site.start()
      await publish(version, ['-t', topic, '-q', '2', '-l'], numbers(50))
      const again = await subscriber(version, session)
      await until(() => again.lines.length >= 100, '100 messages')
      expect(again.lines).toEqual([...numbers(50), ...numbers(50)])
    })
  })
}

interface Got {
  readonly topic: string
  readonly payload: string
  readonly packet: IPublishPacket
}

function js(options: IClientOptions): { readonly client: MqttClient; readonly got: Got[] } {
  const client = connect(site.url, { reconnectPeriod: 20, ...options })
  const got: Got[] = []
  client.on('message', (topic, payload, packet) => got.push({ topic, payload: payload.toString(), packet }))
  client.on('error', () => {}) // it tries again
  open.push({ [Symbol.asyncDispose]: () => client.endAsync(true) })
  return { client, got }
}

async function connected(options: IClientOptions): Promise<ReturnType<typeof js>> {
  const made = js(options)
  await until(() => made.client.connected, 'MQTT.js to connect')
  return made
}

for (const protocolVersion of [4, 5] as const) {
  describe(`MQTT.js, version ${protocolVersion}`, () => {
    for (const qos of [0, 1, 2] as const) {
      test(`QoS ${qos}, in order, once`, async () => {
        const topic = fresh('t')
        const { client, got } = await connected({ protocolVersion })
        await client.subscribeAsync(`${topic}/+`, { qos })
        await Promise.all(numbers(500).map((n) => client.publishAsync(`${topic}/x`, n, { qos })))
        await until(() => got.length >= 500, '500 messages')
        expect(got.map((g) => g.payload)).toEqual(numbers(500))
        expect(got.every((g) => g.packet.qos === qos)).toBe(true)
      })
    }

    test('a session is resumed with what came meanwhile', { timeout: 30_000 }, async () => {
      const topic = fresh('t')
      const clientId = fresh('js')
      const session: IClientOptions = { protocolVersion, clientId, clean: false, ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}) }
      const first = await connected(session)
      await first.client.subscribeAsync(topic, { qos: 2 })
      await first.client.endAsync()
      const { client: publisher } = await connected({ protocolVersion })
      await Promise.all(numbers(100).map((n) => publisher.publishAsync(topic, n, { qos: 2 })))
      await site.gateway.stop()
      await site.start()
      const again = js(session)
      let present: boolean | null = null
      again.client.once('connect', (connack) => (present = connack.sessionPresent))
      await until(() => present !== null, 'MQTT.js to connect')
      expect(present).toBe(true)
      await until(() => again.got.length >= 100, '100 messages')
      expect(again.got.map((g) => g.payload)).toEqual(numbers(100))
    })
  })
}

describe('MQTT.js, what only 5.0 has', () => {
  test('properties travel with the message', async () => {
    const topic = fresh('t')
    const { client, got } = await connected({ protocolVersion: 5 })
    await client.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: 77 } })
    await client.publishAsync(topic, 'x', {
      qos: 1,
      properties: {
        userProperties: { unit: 'bar', source: ['a', 'b'] },
        contentType: 'text/plain',
        responseTopic: 'answers',
        correlationData: Buffer.from([1, 2, 3]),
        messageExpiryInterval: 100,
        payloadFormatIndicator: true,
      },
    })
    await until(() => got.length === 1, 'the message')
    const { properties } = got[0]!.packet
    expect({ ...properties, userProperties: { ...properties!.userProperties } }).toMatchObject({
      userProperties: { unit: 'bar', source: ['a', 'b'] },
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Buffer.from([1, 2, 3]),
      payloadFormatIndicator: true,
      subscriptionIdentifier: 77,
    })
    expect(properties!.messageExpiryInterval).toBeGreaterThan(95)
  })

  test('topic aliases, both ways', async () => {
    const topic = fresh('a/rather/long/topic/that/an/alias/saves')
    const sub = await connected({ protocolVersion: 5, properties: { topicAliasMaximum: 10 } })
    await sub.client.subscribeAsync(`${topic}/#`, { qos: 1 })
    const { client } = await connected({ protocolVersion: 5, autoAssignTopicAlias: true })
    for (const n of numbers(30)) await client.publishAsync(`${topic}/${Number(n) % 3}`, n, { qos: 1 })
    await until(() => sub.got.length >= 30, '30 messages')
    expect(sub.got.map((g) => `${g.topic} ${g.payload}`)).toEqual(numbers(30).map((n) => `${topic}/${Number(n) % 3} ${n}`))
    expect(sub.got.some((g) => g.packet.properties?.topicAlias !== undefined)).toBe(true)
  })

  test('a shared subscription gives each message to one of its members', async () => {
    const topic = fresh('t')
    const members = await Promise.all([1, 2, 3].map(() => connected({ protocolVersion: 5 })))
    for (const { client } of members) await client.subscribeAsync(`$share/group/${topic}`, { qos: 1 })
    const { client } = await connected({ protocolVersion: 5 })
    await Promise.all(numbers(300).map((n) => client.publishAsync(topic, n, { qos: 1 })))
    await until(() => members.reduce((n, m) => n + m.got.length, 0) >= 300, '300 messages')
    const all = members.flatMap((m) => m.got.map((g) => Number(g.payload)))
    expect(all.sort((a, b) => a - b)).toEqual(numbers(300).map(Number))
    for (const { got } of members) expect(got.length).toBeGreaterThan(0)
  })
})

for (const version of [3, 4, 5] as const) {
  describe(`paho for Python, version ${version}`, () => {
    test('QoS 2 both ways, in order, once', async () => {
      const topic = fresh('t')
      const paho = await Paho.connect(site.port, fresh('paho'), version)
      open.push(paho)
      expect(await paho.subscribe(`${topic}/#`, 2)).toEqual([2])
      paho.publish(`${topic}/x`, numbers(300), 2)
      await until(() => paho.messages.length >= 300 && paho.published >= 300, '300 messages and their acknowledgements')
      expect(paho.messages.map((m) => m.payload)).toEqual(numbers(300))
      expect(paho.messages.every((m) => m.qos === 2 && m.topic === `${topic}/x`)).toBe(true)
    })

    test('the queue of a client that is away, over a kill of the gateway', { timeout: 30_000 }, async () => {
      const topic = fresh('t')
      const clientId = fresh('paho')
      const first = await Paho.connect(site.port, clientId, version, false)
      open.push(first)
      await first.subscribe(topic, 2)
      await first.kill()
      const publisher = await Paho.connect(site.port, fresh('paho'), version)
      open.push(publisher)
      publisher.publish(topic, numbers(200), 1)
      await until(() => publisher.published >= 200, 'the acknowledgements')
      await site.gateway.kill()
      await site.start()
      const again = await Paho.connect(site.port, clientId, version, false)
      open.push(again)
      if (version !== 3) expect(again.present).toBe(true)
      await until(() => again.messages.length >= 200, '200 messages')
      expect(again.messages.map((m) => m.payload)).toEqual(numbers(200))
    })
  })
}
