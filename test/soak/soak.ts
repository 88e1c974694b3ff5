// An hour on a bad link, in real time: connections are cut all the time, both ends are restarted at random, and a ledger counts.
//
//   8 publishers ─► gateway (kill -9) ─► link: 600 ms, cuts ─► Mosquitto, TLS (restarts) ─► far end ─► ledger
//
// "20 % loss by cuts": in every round trip a connection is cut with a probability of 20 %, what is under way both ways is lost with it. The
// report says what that was in bytes. The publishers are clients of others (MQTT.js) that send what was not acknowledged again, at QoS 2:
// every message has to come to the ledger once, in its topic's order, whoever died meanwhile.
//
// Mosquitto is stopped in order (SIGTERM): killed it would lose what it has acknowledged, which says nothing about us.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type MqttClient, Store } from 'mqtt'
import { randomOf, readPayload, Receiver } from '../crash/ledger.ts'
import { isConnectionError, Publisher, type Stream } from '../crash/publisher.ts'
import { Authority } from '../support/certificates.ts'
import { LinkEmulator } from '../support/link-emulator.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { freePort } from '../support/ports.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'
import { FAR_ENDS, type FarEnd, type FarEndName } from './far-end.ts'

const PUBLISHERS = 8
const TOPICS = 5
const RTT_MS = 600
/** So many messages may be under way: at two round trips each, and half of the time without a connection. */
const INFLIGHT_MAX = 4000
const DRAIN_MS_MAX = 600_000

export interface SoakOptions {
  readonly minutes: number
  readonly messages: number
  readonly seed: number
  /** Chance that a connection is cut in a round trip, 0 to 1. */
  readonly loss: number
  readonly farEnd: FarEndName
  readonly print: (line: string) => void
}

export interface SoakReport {
  readonly options: SoakOptions
  readonly tookSec: number
  readonly sent: number
  readonly acknowledged: number
  readonly arrived: number
  readonly lost: number
  readonly duplicates: number
  readonly disordered: number
  readonly kills: Readonly<Record<'gateway' | 'cloud' | 'far end', number>>
  readonly connections: number
  readonly cuts: number
  /** Of the bytes given to the link, upwards, 0 to 1. */
  readonly bytesLost: number
  readonly wireBytes: number
  /** What was wrong, a sentence each. */
  readonly faults: readonly string[]
}

export async function soak(options: SoakOptions): Promise<SoakReport> {
  await using stack = new AsyncDisposableStack()
  const bed = await Bed.make(options, stack)
  await bed.run()
  return await bed.finish()
}

class Bed {
  readonly #options: SoakOptions
  readonly #stack: AsyncDisposableStack
  readonly #random: () => number
  readonly #site: Site
  readonly #cloud: Mosquitto
  readonly #link: LinkEmulator
  readonly #farEnd: FarEnd
  readonly #receiver: Receiver
  readonly #publishers: Publisher[] = []
  readonly #faults: string[] = []
  readonly #kills = { gateway: 0, cloud: 0, 'far end': 0 }
  readonly #beganMs = performance.now()
  readonly #ends = new Set<string>()

  static async make(options: SoakOptions, stack: AsyncDisposableStack): Promise<Bed> {
    const authority = stack.use(await Authority.make())
    const { keyFile, certFile } = await authority.issue('cloud')
    const tlsPort = await freePort()
    const cloud = stack.use(await Mosquitto.start({ lines: [`listener ${tlsPort} 127.0.0.1`, 'allow_anonymous true', `certfile ${certFile}`, `keyfile ${keyFile}`] }))
    const cut = { perSec: (options.loss * 1000) / RTT_MS }
    const link = stack.use(await LinkEmulator.start({ to: { port: tlsPort }, rttMs: RTT_MS, jitterMs: 50, cut, seed: options.seed }))
    const site = stack.use(await Site.make())
    const farEnd = stack.use(await FAR_ENDS[options.farEnd](cloud))
    await site.configure({
      broker: { maxSessionExpiry: 'never' },
      uplinks: [
        {
          name: 'cloud', url: `mqtts://127.0.0.1:${link.port}`, tls: { ca: await copyOf(authority.certFile, site.folder) }, clientId: 'gateway', version: 5,
          connectTimeout: '10s', backoff: { min: '100ms', max: '500ms' }, maxInflight: INFLIGHT_MAX, routes: farEnd.routes,
        },
      ],
    })
    const bed = new Bed(options, stack, { site, cloud, link, farEnd })
    await bed.#open()
    return bed
  }

