// The reader in the cloud: a real client (MQTT.js) with a session of its own at the cloud's broker, that counts what arrives.
// It is not told what was sent. Of each number, the first arrival must come in order; any other is a duplicate.
import { connect, type MqttClient, Store } from 'mqtt'
import { until } from '../../test/support/until.ts'
import { numberOf, STREAMS } from './topics.ts'

const SUBSCRIBE_MS_MAX = 10_000

/** One stream's arrivals. */
export class Arrivals {
  /** Different messages. */
  distinct = 0
  duplicates = 0
  /** Came for the first time after a later one. */
  disordered = 0
  /** The highest number that came. */
  high = 0
  /** Numbers that were passed over and have not come yet. */
  readonly missing = new Set<number>()

  saw(number: number): void {
    if (number > this.high) {
      for (let n = this.high + 1; n < number; n++) this.missing.add(n)
      this.high = number
      this.distinct++
    } else if (this.missing.delete(number)) {
      this.disordered++
      this.distinct++
    } else this.duplicates++
  }

  has(number: number): boolean {
    return number <= this.high && !this.missing.has(number)
  }
}

export class Checker implements AsyncDisposable {
  readonly arrivals: readonly Arrivals[] = STREAMS.map(() => new Arrivals())
  readonly #client: MqttClient

  private constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (topic, payload) => {
      const i = STREAMS.findIndex((s) => s.remote === topic)
      this.arrivals[i]?.saw(numberOf(payload))
    })
    client.on('error', () => {}) // it tries again
  }

  /** Resolves when it has subscribed: from here on it must see everything. */
  static async open(url: string): Promise<Checker> {
    const client = connect(url, {
      clientId: 'checker',
      protocolVersion: 4,
      clean: false,
      incomingStore: new Store({ clean: false }),
      outgoingStore: new Store({ clean: false }),
      reconnectPeriod: 100,
      connectTimeout: 2000,
    })
    const checker = new Checker(client)
    let subscribed = false
    const topics = STREAMS.map((s) => s.remote)
    client.subscribe(topics, { qos: 2 }, (error) => (subscribed = !error))
    await until(() => subscribed, 'the checker to subscribe at the cloud', SUBSCRIBE_MS_MAX)
    return checker
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true)
  }
}
