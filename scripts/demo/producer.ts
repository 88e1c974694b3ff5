// The device: a real client (MQTT.js) that makes numbered messages at a steady rate, whatever happens to the gateway, and
// keeps its own account of what the gateway acknowledged.
//
//   produced ──(connected, window open)──► sent ──PUBACK / PUBCOMP──► acknowledged: from then on it is the gateway's duty
//
// Its session outlives connections (clean=false) and MQTT.js remembers what was sent and not acknowledged: it is sent again,
// first and in the old order, when the gateway is back. What is produced meanwhile waits its turn here.
import { connect, type MqttClient, Store } from 'mqtt'
import { payloadOf, type Stream, STREAMS } from './topics.ts'

/** Sent and not acknowledged per stream, at most. MQTT.js sends them again one by one. */
const WINDOW = 20
const TICK_MS = 10

/** One stream's side of the account. Numbers run from 1. */
export class Output {
  readonly stream: Stream
  produced = 0
  sent = 0
  acknowledged = 0
  readonly #open = new Set<number>()

  constructor(stream: Stream) {
    this.stream = stream
  }

  isAcknowledged(number: number): boolean {
    return number <= this.sent && !this.#open.has(number)
  }

  get canSend(): boolean {
    return this.sent < this.produced && this.#open.size < WINDOW
  }

  send(client: MqttClient): void {
    const number = ++this.sent
    this.#open.add(number)
    client.publish(this.stream.local, payloadOf(number), { qos: this.stream.qos }, (error) => {
      if (error) return // the client was ended: it stays unacknowledged
      this.#open.delete(number)
      this.acknowledged++
    })
  }
}

export class Producer implements AsyncDisposable {
  readonly outputs: readonly Output[] = STREAMS.map((stream) => new Output(stream))
  readonly #client: MqttClient
  #timer: NodeJS.Timeout | null = null
  #connected = false

  constructor(url: string) {
    this.#client = connect(url, {
      clientId: 'producer',
      protocolVersion: 4,
      clean: false,
      outgoingStore: new Store({ clean: false }),
      incomingStore: new Store({ clean: false }),
      reconnectPeriod: 100,
      connectTimeout: 2000,
    })
    this.#client.on('connect', () => (this.#connected = true))
    this.#client.on('close', () => (this.#connected = false))
    this.#client.on('error', () => {}) // the gateway is away: it tries again
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Begins to produce `perSec` messages a second on each topic. */
  start(perSec: number): void {
    const began = performance.now()
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - began) / 1000) * perSec)
      for (const output of this.outputs) output.produced = Math.max(output.produced, due)
      this.#send()
    }, TICK_MS)
  }

  /** Nothing new from now on; what there is, is still sent. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = setInterval(() => this.#send(), TICK_MS)
  }

  /** One more on each topic. */
  produceOne(): void {
    for (const output of this.outputs) output.produced++
  }

  /** Every message is in the gateway's hands. */
  get done(): boolean {
    return this.outputs.every((o) => o.acknowledged === o.produced)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#client.endAsync(true)
  }

  #send(): void {
    for (const output of this.outputs) while (this.#connected && output.canSend) output.send(this.#client)
  }
}
