// The composition root: builds the parts in the order a message meets them, and stops them in reverse.
//
//   store ─► journal ─► tenants (router, sessions), uplinks ─► $SYS ─► history ─► sensors ─► listeners
import { join } from 'node:path'
import { Access } from './access/access.ts'
import { Alarms } from './alarms/alarms.ts'
import { type HealthReader, MachineHealth } from './alarms/health.ts'
import type { Sight } from './alarms/observe.ts'
import type { Clock, Timer } from './clock.ts'
import { systemClock } from './clock.ts'
import type { Config, QueueConfig, TenantConfig } from './config/config.ts'
import { sectionsThatNeedStart } from './config/sections.ts'
import { Counters } from './counters.ts'
import type { figuresOf } from './history/figures.ts'
import type { History } from './history/history.ts'
import type { Refusal } from './journal/append.ts'
import { Audiences } from './journal/audience.ts'
import { Journal } from './journal/journal.ts'
import { Numbers } from './journal/numbers.ts'
import { Queue } from './journal/queue.ts'
import { makeMessage, type Message } from './message.ts'
import { correctTimes } from './mqtt/time-mark.ts'
import { TopicTable } from './mqtt/topic.ts'
import { Complaints } from './net/complaints.ts'
import { Listener, placeOf } from './net/listener.ts'
import { type GatewayStatus, isFull, statusOf } from './ops/status.ts'
import { outputValue, sensorCounts, sensorValue, uplinkValues } from './ops/sys-parts.ts'
import { SysTopics } from './ops/sys-topics.ts'
import type { OwnDevices } from './own-devices.ts'
import { serialPorts } from './serial-port.ts'
import { OwnSubscriber } from './router/own-subscriber.ts'
import type { Rights } from './session/rights.ts'
import { Session } from './session/session.ts'
import type { Sessions } from './session/sessions.ts'
import { type TenantLimits, Tenants } from './session/tenants.ts'
import { FolderShelf, type Shelf } from './shelf.ts'
import { SqliteStore } from './store/sqlite.ts'
import type { DestinationLimits, Restored, Snapshot, Store, StoreCopy } from './store/store.ts'
import { StoredClock } from './stored-time.ts'
import { systemTime } from './system-time.ts'
import { type SystemTime, Timekeeper } from './timekeeper.ts'
import { Turn } from './turn.ts'
import { isLaneOf } from './uplink/lane-plan.ts'
import type { restoreUplink } from './uplink/restore.ts'
import type { Uplink, UplinkState } from './uplink/uplink.ts'

export interface GatewayLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

export interface GatewayOptions {
  readonly log: GatewayLog
  readonly version: string
  /** The store is broken for good: the process has to end. */
  readonly onFatal: (error: Error) => void
  readonly clock?: Clock
  /** Its clock's `wall()` is a stored time (stored-time.ts). Default: SQLite in `config.store.path`. */
  readonly makeStore?: (clock: Clock) => Store
  /** Uplinks wait for `startUplinks`: what they bring must not come before whoever listens for it. */
  readonly holdUplinks?: true
  /** What is known of the system's clock. Default: what its kernel tells. */
  readonly systemTime?: SystemTime
  /** How the machine is. Default: what its kernel tells. */
  readonly health?: HealthReader
  /** Files of an uplink. Default: a folder in `config.store.path`. */
  readonly shelfOf?: (uplink: string) => Shelf
}

/** What is loaded only where the configuration asks for it. */
interface Rooms {
  readonly uplinks: { readonly restoreUplink: typeof restoreUplink } | null
  readonly devices: { readonly OwnDevices: typeof OwnDevices } | null
  readonly history: { readonly History: typeof History; readonly figuresOf: typeof figuresOf } | null
}

const CHECK_MS = 1000
/** Written to flash at a stop at most this long; systemd is told five seconds in all. */
const DRAIN_MS_MAX = 3000

export class Gateway {
  /** As it was started with. */
  readonly config: Config
  readonly counters = new Counters()
  readonly tenants: Tenants
  readonly uplinks: readonly Uplink[]
  readonly #clock: Clock
  readonly #log: GatewayLog
  readonly #store: Store
  readonly #journal: Journal
  readonly access: Access
  readonly alarms: Alarms
  /** What survives a restart. */
  readonly numbers: Numbers
  readonly #sys: SysTopics
  readonly #timekeeper: Timekeeper
  readonly #devices: OwnDevices | null
  /** null where none is kept. */
  readonly history: History | null
  readonly #listeners: readonly Listener[]
  /** Since when each uplink is connected or not (Clock.now), and whether it ever was. */
  readonly #uplinksSeen = new Map<string, { isUp: boolean; sinceMs: number; everUp: boolean }>()
  /** Where a store lies now that could not be opened; null when it could. */
  readonly #setAside: string | null
  /** For a receiver that takes everything at once. */
  readonly #makeQueue: () => Queue
  #nextDestination: number
  #timer: Timer | null = null

