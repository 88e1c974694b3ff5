// One uplink: lanes of the router on this side, a cloud broker on the other, and links between, of which one is in use.
//
//   out   router ─► lanes (flash) ─► outgoing ─► client ─► cloud: settled by its PUBACK/PUBCOMP, not by sending
//                        └──► frames ─► satellite modem: settled when the network has taken the message
//   in    cloud ─► client ─► inbound ─► router: PUBACK/PUBREC to the cloud when the message is safe here
//
// What is always true: the router never waits for the link; nothing leaves the queue before the cloud has it; a message does
// not go back over the uplink it came by. When and over which link there is a connection is decided in links.ts.
import type { Clock } from '../clock.ts'
import type { LinkConfig, RouteConfig, UplinkConfig } from '../config/config.ts'
import { tenantTag } from '../config/routes.ts'
import type { Counters } from '../counters.ts'
import type { Waiter } from '../journal/append.ts'
import type { Audiences } from '../journal/audience.ts'
import type { Delivery } from '../journal/delivery.ts'
import type { Journal } from '../journal/journal.ts'
import type { Queue } from '../journal/queue.ts'
import { makeMessage, type Message } from '../message.ts'
import type { Topic, TopicTable } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'
import { Incoming } from '../session/incoming.ts'
import { Outgoing } from '../session/outgoing.ts'
import type { SerialPorts } from '../serial-port.ts'
import type { Shelf } from '../shelf.ts'
import type { InflightRow, QueueSize, Unpacked } from '../store/store.ts'
import type { Flushable, Turn } from '../turn.ts'
import type { BudgetFigures } from './budget/budget.ts'
import type { WireSource } from './budget/meter.ts'
import type { AskKernel } from './budget/tcp-info.ts'
import { Carriers } from './carriers.ts'
import type { ClientDeps } from './client/client.ts'
import { AS_IT_IS, Framer, type MessageTimes } from './framer.ts'
import { Inbound, needTopic } from './inbound.ts'
import { Lane, type LaneOwner } from './lane.ts'
import { laneName, type LanePlan } from './lane-plan.ts'
import { Lanes } from './lanes.ts'
import type { LinkPhase } from './link/link.ts'
import { Links, type OneLinkState } from './link/links.ts'
import type { OrderKind } from './link/order.ts'
import { PayloadFilter } from './payload-filter.ts'
import { Routes } from './routes.ts'
import type { SbdFigures } from './sbd/record.ts'

/** Messages of a frame of a lane that makes none but for a modem. */
const READINGS_MAX = 1000

export interface UplinkLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

export interface UplinkDeps {
  readonly clock: Clock
  /** When messages came, as well as it is known. */
  readonly times: MessageTimes
  readonly turn: Turn
  readonly topics: TopicTable
  readonly counters: Counters
  /** undefined for a tenant that is not there. */
  readonly routerOf: (tenant: string) => Router | undefined
  readonly journal: Journal
  readonly audiences: Audiences
  /** Whether a destination is done with a message of an earlier run; null when there is no such destination any more. */
  readonly isSettled: (destination: number, sequence: number) => boolean | null
  readonly log: UplinkLog
  readonly site: string
  readonly packetBytesMax: number
  /** There are other uplinks, over which a message could go round in a circle. */
  readonly marksOrigin: boolean
  /** Called when the phase, the link or the last error has changed. */
  readonly stateChanged: (state: UplinkState) => void
  readonly random: () => number
  /** How far the streams of other gateways have been taken over. */
  readonly unpacked: readonly Unpacked[]
  /** Files of this uplink. */
  readonly shelf: Shelf
  /** What survives a restart. */
  readonly numbers: { readonly all: ReadonlyMap<string, number>; get(key: string): number | undefined; set(key: string, value: number): void }
  readonly serialPorts: SerialPorts
  readonly dial?: ClientDeps['dial']
  /** Finds out whether the remote can be reached, where `dial` opens connections. `count` gets what it opens for that. */
  readonly reach?: (link: LinkConfig, count: (source: WireSource) => void) => Promise<void>
  /** What a kernel knows of connections that `dial` has opened. */
  readonly askKernel?: AskKernel | undefined
}

export interface UplinkState {
  readonly name: string
  readonly phase: LinkPhase
  /** The link in use; null for none. */
  readonly link: string | null
  readonly sinceMs: number
  /** Seconds until the next attempt; null when none is planned. */
  readonly nextAttemptSec: number | null
  readonly queued: number
  readonly queuedBytes: number
  /** By class. */
  readonly waiting: Readonly<Record<string, number>>
  readonly inFlight: number
  readonly acknowledged: number
  readonly rejected: number
  /** Over the link since the start. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly lastError: string | null
  /** What the operator has ordered, and for how much longer; null for nothing. */
  readonly order: { readonly kind: OrderKind; readonly leftSec: number } | null
  /** Of links that have one. */
  readonly budgets: readonly BudgetFigures[]
  /** Of modems for short messages. */
  readonly modems: readonly SbdFigures[]
  /** Each link, where there are several, or one that is dialled. */
  readonly links: readonly OneLinkState[]
}

