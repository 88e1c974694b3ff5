// Clients by other people on every transport: Mosquitto's tools over TCP, TLS and a unix socket, MQTT.js and paho for Python over TCP, TLS and
// WebSocket, MQTT.js over WebSocket in TLS too. One gateway, as a process, listens on all of them.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { endWithUs } from '../support/orphans.ts'
import { Paho } from '../support/paho.ts'
import { freePort } from '../support/ports.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const LARGE = 'sandpiper'.repeat(40_000) // 360 kB

let site: Site
let authority: Authority
let ca: Buffer
const ports = { tcp: 0, tls: 0, ws: 0, wss: 0 }
const open: AsyncDisposable[] = []

beforeAll(async () => {
  authority = await Authority.make()
  ca = readFileSync(authority.certFile)
  site = await Site.make()
  const { keyFile, certFile } = await authority.issue('gateway')
  await copyFile(keyFile, join(site.folder, 'key.pem'))
  await copyFile(certFile, join(site.folder, 'cert.pem'))
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort()
  const tls = { key: 'key.pem', cert: 'cert.pem' }
  const listeners = [
    { port: ports.tcp },
    { port: ports.tls, host: '::', anonymous: true, tls },
    { port: ports.ws, websocket: true },
    { port: ports.wss, websocket: { path: '/mqtt' }, tls },
    { socket: 'mqtt.sock', mode: '0600' },
  ]
  await site.configure({ broker: { listeners } })
  await site.start()
})

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing[Symbol.asyncDispose]()
})

afterAll(async () => {
  expect(site.gateway.stderr).toBe('')
  await site[Symbol.asyncDispose]()
  await authority[Symbol.asyncDispose]()
})

let names = 0
const fresh = (what: string): string => `${what}-${++names}`
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1))

class Tool implements AsyncDisposable {
  out = ''
  readonly child: ChildProcess

  constructor(program: 'mosquitto_pub' | 'mosquitto_sub', args: readonly string[]) {
    this.child = endWithUs(spawn('stdbuf', ['-oL', program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }))
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended()
  }
}

async function toolSubscribed(args: readonly string[]): Promise<Tool> {
  const tool = new Tool('mosquitto_sub', ['-d', ...args])
  await until(() => tool.out.includes('SUBACK'), `mosquitto_sub ${args.join(' ')} to subscribe`)
  return tool
}

async function toolPublishes(args: readonly string[], input = ''): Promise<void> {
  const tool = new Tool('mosquitto_pub', args)
  tool.child.stdin!.end(input)
  expect(await tool.ended(), tool.out).toBe(0)
}

describe.each([
  ['TCP', () => ['-p', String(ports.tcp)]],
  ['TLS', () => ['-h', 'localhost', '-p', String(ports.tls), '--cafile', authority.certFile]],
  ['TLS 1.3', () => ['-h', 'localhost', '-p', String(ports.tls), '--cafile', authority.certFile, '--tls-version', 'tlsv1.3']],
  ['a unix socket', () => ['--unix', join(site.folder, 'mqtt.sock')]],
] as const)('mosquitto_pub and mosquitto_sub over %s', (_, way) => {
  test.each(['0', '1', '2'])('QoS %s, in order', async (qos) => {
    const topic = fresh('t')
    const sub = await toolSubscribed([...way(), '-t', topic, '-q', qos])
    await toolPublishes([...way(), '-t', topic, '-q', qos, '-l'], numbers(200).join('\n'))
    await until(() => sub.lines.length >= 200, '200 messages')
    expect(sub.lines).toEqual(numbers(200))
  })

  test('a large payload, and retained', async () => {
    const topic = fresh('t')
    await toolPublishes([...way(), '-t', topic, '-q', '1', '-r', '-s'], LARGE)
    const sub = await toolSubscribed([...way(), '-t', topic, '-F', '%r %p'])
    await until(() => sub.lines.length === 1 && sub.out.endsWith('\n') && sub.lines[0]!.length > LARGE.length, 'the message')
    expect(sub.lines[0] === `1 ${LARGE}`).toBe(true)
  })
})

