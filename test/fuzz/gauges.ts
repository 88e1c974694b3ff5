// What the gateway says of itself under $SYS, and what it has to go back to when the fuzzed clients are gone. The same client tidies up:
// retained messages stay by right, so they are taken away before they are counted.
import { connectAsync, type MqttClient } from 'mqtt'
import { until } from '../support/until.ts'

/** Topics under $SYS/broker/ whose values are the same whenever only our own clients are here. */
const GAUGES = ['sockets/now', 'clients/connected', 'clients/total', 'subscriptions/count', 'shared_subscriptions/count', 'retained messages/count'] as const
/** Sessions end four seconds after their client, $SYS tells it a second later, and a machine may be busy. */
const DEADLINE_MS = 30_000

export class Gauges {
  readonly #client: MqttClient
  readonly #values = new Map<string, string>()
  /** When each was last told: a value from before the question is no answer. */
  #told = 0
  #base = new Map<string, string | undefined>()
  readonly #retained = new Set<string>()

  private constructor(client: MqttClient) {
    this.#client = client
    client.on('error', () => {})
    client.on('message', (topic, payload, packet) => {
      if (topic.startsWith('$SYS/broker/')) {
        this.#values.set(topic.slice('$SYS/broker/'.length), payload.toString())
        if (topic === '$SYS/broker/uptime' && !packet.retain) this.#told++
      } else if (packet.retain && payload.length > 0) this.#retained.add(topic)
    })
  }

  static async connect(port: number): Promise<Gauges> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, reconnectPeriod: 0 })
    const gauges = new Gauges(client)
    await client.subscribeAsync('$SYS/broker/#')
    return gauges
  }

  /** What there is now is what there has to be later. */
  async remember(): Promise<void> {
    await this.#toldAnew(2)
    this.#base = new Map(GAUGES.map((name) => [name, this.#values.get(name)]))
  }

  value(name: string): number {
    return Number(this.#values.get(name) ?? Number.NaN)
  }

  /** Waits until everything is as remembered; returns what is not. `hiddenTopics`: retained ones that # does not find. */
  async differences(hiddenTopics: Iterable<string>): Promise<string[]> {
    await this.#goesBack((name) => name !== 'retained messages/count') // wills may still be published, and be retained
    await this.#clearRetained(hiddenTopics)
    await this.#goesBack(() => true)
    return this.#differing(() => true).map((name) => `$SYS/broker/${name} is ${this.#values.get(name)}, and was ${this.#base.get(name)} before`)
  }

  async end(): Promise<void> {
    await this.#client.endAsync()
  }

  #differing(which: (name: string) => boolean): string[] {
    return GAUGES.filter((name) => which(name) && this.#values.get(name) !== this.#base.get(name))
  }

  async #goesBack(which: (name: string) => boolean): Promise<void> {
    await this.#toldAnew(1)
    await until(() => this.#differing(which).length === 0, 'the gauges to go back', DEADLINE_MS).catch(() => {}) // the difference is the answer
  }

  async #toldAnew(times: number): Promise<void> {
    const before = this.#told
    await until(() => this.#told >= before + times, '$SYS to be published', DEADLINE_MS)
  }

  async #clearRetained(hiddenTopics: Iterable<string>): Promise<void> {
    this.#retained.clear()
    await this.#client.subscribeAsync('#', { qos: 0, rap: true })
    await this.#client.publishAsync('fuzz/all-retained', 'came before this', { qos: 1 })
    await this.#client.unsubscribeAsync('#')
    await Promise.all([...this.#retained, ...hiddenTopics].map((topic) => this.#client.publishAsync(topic, '', { qos: 1, retain: true })))
  }
}
