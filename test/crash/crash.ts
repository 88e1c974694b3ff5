// kill -9 under load, many times, and a count of what is missing.
//
//   4 publishers ─► gateway ─┬─► 2 subscribers with sessions (3.1.1, 5.0)
//   (3.1.1, 5.0)             ├─► uplink "a" 5.0, QoS 2 ─► cable ─► Mosquitto ─► checker
//                            └─► uplink "b" 3.1.1, QoS 1 ─► cable ─► Mosquitto ─► checker
//   cloud publisher ─► Mosquitto ─► uplink "a" ─► gateway ─► the same subscribers
//
// The clients and Mosquitto live through all rounds, so what is lost, doubled or out of order is the gateway's doing. Now and
// then a cable is pulled or a subscriber stays away for a round, so that queues are filled, drained and read from flash while
// the process dies.
import { connect, type MqttClient, Store } from 'mqtt'
import { LinkEmulator } from '../support/link-emulator.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'
import { isConnectionError, Publisher, type Stream } from './publisher.ts'
import { randomOf, readPayload, Receiver } from './ledger.ts'

const LOAD_MS_MAX = 1200
const DRAIN_MS_MAX = 120_000
/**
 * Messages on their way in at most. Mosquitto 2.0.11 sends a new message ahead of those it has queued when a place in the receiver's
 * window (100) becomes free: with no queue there, the order is its publisher's.
 */
const INBOUND_MAX = 30

export interface CrashOptions {
  readonly rounds: number
  readonly seed: number
  readonly print: (line: string) => void
}

export interface Row {
  readonly receiver: string
  /** It must see each message published at QoS 2 once. */
  readonly once: boolean
  readonly qos: 1 | 2
  readonly acknowledged: number
  readonly lost: number
  readonly duplicates: number
  readonly disordered: number
}

export interface CrashReport {
  readonly seed: number
  readonly rounds: number
  readonly rows: readonly Row[]
  /** Errors that a client reported beside broken connections, and what the gateway called an error. */
  readonly errors: readonly string[]
  /** The first gaps, late messages and QoS 2 duplicates, as they were seen. */
  readonly troubles: readonly string[]
}

export async function crash(options: CrashOptions): Promise<CrashReport> {
  await using bed = await Bed.make(options)
  for (let round = 1; round <= options.rounds; round++) await bed.round(round)
  return await bed.finish()
}

interface Cables {
  readonly a: LinkEmulator
  readonly b: LinkEmulator
  readonly subscribers: readonly LinkEmulator[]
}

class Bed implements AsyncDisposable {
  readonly #options: CrashOptions
  readonly #random: () => number
  readonly #site: Site
  readonly #cloud: Mosquitto
  readonly #cables: Cables
  readonly #publishers: Publisher[] = []
  readonly #clients: MqttClient[] = []
  readonly #errors: string[] = []
  readonly #troubles: string[] = []
  #locals: Receiver[] = []
  #checkers: { readonly a: Receiver; readonly b: Receiver } | null = null
  #round = 0

  static async make(options: CrashOptions): Promise<Bed> {
    const site = await Site.make()
    const cloud = await Mosquitto.start()
    const cables = { a: await LinkEmulator.to(cloud.port), b: await LinkEmulator.to(cloud.port), subscribers: [await LinkEmulator.to(site.port), await LinkEmulator.to(site.port)] }
    const bed = new Bed(options, site, cloud, cables)
    await bed.#open()
    return bed
  }

  private constructor(options: CrashOptions, site: Site, cloud: Mosquitto, cables: Cables) {
    this.#options = options
    this.#random = randomOf(options.seed)
    this.#site = site
    this.#cloud = cloud
    this.#cables = cables
  }