interface Got {
  readonly payload: string
  readonly packet: IPublishPacket
}

async function js(options: IClientOptions, url: string): Promise<{ readonly client: MqttClient; readonly got: Got[] }> {
  const client = connect(url, { reconnectPeriod: 0, ca, ...options })
  open.push({ [Symbol.asyncDispose]: () => client.endAsync(true) })
  const got: Got[] = []
  client.on('message', (_topic, payload, packet) => got.push({ payload: payload.toString(), packet }))
  const failed = { why: '' }
  client.on('error', (error) => (failed.why = error.message))
  await until(() => client.connected || failed.why !== '', `MQTT.js to connect to ${url}`)
  expect(failed.why).toBe('')
  return { client, got }
}

describe.each([
  ['TCP', () => `mqtt://127.0.0.1:${ports.tcp}`],
  ['TLS', () => `mqtts://localhost:${ports.tls}`],
  ['TLS and IPv6', () => `mqtts://[::1]:${ports.tls}`],
  ['WebSocket', () => `ws://127.0.0.1:${ports.ws}`],
  ['WebSocket at /mqtt', () => `ws://127.0.0.1:${ports.ws}/mqtt`],
  ['secure WebSocket', () => `wss://localhost:${ports.wss}/mqtt`],
] as const)('MQTT.js over %s', (_, url) => {
  test.each([[4, 0], [4, 1], [4, 2], [5, 0], [5, 1], [5, 2]] as const)('version %i, QoS %i: in order, once', async (protocolVersion, qos) => {
    const topic = fresh('t')
    const { client, got } = await js({ protocolVersion }, url())
    await client.subscribeAsync(topic, { qos })
    await Promise.all(numbers(300).map((n) => client.publishAsync(topic, n, { qos })))
    await until(() => got.length >= 300, '300 messages')
    expect(got.map((g) => g.payload)).toEqual(numbers(300))
    expect(got.every((g) => g.packet.qos === qos)).toBe(true)
  })

  test('large payloads, and retained', async () => {
    const topic = fresh('t')
    const { client } = await js({ protocolVersion: 5 }, url())
    await client.publishAsync(topic, LARGE, { qos: 1, retain: true })
    const { client: later, got } = await js({ protocolVersion: 5 }, url())
    await later.subscribeAsync(topic, { qos: 2 })
    await Promise.all(numbers(10).map((n) => client.publishAsync(topic, LARGE + n, { qos: 2 })))
    await until(() => got.length >= 11, '11 messages')
    expect(got.map((g) => g.packet.retain)).toEqual([true, ...Array.from({ length: 10 }, () => false)])
    expect(got.every((g, i) => g.payload === (i === 0 ? LARGE : LARGE + String(i)))).toBe(true)
  })
})

test('MQTT.js does not get in where it does not know the authority, and the gateway goes on', async () => {
  const client = connect(`mqtts://localhost:${ports.tls}`, { reconnectPeriod: 0 })
  const [error] = (await once(client as unknown as NodeJS.EventEmitter, 'error')) as [Error]
  expect(error.message).toMatch(/certificate/)
  await client.endAsync(true)
  await js({}, `mqtts://localhost:${ports.tls}`)
})

