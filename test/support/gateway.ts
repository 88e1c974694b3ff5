// A whole gateway inside the test's process: port 0, time that only the test moves, a store in memory or in a temporary
// folder. `await using` stops it, with everybody connected to it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HealthReader, UNKNOWN } from '../../src/alarms/health.ts'
import type { BrokerConfig, Config } from '../../src/config/config.ts'
import { checkText } from '../../src/config/load.ts'
import type { Counters } from '../../src/counters.ts'
import { Gateway, type GatewayLog } from '../../src/gateway.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryShelf } from './memory-shelf.ts'
import { until } from './until.ts'
import { type ConnectOptions, connectPacket, type Received, type Version, WireClient } from './wire-client.ts'

/** A gateway needs no moving of time to stop; this long it may take. */
const STOP_MS = 200

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

export interface TestGatewayOptions {
  /** A whole gateway.yaml instead of the defaults. Its listeners take clients as it says. */
  readonly yaml?: string
  /** Where relative paths in `yaml` start. */
  readonly folder?: string
  readonly broker?: Partial<BrokerConfig>
  /** Users and their passwords. */
  readonly users?: Readonly<Record<string, string>>
  /** Default true, or what `yaml` says. */
  readonly anonymous?: boolean
  /** Default 0: what is to be written is written in the turn it comes, without time having to be moved. */
  readonly commitWindowMs?: number
  /** Default: that of a site. */
  readonly storeBytesMax?: number
  /** Default: nobody hears it. */
  readonly log?: GatewayLog
  /** Default memory; sqlite can be restarted. */
  readonly store?: 'memory' | 'sqlite'
  /** Wall time when the gateway is started first; default: a clock that has been set. */
  readonly wallMs?: number
  /** Default: a likely date is a good one. */
  readonly isClockSynced?: boolean
  /** How the machine is; default: nobody knows. */
  readonly health?: HealthReader
  /** As the program has it; default: uplinks start with the gateway. */
  readonly holdUplinks?: true
}

export class TestGateway implements AsyncDisposable {
  #options: TestGatewayOptions
  readonly #folder: string | null
  #gateway!: Gateway
  #store!: Store
  #clock = new FakeClock()
  #clients: WireClient[] = []
  /** Of uplinks; outlive a restart, as on a disk. */
  readonly #shelves = new Map<string, MemoryShelf>()
  #crashed = false
  /** The machine is started with each gateway. */
  #starts = 0
  /** What the kernel says of its clock; null: a likely date is a good one. */
  isClockSynced: boolean | null = null
  /** What the gateway called fatal. */
  readonly failures: Error[] = []

  private constructor(options: TestGatewayOptions, folder: string | null) {
    this.#options = options
    this.#folder = folder
  }

  static async start(options: TestGatewayOptions = {}): Promise<TestGateway> {
    const folder = options.store === 'sqlite' ? await mkdtemp(join(tmpdir(), 'sandpiper-wire-')) : null
    const gateway = new TestGateway(options, folder)
    gateway.isClockSynced = options.isClockSynced ?? null
    if (options.wallMs !== undefined) gateway.clock.wallOffsetMs = options.wallMs - gateway.clock.now()
    await gateway.#start()
    return gateway
  }

  get clock(): FakeClock {
    return this.#clock
  }

  get counters(): Counters {
    return this.#gateway.counters
  }

  get port(): number {
    return this.#gateway.ports[0]!
  }

  /** Of the listener at `index` in the configuration. */
  portOf(index: number): number {
    return this.#gateway.ports[index]!
  }

  /** What the next start will have. */
  configure(yaml: string): void {
    this.#options = { ...this.#options, yaml }
  }

  /** Another configuration of access and tenants, as after SIGHUP. */
  async reload(yaml: string): Promise<readonly string[]> {
    this.#options = { ...this.#options, yaml }
    return this.#gateway.reload(configOf(this.#options, this.#folder))
  }

  get gateway(): Gateway {
    return this.#gateway
  }

