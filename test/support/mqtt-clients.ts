// MQTT.js clients of a test, and whatever else it opens: all of it is closed in reverse order when the test is over.
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { until } from './until.ts'

export interface Got {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
}

export class MqttClients implements AsyncDisposable {
  #open: AsyncDisposable[] = []

  /** Closed with the rest. */
  readonly kept = <T extends AsyncDisposable>(thing: T): T => {
    this.#open.push(thing)
    return thing
  }

  /** One that is connected, and tries again when it is cut off. */
  readonly connect = async (url: string, options: IClientOptions = {}): Promise<MqttClient> => {
    const client = connect(url, { protocolVersion: 5, reconnectPeriod: 50, ...options })
    this.kept({ [Symbol.asyncDispose]: () => client.endAsync(true) })
    client.on('error', () => {}) // it tries again
    await until(() => client.connected, `a client at ${url} to connect`)
    return client
  }

  /** Everything that comes for `filter`, as it comes. */
  readonly listen = async (url: string, filter: string, options: IClientOptions = {}): Promise<Got[]> => {
    const listener = await this.connect(url, options)
    const got: Got[] = []
    listener.on('message', (topic: string, payload: Buffer, { qos, retain }: IPublishPacket) => got.push({ topic, payload: payload.toString(), qos, retain }))
    await listener.subscribeAsync(filter, { qos: 2 })
    return got
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const thing of this.#open.splice(0).toReversed()) await thing[Symbol.asyncDispose]()
  }
}
