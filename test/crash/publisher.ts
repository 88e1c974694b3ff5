// A real client that publishes under load and keeps its own promise: MQTT.js with a session that outlives connections and a
// store of its own for what was not acknowledged. After each reconnect it sends that again first, in the old order; only when
// it says "connect" is there something new from us, so the order of first appearances is the order of the numbers.
//
// Acknowledged is what MQTT.js called back for: PUBACK at QoS 1, PUBCOMP at QoS 2. A PUBCOMP that says "packet identifier not
// found" answers a PUBREL that was sent again because the first answer was lost: no error (MQTT 5.0 table 3-11), though MQTT.js
// reports one.
import { connect, type MqttClient, Store } from 'mqtt'
import { payloadOf } from './ledger.ts'

/** Unacknowledged at a time: MQTT.js sends them again one by one, so a large window makes a slow return. */
const WINDOW = 12

export interface Stream {
  readonly name: string
  readonly qos: 1 | 2
  readonly topic: string
  sent: number
  acknowledged: number
}

export class Publisher {
  readonly name: string
  readonly streams: readonly Stream[]
  readonly errors: string[] = []
  readonly #client: MqttClient
  readonly #random: () => number
  readonly #mayGoOn: () => boolean
  #timer: NodeJS.Timeout | null = null
  /** Connected, and what was unacknowledged has been sent again. */
  #ready = false

  /** `mayGoOn`: false holds new messages back. */
  constructor(name: string, options: { readonly url: string; readonly version: 4 | 5; readonly topicOf: (stream: string) => string; readonly random: () => number; readonly mayGoOn?: () => boolean }) {
    this.name = name
    this.#random = options.random
    this.#mayGoOn = options.mayGoOn ?? (() => true)
    this.streams = ([1, 2] as const).map((qos) => {
      const stream = `${name}/q${qos}`
      return { name: stream, qos, topic: options.topicOf(stream), sent: 0, acknowledged: 0 }
    })
    this.#client = connect(options.url, {
      clientId: name,
      protocolVersion: options.version,
      clean: false,
      ...(options.version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
      outgoingStore: new Store({ clean: false }),
      incomingStore: new Store({ clean: false }),
      reconnectPeriod: 30,
      connectTimeout: 2000,
    })
    this.#client.on('connect', () => {
      this.#ready = true
    })
    this.#client.on('close', () => {
      this.#ready = false
    })
    this.#client.on('error', (error) => {
      if (!isConnectionError(error)) this.errors.push(`${name}: ${error.message}`)
    })
  }

  start(): void {
    const burst = (): void => {
      const count = 1 + Math.floor(this.#random() ** 2 * 20)
      for (let i = 0; i < count; i++) {
        if (!this.#ready || this.#unacknowledged >= WINDOW || !this.#mayGoOn()) break
        const stream = this.streams[this.#random() < 0.5 ? 0 : 1]!
        this.#publish(stream)
      }
      this.#timer = setTimeout(burst, this.#random() ** 3 * 25)
    }
    burst()
  }

  /** Nothing new from now on. What was sent is still brought to its end. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Messages so far, of all streams. */
  get sent(): number {
    return this.streams.reduce((n, s) => n + s.sent, 0)
  }

  get done(): boolean {
    return this.#unacknowledged === 0
  }

  async end(): Promise<void> {
    this.stop()
    await this.#client.endAsync(true)
  }

  get #unacknowledged(): number {
    return this.streams.reduce((n, s) => n + s.sent - s.acknowledged, 0)
  }

  #publish(stream: Stream): void {
    const filling = this.#random() < 0.02 ? 20_000 : Math.floor(this.#random() * 150)
    this.#client.publish(stream.topic, payloadOf(stream.name, ++stream.sent, filling), { qos: stream.qos }, (error) => {
      const answeredBefore = stream.qos === 2 && (error as { code?: unknown } | undefined)?.code === 0x92
      if (!error || answeredBefore) stream.acknowledged++
      else this.errors.push(`${stream.name}: ${error.message}`)
    })
  }
}

export function isConnectionError(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE' || /connack timeout|socket hang up|aggregate/i.test(`${error.message}${error.name}`)
}
