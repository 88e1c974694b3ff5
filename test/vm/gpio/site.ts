// A whole gateway inside the virtual machine, and a client of it: started, killed and stopped as an operator or a power cut would.
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import mqtt from 'mqtt'
import { until } from './wait.ts'

const PORT = 1883
export const MAIN = `${process.env.PROJECT}/src/main.ts`

export function writeConfig(name: string, devices: string): string {
  const file = `/tmp/${name}.yaml`
  writeFileSync(file, `site: vm\nbroker: { listeners: [{ port: ${PORT}, host: 127.0.0.1, anonymous: true }] }\nstore: { path: /tmp/${name} }\n${devices}`)
  return file
}

export class Site {
  readonly #config: string
  #process: ChildProcess | null = null
  #output = ''

  constructor(config: string) {
    this.#config = config
  }

  /** What the running gateway has printed. */
  get output(): string {
    return this.#output
  }

  get pid(): number {
    return this.#process!.pid!
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    this.#output = ''
    const child = spawn(process.execPath, [MAIN, 'run', '--config', this.#config], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    if (!(await until(() => /listening/.test(this.#output), 60_000))) throw new Error(`the gateway did not start:\n${this.#output}`)
  }

  /** Resolves when the process is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process!
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }
}

/** What a client has been told, by topic, newest last. */
export class Client {
  readonly #client: mqtt.MqttClient
  readonly #heard = new Map<string, string[]>()

  private constructor(client: mqtt.MqttClient) {
    this.#client = client
    client.on('message', (topic, payload, { properties }) => {
      const text = payload.toString()
      this.#heard.set(topic, [...(this.#heard.get(topic) ?? []), properties?.correlationData === undefined ? text : `${text} ${String(properties.correlationData)}`])
    })
  }

  static async connect(clientId = 'panel'): Promise<Client> {
    const connected = await mqtt.connectAsync(`mqtt://127.0.0.1:${PORT}`, { protocolVersion: 5, clientId, reconnectPeriod: 0 })
    const client = new Client(connected) // listens before retained messages come
    await connected.subscribeAsync('#', { qos: 1 })
    return client
  }

  on(topic: string): string[] {
    return this.#heard.get(topic) ?? []
  }

  forget(topic: string): void {
    this.#heard.delete(topic)
  }

  async command(topic: string, payload: string): Promise<void> {
    await this.#client.publishAsync(topic, payload, { qos: 1, properties: { responseTopic: 'answers', correlationData: Buffer.from('#1') } })
  }

  end(): Promise<void> {
    return this.#client.endAsync(true)
  }
}
