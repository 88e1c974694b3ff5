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

export interface PublisherOptions {
  readonly url: string
  readonly version: 4 | 5
  readonly topicOf: (stream: string) => string
  readonly random: () => number
  readonly login?: { readonly username: string; readonly password: string }
  /** Of CONNACK; default 2 s, which an emulated machine does not keep. */
  readonly connectTimeoutMs?: number
  /** false holds new messages back. */
  readonly mayGoOn?: () => boolean
  /** Names of what it publishes; default one at each QoS. */
  readonly streams?: readonly { readonly name: string; readonly qos: 1 | 2 }[]
  /** So many a second and so many in all, as readings are; default bursts of messages of any length, without end. */
  readonly steady?: { readonly perSec: number; readonly count: number }
}

export class Publisher {
  readonly name: string
  readonly streams: readonly Stream[]
  readonly errors: string[] = []
  readonly #client: MqttClient
  readonly #random: () => number
  readonly #mayGoOn: () => boolean
  readonly #steady: PublisherOptions['steady']
  #timer: NodeJS.Timeout | null = null
  /** Connected, and what was unacknowledged has been sent again. */
  #ready = false

  constructor(name: string, options: PublisherOptions) {
    this.name = name
    this.#random = options.random
    this.#mayGoOn = options.mayGoOn ?? (() => true)
    this.#steady = options.steady
    const both = ([1, 2] as const).map((qos) => ({ name: `${name}/q${qos}`, qos }))
    this.streams = (options.streams ?? both).map((stream) => ({ ...stream, topic: options.topicOf(stream.name), sent: 0, acknowledged: 0 }))
    this.#client = connect(options.url, {
      ...options.login,
      clientId: name,
      protocolVersion: options.version,
      clean: false,
      ...(options.version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
      outgoingStore: new Store({ clean: false }),
      incomingStore: new Store({ clean: false }),
      reconnectPeriod: 30,
      connectTimeout: options.connectTimeoutMs ?? 2000,
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
    if (this.#steady !== undefined) return this.#startSteady(this.#steady)
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

  /** What could not be sent in time is made up for. */
  #startSteady({ perSec, count }: { readonly perSec: number; readonly count: number }): void {
    const beganMs = performance.now()
    this.#timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - beganMs) * perSec) / 1000))
      for (let { sent } = this; sent < due && this.#ready && this.#unacknowledged < WINDOW && this.#mayGoOn(); sent++) this.#publish(this.streams[sent % this.streams.length]!)
    }, 20)
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
    const filling = this.#steady !== undefined ? Math.floor(this.#random() * 40) : this.#random() < 0.02 ? 20_000 : Math.floor(this.#random() * 150)
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
