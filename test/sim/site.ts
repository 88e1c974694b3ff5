// One run of a gateway on a disk that outlives it: the parts that gateway.ts builds, in the same order, without listeners,
// sensors and $SYS. Streams are handed in; `kill` is kill -9: nothing of it does anything any more.
import { Access } from '../../src/access/access.ts'
import type { Duplex } from 'node:stream'
import type { LinkConfig, UplinkConfig } from '../../src/config/config.ts'
import { Counters } from '../../src/counters.ts'
import { Audiences } from '../../src/journal/audience.ts'
import { Journal } from '../../src/journal/journal.ts'
import { Numbers } from '../../src/journal/numbers.ts'
import type { Queue } from '../../src/journal/queue.ts'
import { TopicTable } from '../../src/mqtt/topic.ts'
import { Complaints } from '../../src/net/complaints.ts'
import { Connection, type ConnectionDeps } from '../../src/net/connection.ts'
import { Peer } from '../../src/net/peer.ts'
import { serialPorts } from '../../src/serial-port.ts'
import type { Sessions } from '../../src/session/sessions.ts'
import { Tenants } from '../../src/session/tenants.ts'
import type { DestinationLimits, Snapshot } from '../../src/store/store.ts'
import { Turn } from '../../src/turn.ts'
import { restoreUplink } from '../../src/uplink/restore.ts'
import type { Uplink, UplinkDeps } from '../../src/uplink/uplink.ts'
import type { Random } from './random.ts'
import { Life, type SimClock } from './sim-clock.ts'
import { type Disk, SimShelf, SimStore } from './sim-store.ts'

export interface SiteOptions {
  readonly name: string
  readonly clock: SimClock
  readonly random: Random
  readonly disk: Disk
  readonly uplinks: readonly UplinkConfig[]
  readonly dial: (config: UplinkConfig, link: LinkConfig) => Duplex
  /** Finds out whether the remote can be reached over a link. */
  readonly reach?: UplinkDeps['reach']
  readonly askKernel?: UplinkDeps['askKernel']
  /** What it takes the date for. */
  readonly wall?: () => number
  readonly queueLimits: DestinationLimits
  readonly commitWindowMs: number
  readonly receiveMaximum: number
  /** Something that must never happen has happened. */
  readonly onFailure: (text: string) => void
}

const NO_LOG = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const OUTPUT_BYTES_MAX = 64 * 1024

export class Site {
  readonly counters = new Counters()
  readonly sessions: Sessions
  readonly journal: Journal
  readonly uplinks: readonly Uplink[]
  readonly connections = new Set<Connection>()
  readonly #streams = new Set<Duplex>()
  readonly #life = new Life()
  readonly #store: SimStore
  readonly #shelves: readonly SimShelf[]
  readonly #deps: ConnectionDeps

  static async start(options: SiteOptions): Promise<Site> {
    const store = new SimStore(options.disk)
    return new Site(options, store, await store.open())
  }