  /** One life of the gateway: start, load, kill. */
  async round(round: number): Promise<void> {
    this.#round = round
    const random = this.#random
    if (random() < 0.1) {
      // Killed while it starts, before anybody could say anything to it.
      const early = this.#site.launch()
      await pause(random() * 400)
      await early.kill()
    }
    const away = random() < 0.25 ? this.#cables.subscribers[random() < 0.5 ? 0 : 1]! : null
    const cut = random() < 0.35 ? this.#cables[random() < 0.5 ? 'a' : 'b'] : null
    if (away !== null) await away.cut()
    const gateway = await this.#site.start()
    const loadMs = random() ** 1.5 * LOAD_MS_MAX
    if (cut === null) await pause(loadMs)
    else {
      const at = random()
      await pause(loadMs * at)
      await cut.cut()
      if (random() < 0.5) await cut.mend() // a hiccup; else it stays away into the next life
      await pause(loadMs * (1 - at))
    }
    await gateway.kill()
    if (round % 3 === 0 || cut === null) for (const cable of [this.#cables.a, this.#cables.b]) await cable.mend()
    await away?.mend()
    this.#collect(gateway)
    this.#progress(round)
  }

  /** Everything mended: all that was sent has to be acknowledged and to arrive. Then the count. */
  async finish(): Promise<CrashReport> {
    for (const cable of [this.#cables.a, this.#cables.b, ...this.#cables.subscribers]) await cable.mend()
    const gateway = await this.#site.start()
    for (const publisher of this.#publishers) publisher.stop()
    await quietly(until(() => this.#publishers.every((p) => p.done), 'every publisher to have its acknowledgements', DRAIN_MS_MAX))
    for (const p of this.#publishers) if (!p.done) this.#errors.push(`${p.name} waits for acknowledgements that do not come`)
    await quietly(until(() => this.#complete(), 'everything to arrive', DRAIN_MS_MAX))
    // What comes twice comes after the first: one more message through each path, behind all that is still under way.
    await this.#flush()
    await gateway.stop()
    this.#collect(gateway)
    for (const publisher of this.#publishers) this.#errors.push(...publisher.errors)
    return { seed: this.#options.seed, rounds: this.#options.rounds, rows: this.#rows(), errors: this.#errors, troubles: this.#troubles }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#publishers.map((p) => p.end()), ...this.#clients.map((c) => c.endAsync(true))])
    for (const cable of [this.#cables.a, this.#cables.b, ...this.#cables.subscribers]) await cable[Symbol.asyncDispose]()
    await this.#site[Symbol.asyncDispose]()
    await this.#cloud[Symbol.asyncDispose]()
  }

  async #open(): Promise<void> {
    const uplink = { connectTimeout: '2s', backoff: { min: '100ms', max: '200ms' } }
    await this.#site.configure({
      broker: { maxSessionExpiry: 'never' },
      uplinks: [
        { ...uplink, name: 'a', url: this.#cables.a.url, clientId: 'gateway-a', version: 5, routes: [{ out: 'load/#', as: 'a/#', qos: 2 }, { in: 'cmd/#', qos: 2 }] },
        { ...uplink, name: 'b', url: this.#cables.b.url, clientId: 'gateway-b', version: 4, routes: [{ out: 'load/#', as: 'b/#', qos: 1 }] },
      ],
    })
    // The first life: everybody's session is made before anything is published.
    const gateway = await this.#site.start()
    this.#locals = await Promise.all(
      this.#cables.subscribers.map(async (cable, i) => {
        const receiver = this.#receiver(`subscriber ${i === 0 ? '3.1.1' : '5.0'}`)
        await this.#subscribe(cable.url, `subscriber-${i}`, i === 0 ? 4 : 5, ['load/#', 'cmd/#'], () => receiver)
        return receiver
      }),
    )
    const checkers = { a: this.#receiver('cloud by a (5.0, QoS 2)'), b: this.#receiver('cloud by b (3.1.1, QoS 1)', false) }
    this.#checkers = checkers
    await this.#subscribe(this.#cloud.url, 'checker', 4, ['a/#', 'b/#'], (topic) => (topic.startsWith('a/') ? checkers.a : checkers.b))
    await until(() => gateway.log.filter((line) => line.msg === 'uplink is up').length === 2, 'both uplinks')
    await until(() => this.#cloud.log.includes('gateway-a 2 cmd/#'), 'the uplink to have subscribed')

    const random = randomOf(this.#options.seed + 1)
    for (let i = 0; i < 4; i++) {
      this.#publishers.push(new Publisher(`p${i}`, { url: this.#site.url, version: i % 2 === 0 ? 4 : 5, topicOf: (s) => `load/${s}`, random }))
    }
    const c0: Publisher = new Publisher('c0', {
      url: this.#cloud.url,
      version: 5,
      topicOf: (s) => `cmd/${s}`,
      random,
      mayGoOn: () => c0.sent - Math.max(...this.#locals.map((r) => c0.streams.reduce((n, s) => n + r.tally(s.name).received, 0))) < INBOUND_MAX,
    })
    this.#publishers.push(c0)
    for (const publisher of this.#publishers) publisher.start()
    await until(() => this.#publishers.every((p) => p.streams.every((s) => s.acknowledged > 0)), 'every publisher to have an acknowledgement')
    await gateway.kill()
    this.#collect(gateway)
  }

  #receiver(name: string, once = true): Receiver {
    return new Receiver(name, once, (text) => {
      this.#options.print(`  round ${this.#round}: ${text}`)
      if (this.#troubles.length < 50) this.#troubles.push(`round ${this.#round}: ${text}`)
    })
  }

  async #subscribe(url: string, clientId: string, version: 4 | 5, filters: string[], receiverOf: (topic: string) => Receiver): Promise<void> {
    const client = connect(url, {
      clientId,
      protocolVersion: version,
      clean: false,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
      incomingStore: new Store({ clean: false }),
      outgoingStore: new Store({ clean: false }),
      resubscribe: false,
      reconnectPeriod: 30,
      connectTimeout: 2000,
    })
    this.#clients.push(client)
    client.on('message', (topic, payload) => {
      const { stream, number } = readPayload(payload)
      if (stream !== 'end') receiverOf(topic).saw(stream, number)
      else this.#ends.add(`${clientId} ${topic}`)
    })
    client.on('error', (error) => {
      if (!isConnectionError(error)) this.#errors.push(`${clientId}: ${error.message}`)
    })
    client.on('connect', (connack) => {
      if (this.#round > 0 && !connack.sessionPresent) this.#errors.push(`round ${this.#round}: ${clientId} has no session any more`)
    })
    await until(() => client.connected, `${clientId} to connect`)
    await client.subscribeAsync(filters, { qos: 2 })
  }

  readonly #ends = new Set<string>()

  /** One last message through each path. */
  async #flush(): Promise<void> {
    const publish = async (url: string, topic: string): Promise<void> => {
      const client = connect(url, { protocolVersion: 4 })
      this.#clients.push(client)
      for (const qos of [1, 2] as const) await client.publishAsync(`${topic}/q${qos}`, 'end 0', { qos })
    }
    await publish(this.#site.url, 'load/end')
    await publish(this.#cloud.url, 'cmd/end')
    const paths = ['subscriber-0 load', 'subscriber-1 load', 'subscriber-0 cmd', 'subscriber-1 cmd', 'checker a', 'checker b']
    const wanted = paths.flatMap((path) => [`${path}/end/q1`, `${path}/end/q2`])
    await quietly(until(() => wanted.every((w) => this.#ends.has(w)), 'the last messages', 20_000))
    for (const w of wanted) if (!this.#ends.has(w)) this.#errors.push(`the last message did not come: ${w}`)
  }

  #pairs(): { readonly receiver: Receiver; readonly streams: readonly Stream[] }[] {
    const local = this.#publishers.filter((p) => p.name.startsWith('p')).flatMap((p) => p.streams)
    const all = this.#publishers.flatMap((p) => p.streams)
    const { a, b } = this.#checkers!
    return [...this.#locals.map((receiver) => ({ receiver, streams: all })), { receiver: a, streams: local }, { receiver: b, streams: local }]
  }

  #complete(): boolean {
    return this.#pairs().every(({ receiver, streams }) => streams.every((s) => receiver.hasAll(s.name, s.acknowledged)))
  }

  #rows(): Row[] {
    return this.#pairs().flatMap(({ receiver, streams }) =>
      ([1, 2] as const).map((qos) => {
        const ours = streams.filter((s) => s.qos === qos)
        const sum = (of: (stream: Stream) => number): number => ours.reduce((n, s) => n + of(s), 0)
        return {
          receiver: receiver.name,
          once: receiver.once,
          qos,
          acknowledged: sum((s) => s.acknowledged),
          lost: sum((s) => receiver.lost(s.name, s.acknowledged)),
          duplicates: sum((s) => receiver.tally(s.name).duplicates),
          disordered: sum((s) => receiver.tally(s.name).disordered),
        }
      }),
    )
  }

  #collect(gateway: { readonly stderr: string; readonly log: readonly { readonly level: number; readonly msg: string }[] }): void {
    if (gateway.stderr !== '') this.#errors.push(`round ${this.#round}: the gateway wrote: ${gateway.stderr.slice(0, 2000)}`)
    for (const line of gateway.log) if (line.level >= 50) this.#errors.push(`round ${this.#round}: the gateway logged: ${JSON.stringify(line)}`)
  }

  #progress(round: number): void {
    if (round % 10 !== 0 && round !== this.#options.rounds) return
    const rows = this.#rows()
    this.#options.print(`round ${round}: ${rows[0]!.acknowledged + rows[1]!.acknowledged} acknowledged, ${this.#troubles.length} troubles`)
  }
}

/** What is missing is counted afterwards. */
async function quietly(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => {})
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** What is wrong, a sentence each; nothing when every promise was kept. */
export function faults(report: CrashReport): string[] {
  const list = [...report.errors]
  for (const row of report.rows) {
    const what = `${row.receiver}, QoS ${row.qos}`
    if (row.lost > 0) list.push(`${what}: ${row.lost} of ${row.acknowledged} acknowledged messages lost`)
    if (row.disordered > 0) list.push(`${what}: ${row.disordered} messages out of order`)
    if (row.qos === 2 && row.once && row.duplicates > 0) list.push(`${what}: ${row.duplicates} duplicates`)
  }
  return list
}

export function table(report: CrashReport): string {
  const head = ['receiver', 'published at', 'acknowledged', 'lost', 'duplicates', 'out of order']
  const rows = report.rows.map((r) => [r.receiver, `QoS ${r.qos}`, ...[r.acknowledged, r.lost, r.duplicates, r.disordered].map(String)])
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]!.length)))
  const line = (cells: string[]): string => cells.map((c, i) => (i < 2 ? c.padEnd(widths[i]!) : c.padStart(widths[i]!))).join('  ')
  return [line(head), ...rows.map(line)].join('\n')
}