  /** Opens the store and starts everything. Throws OperatorError when the store or a port is not to be had; then nothing is left running. */
  static async start(config: Config, options: GatewayOptions): Promise<Gateway> {
    const storedClock = new StoredClock(options.clock ?? systemClock)
    const store = options.makeStore?.(storedClock) ?? new SqliteStore({ folder: config.store.path, bytesMax: config.store.bytesMax, clock: storedClock })
    const snapshot = await store.open()
    // Memory that a site without them keeps.
    const uplinks = config.uplinks.length === 0 ? null : await import('./uplink/restore.ts')
    const devices = hasDevices(config) ? await import('./own-devices.ts') : null
    const history = config.history === null ? null : { ...(await import('./history/history.ts')), ...(await import('./history/figures.ts')) }
    const gateway = new Gateway(config, options, store, snapshot, storedClock, { uplinks, devices, history })
    try {
      await gateway.#listen()
      if (options.holdUplinks !== true) gateway.startUplinks()
    } catch (error) {
      await gateway.stop()
      throw error
    }
    return gateway
  }

  private constructor(config: Config, options: GatewayOptions, store: Store, snapshot: Snapshot, storedClock: StoredClock, rooms: Rooms) {
    const clock = options.clock ?? systemClock
    const { log } = options
    const { counters } = this
    this.config = config
    this.#clock = clock
    this.#log = log
    this.#store = store
    this.#setAside = snapshot.setAside?.path ?? null
    if (snapshot.setAside !== null) log.error(snapshot.setAside, 'the store could not be opened: it was set aside and a new one begun')
    if (snapshot.restored !== undefined) tellRestored(snapshot.restored, log)
    this.#nextDestination = 1 + snapshot.destinations.reduce((max, d) => Math.max(max, d.id), 0)

    const turn = new Turn(clock)
    const topics = new TopicTable()
    this.#makeQueue = () => new Queue({ clock, turn, topics, counters }, null, 0)
    const journal = new Journal(store, storedClock, turn, counters, {
      commitWindowMs: config.store.commitWindowMs,
      dailyBytesMax: config.store.dailyBytesMax,
      lastSequence: snapshot.lastSequence,
      onFailure: options.onFatal,
    })
    this.#journal = journal
    const audiences = new Audiences()
    const numbers = new Numbers(snapshot, journal)
    this.numbers = numbers
    const system = options.systemTime ?? systemTime()
    const timekeeper = new Timekeeper(clock, system, numbers)
    this.#timekeeper = timekeeper
    storedClock.follow(() => timekeeper.storedNow())
    timekeeper.start()
    const correct = (message: Message): Message => correctTimes(message, ({ boot, sinceBootMs }) => timekeeper.wallOf(boot, sinceBootMs))
    this.access = new Access({ clock, counters, log, folder: config.store.path })
    this.tenants = new Tenants(
      { clock: storedClock, turn, topics, counters, journal, audiences, correct, nextDestination: () => this.#nextDestination++, isGone: (username) => this.access.isGone(username) },
      ownLimits(config),
      tenantLimits(config.tenants),
    )
    const { tenants } = this
    tenants.restoreSessions(snapshot)
    const queuedForUplinks = () => this.uplinks.reduce((sum, { lanes }) => ({ count: sum.count + lanes.waiting().count, bytes: sum.bytes + lanes.waiting().bytes }), { count: 0, bytes: 0 })
    this.#sys = new SysTopics({ tenants, clock, version: options.version, queuedForUplinks, storeBytes: () => journal.bytesUsed })
    this.uplinks = config.uplinks.map((uplink) => {
      const deps = {
        clock,
        storedClock,
        times: timekeeper,
        turn,
        topics,
        counters,
        routerOf: (tenant: string) => tenants.of(tenant)?.router,
        journal,
        audiences,
        numbers,
        correct,
        log,
        site: config.site,
        packetBytesMax: config.broker.packetBytesMax,
        marksOrigin: config.uplinks.length > 1,
        stateChanged: (state: UplinkState) => this.#onUplinkState(state),
        random: Math.random,
        serialPorts,
        nextDestination: () => this.#nextDestination++,
        shelf: options.shelfOf?.(uplink.name) ?? new FolderShelf(join(config.store.path, 'uplinks', uplink.name)),
      }
      return rooms.uplinks!.restoreUplink(uplink, snapshot, deps)
    })
    const queues = new Map([...this.uplinks.flatMap((u) => u.lanes.all.map(({ queue }) => [queue.destination, queue] as const)), ...tenants.queues()])
    audiences.restore(snapshot.audiences, (destination) => queues.get(destination))
    tenants.restoreRetained(snapshot)
    this.#reportOrphans(snapshot)
    this.#reportUnknownTenants(snapshot)

    const { history } = config
    this.history = history === null ? null : new rooms.history!.History(history, {
      clock,
      log,
      counters,
      ring: store.ring,
      figures: rooms.history!.figuresOf({
        clients: () => tenants.onlineCount,
        received: () => tenants.counters.publishReceived,
        queued: () => tenants.queued.count + queuedForUplinks().count,
        storeBytes: () => journal.bytesUsed,
        temperatureC: () => this.alarms.health.temperatureC,
        uplinks: this.uplinks.map((uplink) => ({ name: uplink.name, queued: () => uplink.state.queued, bytes: () => uplink.state.bytesSent + uplink.state.bytesReceived })),
      }),
      storedNow: () => timekeeper.storedNow(),
      wallOf: (storedMs) => {
        const { wallMs, isSynced, sinceBoot } = timekeeper.ofStored(storedMs)
        return isSynced || sinceBoot?.boot === system.boot ? wallMs : null
      },
      subscribe: (filter, take) => void this.subscribe('', [filter], take, null, true),
    })
    this.#devices = rooms.devices === null ? null : new rooms.devices.OwnDevices(config, {
      clock,
      log,
      numbers,
      timekeeper,
      version: options.version,
      routerOf: (tenant) => tenants.of(tenant)?.router,
      subscribe: (tenant, filter, take) => void this.subscribe(tenant, [filter], take, null),
      boot: system.boot,
      isOnline: (origin, tenant) => (origin instanceof Session ? (tenants.of(tenant)?.sessions.isHere(origin) ?? false) : this.uplinks.some((uplink) => uplink === origin && uplink.state.phase === 'up')),
      isUplinkUp: (name) => this.uplinks.some((uplink) => uplink.name === name && uplink.state.phase === 'up'),
      onSensorState: (state) => this.#sys.set(...sensorValue(state)),
      onOutputState: (state) => this.#sys.set(...outputValue(state)),
      onReading: (sensor, reading, message) => this.history?.onReading(sensor, reading, message),
    })
    this.alarms = new Alarms(config.alarms, {
      clock,
      log,
      counters,
      numbers,
      time: timekeeper,
      health: options.health ?? new MachineHealth({ root: '', storeFolder: config.store.path }, clock),
      sight: () => this.#sight,
      tellSys: (name, text) => this.#sys.set(name, text),
      publish: (topic, text) => void tenants.own.router.publish(makeMessage(topic, text, { qos: 1, retain: true }), null),
    })
    this.#listeners = config.broker.listeners.map((listener) => {
      const limits = { ...config.broker, ...listener.limits }
      const deps = { clock, turn, counters, tenants, access: this.access, log, complaints: new Complaints(clock, log), limits: { ...limits, connectBytesMax: Math.min(limits.connectBytesMax, limits.packetBytesMax) } }
      return new Listener(listener, deps)
    })
  }

  /** The sessions of the gateway's own space. */
  get sessions(): Sessions {
    return this.tenants.own.sessions
  }

  /** The ports that are listened on, in the order of the configuration. */
  get ports(): number[] {
    return this.#listeners.map((listener) => listener.port)
  }

  /** Messages and bytes that wait for somebody, and what the store takes on disk. */
  get stored(): { readonly bytesUsed: number; readonly bytesWritten: number } {
    return { bytesUsed: this.#journal.bytesUsed, bytesWritten: this.#store.bytesWritten }
  }

  /** What it is like now. */
  get status(): GatewayStatus {
    return statusOf({
      config: this.config,
      ports: this.ports,
      clients: this.tenants.onlineCount,
      probe: this.access.probeSecret,
      uplinks: this.uplinks.map(({ state }) => {
        const seen = this.#uplinksSeen.get(state.name)
        return { figures: state, everConnected: seen?.everUp ?? false, ageMs: this.#clock.now() - (seen?.sinceMs ?? 0) }
      }),
      storeBytes: this.#journal.bytesUsed,
      sensors: (this.#devices?.sensors ?? []).map((sensor) => sensor.state),
      alarms: this.alarms.list(),
      isTimeSynced: this.#timekeeper.isSynced,
      wallMs: this.#clock.wall(),
    })
  }

  /** New messages that must be kept are refused, or soon will be. */
  get isStoreFull(): boolean {
    return isFull(this.#journal.bytesUsed, this.config.store.bytesMax)
  }

  /** How long the commit that is under way has been; 0 when there is none. */
  get commitAgeMs(): number {
    return this.#journal.commitAgeMs
  }

  /** Since the last commit of this run; null when there was none. */
  get committedAgoMs(): number | null {
    return this.#journal.committedAgoMs
  }

  /** The number of the last message that came into a queue on flash. */
  get lastSequence(): number {
    return this.#journal.lastSequence
  }

  /** Sensors and outputs; null where there are none. */
  get devices(): OwnDevices | null {
    return this.#devices
  }

  /** Now, as it is kept on flash (stored-time.ts). */
  get storedWallMs(): number {
    return this.#timekeeper.storedNow()
  }

  /** How good the time is. */
  get isTimeSynced(): boolean {
    return this.#timekeeper.isSynced
  }

  /** Once, where they were held. */
  startUplinks(): void {
    for (const uplink of this.uplinks) uplink.start()
  }

  /** Resolves when all that was changed before is on flash. */
  durable(): Promise<void> {
    return new Promise((resolve) => this.#journal.whenDurable(resolve))
  }

  /** A copy of the store as it is now; null where it lies on no disk. */
  async copyStore(): Promise<StoreCopy | null> {
    await this.durable() // what was acknowledged to us a moment ago need not come twice after a restore
    return (await this.#store.copy?.()) ?? null
  }

  /** Publishes as the gateway itself. Resolves when the message is safe, with null, or with why it could not be kept. */
  publish(tenant: string, message: Message): Promise<Refusal | null> {
    return new Promise((resolve) => {
      const waiter = { durable: () => resolve(null), refused: resolve }
      const isWaitedFor = this.tenants.of(tenant)?.router.publish(message, message.qos === 0 ? null : waiter) ?? false
      if (!isWaitedFor || message.qos === 0) resolve(null)
    })
  }

  /**
   * `take` gets what the filters select in a tenant's space, in the turn it is routed, as far as `rights` let it (null: everything). It must not throw.
   * `looksOn`: it is nobody that a command could be for. Answers what ends that.
   */
  subscribe(tenant: string, filters: readonly string[], take: (message: Message) => void, rights: Rights | null, looksOn = false): () => void {
    const index = this.tenants.of(tenant)?.router.index
    const subscriber = new OwnSubscriber(this.#makeQueue(), take, (topic) => rights === null || rights.mayReceive(topic), looksOn)
    for (const filter of filters) index?.add(filter, null, subscriber, { qos: 2, noLocal: false, retainAsPublished: true, identifier: 0, upgrade: false })
    return () => {
      for (const filter of filters) index?.remove(filter, null, subscriber)
    }
  }

  /** True while flash keeps up: no commit or read has been under way for longer than that. For the watchdog. */
  progresses(withinMs: number): boolean {
    return this.#journal.commitAgeMs <= withinMs && this.#journal.readAgeMs <= withinMs
  }

  /**
   * Takes over what another configuration says of access and tenants, at once and as a whole: clients that it does not let in any more are
   * told so and go, nobody else notices. Answers which other sections differ: those count from the next start on.
   */
  async reload(config: Config): Promise<readonly string[]> {
    const takeEffect = await this.access.prepare(config)
    this.tenants.configure(tenantLimits(config.tenants))
    const byPlace = new Map(config.broker.listeners.map((listener) => [placeOf(listener), listener]))
    const keysRead = takeEffect()
    const filesRead = this.#listeners.map((listener) => listener.reconfigure(byPlace.get(listener.place) ?? listener.config))
    await Promise.all([keysRead, ...filesRead])
    for (const listener of this.#listeners) await listener.reconsider()
    this.#entitleAbsent()
    return sectionsThatNeedStart(this.config, config)
  }

  /** Stops in reverse order. What was acknowledged is on flash already; the rest is written if that takes no longer than a few seconds. */
  async stop(): Promise<void> {
    this.alarms.stop()
    await this.#devices?.stop()
    await Promise.all(this.#listeners.map((listener) => listener.stop()))
    this.access.stop()
    this.#sys.stop()
    this.#timer?.cancel()
    this.#timekeeper.stop()
    await Promise.all(this.uplinks.map((uplink) => uplink.stop()))
    await Promise.race([Promise.all([this.#journal.drain(), this.history?.stop()]), new Promise<void>((resolve) => void this.#clock.after(DRAIN_MS_MAX, resolve))])
    await this.#store.close()
  }

  async #listen(): Promise<void> {
    await this.access.configure(this.config)
    this.#entitleAbsent()
    for (const listener of this.#listeners) await listener.start()
    this.#timer = this.#clock.every(CHECK_MS, () => {
      const nowMs = this.#clock.now()
      this.tenants.check(nowMs)
    })
    this.#sys.start(this.config.broker.sysIntervalMs, () => {
      const sensors = (this.#devices?.sensors ?? []).map(({ state }) => state)
      const outputs = (this.#devices?.outputs ?? []).map(({ state }) => state)
      const values = [...this.uplinks.flatMap(({ state }) => uplinkValues(state)), ...sensors.map(sensorValue), ...sensorCounts(sensors), ...outputs.map(outputValue)]
      for (const value of values) this.#sys.set(...value)
    })
    await Promise.all(this.uplinks.map((uplink) => uplink.prepare()))
    this.history?.start()
    await this.#devices?.start()
    this.alarms.start()
  }

  /** What alarms are judged by. */
  get #sight(): Omit<Sight, 'health'> {
    const { tenants, config } = this
    return {
      uplinks: this.uplinks.map(({ state, lanes }) => ({ state, queues: lanes.all.map(({ class: { name, queue: limits }, queue: { size } }) => ({ class: name, ...size, limits })) })),
      session: tenants.fullest,
      sensors: (this.#devices?.sensors ?? []).map(({ state }) => state),
      outputs: (this.#devices?.outputs ?? []).map(({ state }) => state),
      store: { bytes: this.#journal.bytesUsed, bytesMax: config.store.bytesMax },
      refused: tenants.counters.refusedStoreFull,
      setAside: this.#setAside,
      isTimeSynced: this.#timekeeper.isSynced,
    }
  }

  /** Queues of uplinks that the configuration does not name any more: kept, for a name may have been mistyped. */
  #reportOrphans(snapshot: Snapshot): void {
    for (const destination of snapshot.destinations) {
      if (destination.kind !== 'uplink' || this.uplinks.some((u) => isLaneOf(u.name, destination.name))) continue
      const { count } = destination.queued
      this.#log.warn({ uplink: destination.name, queued: count }, 'the store holds messages for an uplink that is not configured: they are kept')
    }
  }

  /** Tenants that the configuration does not name any more: the same. */
  #reportUnknownTenants(snapshot: Snapshot): void {
    for (const tenant of this.tenants.unknownIn(snapshot)) this.#log.warn({ tenant }, 'the store holds sessions or retained messages of a tenant that is not configured: they are kept')
  }

  /** Clients that are away may do what they might if they were here: their wills and subscriptions are judged by the rules of now. */
  #entitleAbsent(): void {
    for (const { name, sessions } of this.tenants) sessions.entitleAbsent((owner, clientId) => this.access.rightsOfOwner(owner, name, clientId))
  }

  #onUplinkState(state: UplinkState): void {
    const isUp = state.phase === 'up'
    const seen = this.#uplinksSeen.get(state.name)
    if (seen?.isUp !== isUp) this.#uplinksSeen.set(state.name, { isUp, sinceMs: this.#clock.now(), everUp: isUp || seen?.everUp === true })
    for (const value of uplinkValues(state)) this.#sys.set(...value)
  }
}

/** Also who announces nothing any more has to take back what was announced before. */
function hasDevices({ sensors, outputs, announce, update }: Config): boolean {
  return sensors.length + outputs.length > 0 || update.commandTopic !== null || announce.homeAssistant !== null || announce.sparkplug !== null
}

function tellRestored(restored: Restored, log: GatewayLog): void {
  if ('refused' in restored) log.error(restored, 'the backup could not take the place of the store: it was left aside, and the gateway goes on with what it had')
  else log.info(restored, 'the store was restored from a backup')
}

/** Of the gateway's own space: only the listeners bound who is there. */
function ownLimits({ broker }: Config): TenantLimits {
  return { ...broker, onlineMax: Infinity, publishesPerSecondMax: Infinity, queue: limitsOf(broker.sessionQueue) }
}

function tenantLimits(tenants: readonly TenantConfig[]): ReadonlyMap<string, TenantLimits> {
  return new Map(tenants.map((tenant) => [tenant.name, { ...tenant, queue: limitsOf(tenant.sessionQueue) }]))
}

function limitsOf(queue: QueueConfig): DestinationLimits {
  return { bytesMax: queue.bytesMax, countMax: queue.countMax, ageMsMax: queue.ageMsMax, whenFull: queue.whenFull }
}
