// Makes the recordings anew: node test/fuzz/record.ts
//
// Real clients talk to a gateway through a relay that writes down what they send, one file per connection: a comment with how it was
// made, then one line of hex per chunk as the client's write arrived. What the gateway answers is not kept: a recording is replayed blind.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTo, createServer, type AddressInfo, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { connectAsync, type IClientOptions } from 'mqtt'
import { Paho } from '../support/paho.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'
import { RECORDINGS } from './recordings.ts'

/** Bytes sent by the client, chunk by chunk, of each connection since it was made. */
class Relay {
  readonly connections: Buffer[][] = []
  readonly #server = createServer((near) => this.#carry(near))
  readonly #to: number
  readonly #open = new Set<Socket>()

  constructor(to: number) {
    this.#to = to
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  /** Every connection that was made has ended. */
  get idle(): boolean {
    return this.connections.length > 0 && this.#open.size === 0
  }

  stop(): void {
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
  }

  #carry(near: Socket): void {
    const chunks: Buffer[] = []
    this.connections.push(chunks)
    this.#open.add(near)
    const far = connectTo({ port: this.#to, host: '127.0.0.1' })
    near.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      far.write(chunk)
    })
    far.pipe(near)
    near.on('error', () => {}).on('close', () => far.end())
    near.once('close', () => this.#open.delete(near))
    far.on('error', () => {}).on('close', () => near.end())
  }
}

const site = await Site.make()
await site.configure()
await site.start()
const folder = fileURLToPath(RECORDINGS)
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

async function record(name: string, how: string, run: (port: number) => Promise<void>): Promise<void> {
  const relay = new Relay(site.port)
  await run(await relay.listen())
  await until(() => relay.idle, `${name} to end`)
  relay.stop()
  for (const [i, chunks] of relay.connections.entries()) {
    const lines = [`# ${how}`, ...chunks.map((chunk) => chunk.toString('hex'))]
    writeFileSync(`${folder}/${name}${relay.connections.length > 1 ? `-${i + 1}` : ''}.txt`, `${lines.join('\n')}\n`)
  }
  console.log(`${name}: ${relay.connections.map((chunks) => chunks.reduce((sum, chunk) => sum + chunk.length, 0)).join(', ')} bytes`)
}

async function tool(name: string, program: string, args: readonly string[]): Promise<void> {
  await record(name, `Debian's ${program} 2.0.11: ${program} ${args.join(' ')}`, async (port) => {
    const child = spawn(program, ['-p', String(port), ...args], { stdio: ['pipe', 'ignore', 'inherit'] })
    child.stdin.end('one\ntwo\nthree\n')
    await once(child, 'close')
  })
}

for (const version of ['mqttv31', 'mqttv311', 'mqttv5']) {
  const short = version.slice(4)
  for (const qos of ['0', '1', '2']) {
    await tool(`mosquitto-pub-${short}-qos${qos}`, 'mosquitto_pub', ['-V', version, '-i', `rec-${short}`, '-t', 'rec/lines', '-q', qos, '-l'])
  }
  const will = ['--will-topic', 'rec/will', '--will-payload', 'gone', '--will-qos', '1', '--will-retain']
  await tool(`mosquitto-pub-${short}-will`, 'mosquitto_pub', ['-V', version, '-i', `rec-${short}`, '-u', 'user', '-P', 'secret', ...will, '-t', 'rec/kept', '-r', '-q', '1', '-m', 'kept'])
  await tool(`mosquitto-sub-${short}`, 'mosquitto_sub', ['-V', version, '-i', `rec-sub-${short}`, '-c', '-t', 'rec/#', '-t', '+/lines', '-U', 'other', '-q', '2', '-C', '1', '-W', '2'])
}
const properties = [
  ['connect', 'session-expiry-interval', '60'],
  ['connect', 'receive-maximum', '20'],
  ['connect', 'user-property', 'made', 'here'],
  ['publish', 'content-type', 'text/plain'],
  ['publish', 'message-expiry-interval', '30'],
  ['publish', 'response-topic', 'rec/answer'],
  ['publish', 'correlation-data', '42'],
  ['publish', 'payload-format-indicator', '1'],
  ['publish', 'topic-alias', '3'],
  ['publish', 'user-property', 'naïve', 'ça va'],
  ['disconnect', 'session-expiry-interval', '5'],
].flatMap((property) => ['-D', ...property])
await tool('mosquitto-pub-v5-properties', 'mosquitto_pub', ['-V', 'mqttv5', '-i', 'rec-properties', ...properties, '-t', 'rec/properties', '-q', '2', '-l'])

async function js(name: string, options: IClientOptions): Promise<void> {
  await record(name, `MQTT.js 5.16: connect, subscribe, publish at QoS 0 to 2, unsubscribe, end; options ${JSON.stringify(options)}`, async (port) => {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { ...options, reconnectPeriod: 0 })
    await client.subscribeAsync({ 'rec/js/+': { qos: 2 }, 'rec/#': { qos: 1 } })
    for (const qos of [0, 1, 2] as const) await client.publishAsync('rec/js/a', `at ${qos}`, { qos, retain: qos === 1, ...(options.protocolVersion === 5 ? { properties: { contentType: 'text/plain', userProperties: { k: 'v' } } } : {}) })
    await client.unsubscribeAsync('rec/#')
    await client.endAsync()
  })
}
const will = { topic: 'rec/js/will', payload: Buffer.from('gone'), qos: 1, retain: false } as const
await js('mqttjs-v3', { protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'rec-js-3', will })
await js('mqttjs-v4', { protocolVersion: 4, clientId: 'rec-js-4', clean: false, will })
await js('mqttjs-v5', { protocolVersion: 5, clientId: 'rec-js-5', clean: false, will: { ...will, properties: { willDelayInterval: 5, contentType: 'text/plain' } }, properties: { sessionExpiryInterval: 60, receiveMaximum: 10, topicAliasMaximum: 4, requestProblemInformation: true, userProperties: { made: 'here' } } })

for (const version of [3, 4, 5] as const) {
  await record(`paho-v${version}`, 'Debian’s python3-paho-mqtt 1.6.1: connect, subscribe, publish at QoS 0 to 2, disconnect', async (port) => {
    const paho = await Paho.connect(port, `rec-paho-${version}`, version, version !== 4)
    await paho.subscribe('rec/paho/#', 2)
    for (const qos of [0, 1, 2] as const) paho.publish('rec/paho/a', [`at ${qos}`, 'again'], qos, qos === 1)
    await until(() => paho.messages.length >= 6, 'its messages to come back')
    await paho.disconnect()
  })
}
await site[Symbol.asyncDispose]()