describe.each([
  ['TCP', () => Paho.connect(ports.tcp, fresh('paho'), 5)],
  ['TLS', () => Paho.connect(ports.tls, fresh('paho'), 5, true, { ca: authority.certFile })],
  ['WebSocket', () => Paho.connect(ports.ws, fresh('paho'), 5, true, { transport: 'websockets' })],
  ['WebSocket, version 3', () => Paho.connect(ports.ws, fresh('paho'), 3, true, { transport: 'websockets' })],
  ['secure WebSocket', () => Paho.connect(ports.wss, fresh('paho'), 4, true, { transport: 'websockets', ca: authority.certFile })],
] as const)('paho for Python over %s', (_, enter) => {
  test.each([0, 1, 2] as const)('QoS %i: in order, once', async (qos) => {
    const topic = fresh('t')
    const paho = await enter()
    open.push(paho)
    expect(await paho.subscribe(topic, qos)).toEqual([qos])
    paho.publish(topic, numbers(200), qos)
    await until(() => paho.messages.length >= 200 && paho.published >= 200, '200 messages and their acknowledgements')
    expect(paho.messages.map((m) => m.payload)).toEqual(numbers(200))
  })

  test('a large payload, and retained', async () => {
    const topic = fresh('t')
    const paho = await enter()
    open.push(paho)
    paho.publish(topic, [LARGE], 1, true)
    await until(() => paho.published === 1, 'the acknowledgement')
    await paho.subscribe(topic, 1)
    await until(() => paho.messages.length === 1, 'the message')
    expect(paho.messages[0]!.payload === LARGE && paho.messages[0]!.retain).toBe(true)
  })
})

test('one topic for all transports', async () => {
  const topic = fresh('t')
  const sub = await toolSubscribed(['--unix', join(site.folder, 'mqtt.sock'), '-t', topic, '-q', '1'])
  const urls = [`mqtt://127.0.0.1:${ports.tcp}`, `mqtts://localhost:${ports.tls}`, `ws://127.0.0.1:${ports.ws}`, `wss://localhost:${ports.wss}/mqtt`]
  const all: Awaited<ReturnType<typeof js>>[] = []
  for (const url of urls) {
    const one = await js({ protocolVersion: 5 }, url)
    await one.client.subscribeAsync(topic, { qos: 1 })
    all.push(one)
  }
  for (const { client } of all) await client.publishAsync(topic, 'x', { qos: 1 })
  await until(() => sub.lines.length >= 4 && all.every(({ got }) => got.length >= 4), 'four messages everywhere')
  expect([sub.lines.length, ...all.map(({ got }) => got.length)]).toEqual([4, 4, 4, 4, 4])
})

test('a person at a terminal is told of every way in', () => {
  const ways = [`mqtt://127.0.0.1:${ports.tcp}`, `mqtts://[::]:${ports.tls}`, `ws://127.0.0.1:${ports.ws}/mqtt`, `wss://127.0.0.1:${ports.wss}/mqtt`, `unix:${join(site.folder, 'mqtt.sock')}`]
  expect([...site.gateway.stdout.matchAll(/^ +listening +(\S+) /gm)].map(([, way]) => way)).toEqual(ways)
  expect(site.gateway.stdout).toContain(`mosquitto_sub -t '#' -v -p ${ports.tcp}\n`)
})

test('a gateway that was killed finds its unix socket again', async () => {
  await site.gateway.kill()
  await site.start()
  const sub = await toolSubscribed(['--unix', join(site.folder, 'mqtt.sock'), '-t', 'again'])
  await toolPublishes(['-p', String(ports.tcp), '-t', 'again', '-m', 'x', '-q', '1'])
  await until(() => sub.lines.length === 1, 'the message')
})

test('a new certificate is taken without a restart', { timeout: 30_000 }, async () => {
  const { keyFile, certFile } = await authority.issue('renewed')
  await copyFile(keyFile, join(site.folder, 'key.pem'))
  await copyFile(certFile, join(site.folder, 'cert.pem'))
  await until(() => site.gateway.log.some((line) => line.msg === 'the new certificate is in use'), 'the new certificate', 15_000)
  const socket = connectTls({ port: ports.tls, host: 'localhost', ca })
  await once(socket, 'secureConnect')
  expect(socket.getPeerCertificate().subject.CN).toBe('renewed')
  socket.destroy()
})