  private constructor(options: SiteOptions, store: SimStore, snapshot: Snapshot) {
    this.#store = store
    const clock = options.clock.of(this.#life, options.wall)
    const { counters } = this
    const turn = new Turn(clock)
    const topics = new TopicTable()
    let nextDestination = 1 + snapshot.destinations.reduce((max, d) => Math.max(max, d.id), 0)
    const journal = new Journal(store, clock, turn, counters, {
      commitWindowMs: options.commitWindowMs,
      dailyBytesMax: Infinity, lastSequence: snapshot.lastSequence,
      onFailure: (error) => options.onFailure(`store of ${options.name} failed: ${error.stack ?? error.message}`),
    })
    this.journal = journal
    const audiences = new Audiences()
    const numbers = new Numbers(snapshot, journal)
    const limits = { retainedMessagesMax: 1000, retainedBytesMax: 1e6, sessionExpirySecMax: 0xffffffff, sessionsMax: 1000, onlineMax: Infinity, publishesPerSecondMax: Infinity, queue: options.queueLimits }
    const tenants = new Tenants({ clock, turn, topics, counters, journal, audiences, nextDestination: () => nextDestination++, isGone: () => false }, limits, new Map())
    this.sessions = tenants.own.sessions
    tenants.restoreSessions(snapshot)
    const shelves = new Map(options.uplinks.map(({ name }) => [name, new SimShelf(options.disk, name)]))
    this.#shelves = [...shelves.values()]
    this.uplinks = options.uplinks.map((config) => {
      const random = (): number => options.random.next()
      const deps = {
        clock, storedClock: clock, times: { stamp: (atMs: number) => ({ wallMs: clock.wall() - (clock.now() - atMs), isSynced: true }), ofStored: (wallMs: number) => ({ wallMs, isSynced: true }) }, turn, topics, counters, routerOf: () => tenants.own.router, journal, audiences, numbers, log: NO_LOG, site: options.name, packetBytesMax: 1e6,
        marksOrigin: options.uplinks.length > 1, stateChanged: () => {}, random, serialPorts, nextDestination: () => nextDestination++, shelf: shelves.get(config.name)!,
        dial: (uplink: UplinkConfig, link: LinkConfig) => this.#dial(options, uplink, link), ...(options.reach === undefined ? {} : { reach: options.reach }), askKernel: options.askKernel,
      }
      return restoreUplink(config, snapshot, deps)
    })
    const queues = new Map([...this.uplinks.flatMap((u) => u.lanes.all.map(({ queue }) => [queue.destination, queue] as const)), ...this.sessions.queues()])
    audiences.restore(snapshot.audiences, (destination) => queues.get(destination))
    tenants.restoreRetained(snapshot)
    const listenerLimits = {
      packetBytesMax: 1e6,
      connectBytesMax: 1e5,
      connectionsMax: 1000,
      connectionsPerAddressMax: { remote: 1000, local: 1000 },
      connectionsPerMinuteMax: { remote: Infinity, local: Infinity },
      connectTimeoutMs: 5000,
      topicBytesMax: 1000,
      topicLevelsMax: 64,
      keepAliveSecMax: 3600,
      publishesPerSecondMax: Infinity,
      subscriptionsPerClientMax: 100,
      receiveMaximum: options.receiveMaximum,
      topicAliasMaximum: 4,
      outputBytesMax: OUTPUT_BYTES_MAX,
    }
    const door = { anonymous: true, tenant: '', certificates: null }
    this.#deps = { clock, turn, counters, tenants, access: new Access({ clock, counters, log: NO_LOG, folder: '' }), door: () => door, log: NO_LOG, complaints: new Complaints(clock, NO_LOG), limits: listenerLimits }
    for (const uplink of this.uplinks) void uplink.prepare().then(() => this.#life.over || uplink.start())
    clock.every(1000, () => {
      this.sessions.check(clock.now())
      for (const connection of this.connections) connection.check(clock.now())
    })
  }

  #dial(options: SiteOptions, config: UplinkConfig, link: LinkConfig): Duplex {
    const stream = options.dial(config, link)
    this.#own(stream)
    if (this.#life.over) stream.destroy()
    return stream
  }

  #own(stream: Duplex): void {
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
  }

  accept(stream: Duplex): void {
    this.#own(stream)
    this.connections.add(new Connection(stream, new Peer('', 0, 'unix', this.#deps.clock.now()), this.#deps, (connection) => this.connections.delete(connection)))
  }

  kill(): void {
    this.#life.over = true
    this.#store.kill()
    for (const shelf of this.#shelves) shelf.kill()
    for (const stream of this.#streams) {
      stream.removeAllListeners('data') // what is still in the socket was not read
      stream.destroy()
    }
  }

  *queues(): Iterable<Queue> {
    for (const [, queue] of this.sessions.queues()) yield queue
    for (const uplink of this.uplinks) for (const lane of uplink.lanes.all) yield lane.queue
  }

  /** Nothing is under way in here. */
  get idle(): boolean {
    if (this.journal.pendingCount > 0 || this.journal.commitAgeMs > 0) return false
    // A PUBCOMP may have been lost on a link whose break the broker has not heard of: the client is done, the broker is not.
    if (this.sessions.inFlight > 0) return false
    for (const queue of this.queues()) if (queue.tailLength > 0) return false
    for (const uplink of this.uplinks) if (uplink.outgoing.inFlight > 0 || uplink.incoming.unacknowledged > 0) return false
    return true
  }
}