  /** A connection on which nothing has been said, by the listener at `index` in the configuration. */
  async open(version: Version, index = 0): Promise<WireClient> {
    const client = await WireClient.open(this.portOf(index), version, () => this.#seenClosed())
    this.#clients.push(client)
    return client
  }

  /** A connection whose CONNECT was accepted; `connack` says what more its answer must be. */
  async connect(version: Version, options: ConnectOptions = {}, connack: Readonly<Record<string, unknown>> = {}, index = 0): Promise<WireClient & { readonly connack: Received<'connack'> }> {
    const client = await this.open(version, index)
    client.send(connectPacket(version, options))
    const answer = await client.expect({ cmd: 'connack', ...(version === 5 ? { reasonCode: 0 } : { returnCode: 0 }), ...connack })
    return Object.assign(client, { connack: answer })
  }

  /** Moves time on, and lets what that brings about happen. */
  async pass(sec: number): Promise<void> {
    this.#clock.advance(sec * 1000)
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Waits for what only comes as time goes on. */
  async passUntil<T>(coming: Promise<T>, stepSec = 0.5): Promise<T> {
    const state = { settled: false }
    coming.then(
      () => (state.settled = true),
      () => (state.settled = true),
    )
    while (!state.settled) await this.pass(stepSec)
    return coming
  }

  /** Stopped in order, and started again on the same store, `downSec` later; `broker` changes what was configured. */
  async restart(downSec = 0, broker: Partial<BrokerConfig> = {}): Promise<void> {
    const wallMs = this.#clock.wall()
    await this.#stop()
    this.#options = { ...this.#options, broker: { ...this.#options.broker, ...broker } }
    await this.#again(wallMs + downSec * 1000)
  }

  /** As after `kill -9`: what is not on flash is gone, nobody has said goodbye. Started again on the same store. */
  async crash(downSec = 0): Promise<void> {
    if (!(this.#store instanceof SqliteStore)) throw new Error('only a store on disk outlives a crash')
    const wallMs = this.#clock.wall()
    this.#crashed = true
    await this.#store.abandon()
    await this.#stop()
    await this.#again(wallMs + downSec * 1000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true })
    if (this.failures.length > 0) throw this.failures[0]!
  }

  #seenClosed(): Promise<unknown> {
    const { counters } = this.#gateway
    return until(() => counters.connectionsNow <= this.#clients.filter((c) => !c.closed).length, 'the gateway to see that the connection has ended')
  }

  async #start(): Promise<void> {
    const config = configOf(this.#options, this.#folder)
    const clock = this.#clock
    const { bytesMax } = config.store
    this.#crashed = false
    this.#gateway = await Gateway.start(config, {
      log: this.#options.log ?? SILENT,
      version: 'test',
      health: this.#options.health ?? { read: () => Promise.resolve(UNKNOWN) },
      ...(this.#options.holdUplinks === undefined ? {} : { holdUplinks: true }),
      clock,
      systemTime: { boot: (++this.#starts).toString(16).padStart(8, '0'), isSynced: () => this.isClockSynced },
      makeStore: (storedClock) => {
        this.#store = this.#folder === null ? new MemoryStore({ bytesMax, clock: storedClock }) : new SqliteStore({ folder: this.#folder, bytesMax, clock: storedClock })
        return this.#store
      },
      shelfOf: (uplink) => {
        const shelf = this.#shelves.get(uplink) ?? new MemoryShelf()
        this.#shelves.set(uplink, shelf)
        return shelf
      },
      onFatal: (error) => {
        if (!this.#crashed) this.failures.push(error)
      },
    })
  }

  async #stop(): Promise<void> {
    const clients = this.#clients
    this.#clients = []
    for (const client of clients) client.goOnReading() // one that does not read would keep its connection
    const stopped = { yet: false }
    const stopping = this.#gateway.stop().finally(() => (stopped.yet = true))
    // What a crashed store never answers is given up after a time; so is anything else, when the tests would wait for ever.
    const patient = performance.now() + (this.#crashed ? 0 : STOP_MS)
    while (!stopped.yet) {
      if (performance.now() > patient) {
        this.#crashed = true // its store is closed under it: what it says of that is no failure
        await this.#clock.advanceAsync(1000)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    await stopping
    for (const client of clients) await client.cut()
  }

  /** The monotonic clock of a new process starts anew; the wall clock goes on. */
  async #again(wallMs: number): Promise<void> {
    this.#clock = new FakeClock()
    this.#clock.wallOffsetMs = wallMs - this.#clock.now()
    await this.#start()
  }
}

/** The defaults of a site's file, or what the test has written, and what it wants otherwise. */
function configOf(options: TestGatewayOptions, folder: string | null): Config {
  const config = parse(options.yaml ?? 'site: test\nbroker: { listeners: [{ port: 0 }], sysInterval: 0s }\n', options.folder)
  const anonymous = options.anonymous ?? (options.yaml === undefined ? true : null)
  const listeners = config.broker.listeners.map((l) => (anonymous === null ? l : { ...l, anonymous }))
  const users = Object.entries(options.users ?? {}).map(([name, password]) => ({ name, password: { kind: 'plain', password: Buffer.from(password) } as const, tenant: '', roles: [] }))
  return {
    ...config,
    broker: { ...config.broker, listeners, ...options.broker },
    access: { ...config.access, users: [...config.access.users, ...users] },
    store: { ...config.store, path: folder ?? config.store.path, commitWindowMs: options.commitWindowMs ?? 0, bytesMax: options.storeBytesMax ?? config.store.bytesMax },
  }
}

/** Relative paths in it start at `folder`. Throws what is wrong with it. */
function parse(yaml: string, folder = tmpdir()): Config {
  const result = checkText(yaml, join(folder, 'test.yaml'))
  if ('problems' in result) throw new Error(result.problems.map((p) => `${p.path}: ${p.message}: ${p.hint}`).join('\n'))
  return result.config
}