/** A lane's queue, and the name of its stream: 6 bytes that no other queue of any gateway has. */
export interface LaneQueue {
  readonly plan: LanePlan
  readonly queue: Queue
  readonly stream: Uint8Array
}

export class Uplink implements LaneOwner, Flushable {
  readonly name: string
  readonly lanes: Lanes
  readonly outgoing: Outgoing<Lanes>
  readonly incoming: Incoming
  readonly wants: LaneOwner['wants']
  readonly #config: UplinkConfig
  readonly #deps: UplinkDeps
  readonly #out: Routes
  readonly #inbound: Inbound
  readonly #filters: ReadonlyMap<RouteConfig, PayloadFilter>
  readonly #links: Links
  readonly #carriers: Carriers
  #isMarked = false

  /** `destination` is where the remote's side of the handshakes is kept. */
  constructor(config: UplinkConfig, queues: readonly LaneQueue[], destination: number, deps: UplinkDeps, restored: readonly InflightRow[], received: Iterable<number>, isFromBackup = false) {
    const { clock, journal, log, random } = deps
    this.name = config.name
    this.#config = config
    this.#deps = deps
    this.#out = new Routes(config.routes, 'out')
    this.#filters = new Map(this.#out.configs.flatMap((route) => (route.only === null ? [] : [[route, new PayloadFilter(route.only)]])))
    this.wants = this.#filters.size === 0 ? null : (message, identifiers) => this.#isWorthCarrying(message, identifiers[0] ?? 0)
    const lanes = queues.map((q) => this.#makeLane(q))
    this.lanes = new Lanes(lanes, clock)
    this.outgoing = new Outgoing(this.lanes, journal, restored, isFromBackup)
    this.incoming = new Incoming(destination, journal, received)
    this.#inbound = new Inbound(this, config, this.incoming, lanes, { ...deps, ask: (topic, dictionary) => this.#carriers.sendNow(makeMessage(needTopic(topic), dictionary)), send: (message, waiter) => void this.#send(message, waiter) })
    const ends = { lanes: this.lanes, outgoing: this.outgoing, incoming: this.incoming, inbound: this.#inbound, routes: this.#out }
    this.#carriers = new Carriers(config, ends, deps, {
      changed: () => this.#changed(),
      onRoom: () => {
        this.lanes.ready()
        this.#links.changed()
      },
      stateChanged: () => deps.stateChanged(this.state),
    })
    const carriers = this.#carriers
    this.#links = new Links(config, {
      clock,
      log,
      random,
      open: (link, dialled, owner) => carriers.open(link, dialled, owner),
      dialler: (link) => carriers.dialler(link),
      probe: (link, dialled, signal) => carriers.probe(link, dialled, signal),
      wireBytes: (link) => carriers.accountOf(link).bytes,
      waiting: () => this.#waiting(),
      drained: () => this.lanes.drained && this.outgoing.inFlight === 0 && this.incoming.waitingForFlash === 0,
      receivedAtMs: () => carriers.receivedAtMs,
      mayConnect: (link, classes, isInUse) => carriers.accountOf(link).mayConnect(classes, isInUse),
      stateChanged: () => deps.stateChanged(this.state),
    })
    queues.forEach(({ plan }, i) => this.#subscribe(plan, lanes[i]!))
  }

  get state(): UplinkState {
    const { phase, link, sinceMs, nextAttemptMs, lastError, order, links } = this.#links.state
    const { acknowledged, rejected, traffic, refusal, budgets, modems } = this.#carriers
    const { count, bytes } = this.lanes.waiting()
    return {
      name: this.name,
      phase,
      link,
      sinceMs,
      nextAttemptSec: nextAttemptMs === null ? null : Math.max(0, Math.ceil((nextAttemptMs - this.#deps.clock.now()) / 1000)),
      queued: count,
      queuedBytes: bytes,
      waiting: Object.fromEntries([...this.#waiting()].map(([name, size]) => [name, size.count])),
      inFlight: this.outgoing.inFlight,
      acknowledged,
      rejected,
      ...traffic,
      lastError: lastError ?? refusal,
      order: order === null ? null : { kind: order.kind, leftSec: Math.max(0, Math.ceil((order.untilMs - this.#deps.clock.now()) / 1000)) },
      budgets,
      modems,
      links: links.length > 1 || this.#config.links.some((l) => l.dial !== null) ? links : [],
    }
  }

  /** Reads from flash what an earlier run knew. Before `start`. */
  async prepare(): Promise<void> {
    await Promise.all([this.#inbound.prepare(), this.#carriers.prepare(), ...this.lanes.all.map((lane) => lane.prepare())])
  }

  start(): void {
    this.#links.start()
  }

  /** What the operator wants for `forMs`, above what the links' policies say; null: what they say. */
  order(kind: OrderKind | null, forMs: number): void {
    this.#links.order(kind, this.#deps.clock.now() + forMs)
  }

  /** All that waits of a class (null: of all) is taken away; answers how much that was. null, and nothing is done, while a connection takes some of it, or is about to end. */
  clearQueues(className: string | null): QueueSize | null {
    const lanes = this.lanes.all.filter((lane) => className === null || lane.class.name === className)
    if (!lanes.every(({ queue }) => queue.offline)) return null
    const size = this.lanes.waiting(className)
    for (const { queue } of lanes) queue.clear()
    this.#changed()
    return size
  }

  /** Lanes that messages of the gateway's own space with this topic go by. */
  lanesOf(topic: string): readonly Lane[] {
    const route = this.#out.routeOf(topic, 0)
    return route === null ? [] : this.lanes.all.filter(({ class: { name }, batch }) => laneName(this.name, name, batch?.topic ?? null) === this.#laneOf(route))
  }

  /** That a message to the remote under its own topic goes by; null when all of them make frames. */
  get directLane(): Lane | null {
    return this.lanes.all.find((lane) => lane.batch === null) ?? null
  }

  /** Sends a message to the remote under its own topic, by `directLane`, which must be there; answers its number in that queue. */
  sendDirect(message: Message): number {
    return this.#send(message, null)
  }

  /** Resolves when nothing is left running. */
  async stop(): Promise<void> {
    this.#inbound.stop()
    await this.#links.stop()
    await this.#carriers.stop()
  }

  /** At the end of a turn in which something has changed. */
  flush(): void {
    this.#isMarked = false
    if (this.#links.link !== null && this.outgoing.inFlight === 0) {
      this.#carriers.accountOf(this.#links.link).planOver()
      this.lanes.ready()
    }
    this.#links.changed()
  }

  // ---- LaneOwner

  get online(): boolean {
    return this.#links.carrier?.up ?? false
  }

  isOf(lane: Lane, topic: Topic, identifier: number): boolean {
    const route = this.#out.routeOf(topic.name, identifier)
    return route !== null && this.#laneOf(route) === laneName(this.name, lane.class.name, lane.batch?.topic ?? null)
  }

  queued(): void {
    this.#changed()
  }

  tooLarge(lane: Lane, { message }: Delivery): void {
    this.#deps.counters.droppedTooLarge++
    this.#deps.log.warn({ uplink: this.name, class: lane.class.name, topic: message.topic.name, bytes: message.payloadLength }, 'a message is too large for every link: it is given up')
  }

  sendQos0(message: Message, retain: boolean, identifiers: readonly number[]): void {
    this.#carriers.sendQos0(message, retain, identifiers)
  }

  #isWorthCarrying(message: Message, tag: number): boolean {
    const { name } = message.topic
    const route = this.#out.routeOf(name, tag)
    const filter = route === null ? undefined : this.#filters.get(route)
    if (filter === undefined || filter.takes(message, tag === 0 ? name : `${tag}\0${name}`, this.#deps.turn.nowMs)) return true
    this.#deps.counters.droppedByFilter++
    return false
  }

  // ---- lanes

  #makeLane({ plan, queue, stream }: LaneQueue): Lane {
    const { clock, times, counters, site, shelf, log } = this.#deps
    const { batch, qos } = plan
    const options = { stream, topic: batch?.topic ?? `sandpiper/${site}/frames`, qos, readingsMax: batch?.readingsMax ?? READINGS_MAX }
    return new Lane(this, queue, plan.class, batch, new Framer(queue, options, { clock, times, counters, routes: this.#out, shelf, log }))
  }

  #subscribe(plan: LanePlan, lane: Lane): void {
    for (const route of this.#out.configs) {
      if (this.#laneOf(route) !== plan.name) continue
      // An uplink route carries QoS 0 messages at its own QoS too: most small clients can publish nothing else.
      const wish = { qos: route.qos, noLocal: true, retainAsPublished: route.retain, identifier: tenantTag(route.tenant), upgrade: true }
      this.#deps.routerOf(route.tenant)?.index.add(route.from, null, lane, wish)
    }
  }

  #laneOf(route: RouteConfig): string {
    return laneName(this.name, route.class, route.batch?.topic ?? null)
  }

  /** To the remote as it is, by the lane that goes first. */
  #send(message: Message, waiter: Waiter | null): number {
    const { queue } = this.directLane!
    const member = { destination: queue.destination, qos: 1, upgrade: true, retainAsPublished: false, subscriptionIdentifiers: AS_IT_IS } as const
    const append = this.#deps.journal.append(message, this.#deps.audiences.intern([member], [queue]), true, waiter)
    queue.push(message, append, 1, false, AS_IT_IS)
    this.#changed()
    return append.sequence
  }

  // ---- links

  #waiting(): ReadonlyMap<string, { readonly count: number; readonly bytes: number }> {
    return new Map(this.#config.classes.map(({ name }) => [name, this.lanes.waiting(name)]))
  }

  /** Something that the links go by: they hear of it once a turn. */
  #changed(): void {
    if (this.#isMarked) return
    this.#isMarked = true
    this.#deps.turn.mark(this)
  }
}