  private constructor(options: SoakOptions, stack: AsyncDisposableStack, parts: { readonly site: Site; readonly cloud: Mosquitto; readonly link: LinkEmulator; readonly farEnd: FarEnd }) {
    this.#options = options
    this.#stack = stack
    this.#random = randomOf(options.seed)
    this.#site = parts.site
    this.#cloud = parts.cloud
    this.#link = parts.link
    this.#farEnd = parts.farEnd
    this.#receiver = new Receiver('ledger', true, (text) => this.#trouble(text))
  }

  async run(): Promise<void> {
    const { minutes, messages, print } = this.#options
    const runMs = minutes * 60_000
    for (const publisher of this.#publishers) publisher.start()
    const over = { is: false }
    // A minute on average between two deaths of each; in a short run more often.
    const meanMs = Math.min(60_000, Math.max(3000, runMs / 10))
    const chaos = [
      this.#again(meanMs, over, () => this.#killGateway()),
      this.#again(meanMs * 1.5, over, () => this.#restartCloud()),
      ...(this.#farEnd.restart === null ? [] : [this.#again(meanMs * 1.25, over, () => this.#restartFarEnd())]),
    ]
    const progress = setInterval(() => print(this.#progress()), Math.min(60_000, runMs / 4))
    try {
      await until(() => this.#streams.reduce((sum, s) => sum + s.sent, 0) >= messages, `${messages} messages to be sent`, runMs * 2 + 60_000)
    } finally {
      over.is = true
      clearInterval(progress)
      await Promise.all(chaos)
    }
  }

  /** Nobody dies any more, connections still do: all that was acknowledged has to arrive. Then the count. */
  async finish(): Promise<SoakReport> {
    for (const publisher of this.#publishers) publisher.stop()
    await this.#within(until(() => this.#publishers.every((p) => p.done), 'every publisher to have its acknowledgements', DRAIN_MS_MAX))
    await this.#within(until(() => this.#streams.every((s) => this.#receiver.hasAll(s.name, s.acknowledged)), 'everything to arrive', DRAIN_MS_MAX))
    // What comes twice comes after the first: one more message behind all that is still under way.
    await this.#within(this.#flush())
    await this.#site.gateway.stop()
    this.#collect()
    for (const publisher of this.#publishers) this.#faults.push(...publisher.errors)
    return this.#report()
  }

  async #open(): Promise<void> {
    const { messages, minutes } = this.#options
    await this.#site.start()
    await this.#subscribe()
    const perSec = messages / (minutes * 60) / PUBLISHERS
    for (let i = 0; i < PUBLISHERS; i++) {
      const streams = Array.from({ length: TOPICS }, (_, topic) => ({ name: `p${i}/t${topic}/q2`, qos: 2 as const }))
      const count = Math.ceil(messages / PUBLISHERS)
      const publisher = new Publisher(`p${i}`, { url: this.#site.url, version: i % 2 === 0 ? 4 : 5, topicOf: (s) => `load/${s}`, random: this.#random, streams, steady: { perSec, count } })
      this.#publishers.push(publisher)
      this.#stack.defer(() => publisher.end())
    }
  }

  async #subscribe(): Promise<void> {
    const client: MqttClient = connect(this.#farEnd.url, {
      clientId: 'ledger',
      protocolVersion: 4,
      clean: false,
      incomingStore: new Store({ clean: false }),
      outgoingStore: new Store({ clean: false }),
      resubscribe: false,
      reconnectPeriod: 50,
      connectTimeout: 2000,
    })
    this.#stack.defer(() => client.endAsync(true))
    client.on('message', (_topic, payload) => {
      const { stream, number } = readPayload(payload)
      if (stream.startsWith('end')) this.#ends.add(stream)
      else this.#receiver.saw(stream, number)
    })
    client.on('error', (error) => {
      if (!isConnectionError(error)) this.#faults.push(`ledger: ${error.message}`)
    })
    await until(() => client.connected, 'the ledger to connect')
    await client.subscribeAsync(this.#farEnd.filter, { qos: 2 })
  }

  get #streams(): readonly Stream[] {
    return this.#publishers.flatMap((p) => p.streams)
  }

  // ---- deaths

  async #again(meanMs: number, over: { readonly is: boolean }, happen: () => Promise<void>): Promise<void> {
    for (;;) {
      const atMs = performance.now() - Math.log(1 - this.#random()) * meanMs
      while (performance.now() < atMs && !over.is) await pause(100)
      if (over.is) return
      await happen()
    }
  }

  async #killGateway(): Promise<void> {
    await this.#site.gateway.kill()
    this.#collect()
    this.#kills.gateway++
    await pause(this.#random() ** 2 * 3000)
    await this.#site.start()
  }

  async #restartCloud(): Promise<void> {
    await this.#cloud.stop()
    this.#kills.cloud++
    await pause(this.#random() * 3000)
    await this.#cloud.start()
  }

  async #restartFarEnd(): Promise<void> {
    this.#kills['far end']++
    await this.#farEnd.restart!(this.#random)
  }

  // ---- the count

  /** What does not come is told as a fault, and the count goes on. */
  async #within(coming: Promise<unknown>): Promise<void> {
    await coming.catch((error: Error) => this.#faults.push(error.message))
  }

  async #flush(): Promise<void> {
    const client = connect(this.#site.url, { protocolVersion: 4, clientId: 'last' })
    this.#stack.defer(() => client.endAsync(true))
    const names = Array.from({ length: PUBLISHERS }, (_, i) => `end${i}`)
    await Promise.all(names.map((name, i) => client.publishAsync(`load/p${i}/t0/end`, `${name} 0`, { qos: 2 })))
    await until(() => names.every((name) => this.#ends.has(name)), 'the last messages', 60_000)
  }

  #report(): SoakReport {
    const sum = (of: (stream: Stream) => number): number => this.#streams.reduce((n, s) => n + of(s), 0)
    const { connections, cuts, up, wire } = this.#link.counters
    const counts = {
      sent: sum((s) => s.sent),
      acknowledged: sum((s) => s.acknowledged),
      arrived: sum((s) => this.#receiver.tally(s.name).received),
      lost: sum((s) => this.#receiver.lost(s.name, s.acknowledged)),
      duplicates: sum((s) => this.#receiver.tally(s.name).duplicates),
      disordered: sum((s) => this.#receiver.tally(s.name).disordered),
    }
    for (const what of ['lost', 'duplicates', 'disordered'] as const) if (counts[what] > 0) this.#faults.push(`${counts[what]} ${what}`)
    return {
      options: this.#options,
      tookSec: (performance.now() - this.#beganMs) / 1000,
      ...counts,
      kills: this.#kills,
      connections,
      cuts,
      bytesLost: up.taken === 0 ? 0 : up.lost / up.taken,
      wireBytes: wire.up + wire.down,
      faults: this.#faults,
    }
  }

  #progress(): string {
    const sum = (of: (stream: Stream) => number): number => this.#streams.reduce((n, s) => n + of(s), 0)
    const { connections, cuts } = this.#link.counters
    const minute = ((performance.now() - this.#beganMs) / 60_000).toFixed(1)
    return `minute ${minute}: ${sum((s) => s.sent)} sent, ${sum((s) => this.#receiver.tally(s.name).received)} arrived, ${connections} connections, ${cuts} cut; killed ${JSON.stringify(this.#kills)}`
  }

  #collect(): void {
    const { stderr, log } = this.#site.gateway
    if (stderr !== '') this.#trouble(`the gateway wrote: ${stderr.slice(0, 500)}`)
    for (const line of log) if (line.level >= 50) this.#trouble(`the gateway logged: ${JSON.stringify(line)}`)
  }

  #trouble(text: string): void {
    this.#options.print(text)
    if (this.#faults.length < 50) this.#faults.push(text)
  }
}

async function copyOf(file: string, folder: string): Promise<string> {
  const copy = join(folder, 'ca.pem')
  await writeFile(copy, await readFile(file))
  return copy
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
