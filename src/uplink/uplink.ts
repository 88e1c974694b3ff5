// One uplink: lanes of the router on this side, an MQTT client of a cloud broker on the other.
//
//   out   router ─► lanes (flash) ─► outgoing ─► client ─► cloud: settled by its PUBACK/PUBCOMP, not by sending
//   in    cloud ─► client ─► router: PUBACK/PUBREC to the cloud when the message is safe here
//
// What is always true: the router never waits for the link; nothing leaves the queue before the cloud has it; a message does
// not go back over the uplink it came by.
import type { Clock, Timer } from '../clock.ts'
import type { RouteConfig, UplinkConfig } from '../config/config.ts'
import { tenantTag } from '../config/routes.ts'
import type { Counters } from '../counters.ts'
import { makeMessage, type Message } from '../message.ts'
import type { ConnackPacket, PublishPacket } from '../mqtt/packet.ts'
import type { Topic, TopicTable } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'
import { Incoming } from '../session/incoming.ts'
import { Outgoing } from '../session/outgoing.ts'
import type { Waiter } from '../journal/append.ts'
import type { Audiences } from '../journal/audience.ts'
import type { Delivery } from '../journal/delivery.ts'
import type { Journal } from '../journal/journal.ts'
import type { Queue } from '../journal/queue.ts'
import type { Shelf } from '../shelf.ts'
import type { InflightRow, Unpacked } from '../store/store.ts'
import type { Turn } from '../turn.ts'
import { type ClientDeps, type ClientOwner, type Traffic, UplinkClient } from './client.ts'
import { AS_IT_IS, Framer, isAsItIs } from './framer.ts'
import { Inbound, needTopic } from './inbound.ts'
import { Lane, type LaneOwner } from './lane.ts'
import { laneName, type LanePlan } from './lane-plan.ts'
import { Lanes } from './lanes.ts'
import { UplinkMemory } from './memory.ts'
import { IDLE, type LinkEvent, type LinkPhase, type LinkState, step } from './single-link.ts'
import { PayloadFilter } from './payload-filter.ts'
import { Routes } from './routes.ts'

/** Messages of a frame of a lane that makes none but for a modem. */
const READINGS_MAX = 1000

export interface UplinkLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
}

export interface UplinkDeps {
  readonly clock: Clock
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
  /** Called when the phase or the last error has changed. */
  readonly stateChanged: (state: UplinkState) => void
  readonly random: () => number
  /** How far the streams of other gateways have been taken over. */
  readonly unpacked: readonly Unpacked[]
  /** Files of this uplink. */
  readonly shelf: Shelf
  /** What survives a restart. */
  readonly numbers: { get(key: string): number | undefined; put(key: string, value: number): void }
  readonly dial?: ClientDeps['dial']
}

export interface UplinkState {
  readonly name: string
  readonly phase: LinkPhase
  readonly sinceMs: number
  readonly queued: number
  readonly queuedBytes: number
  readonly inFlight: number
  readonly acknowledged: number
  readonly rejected: number
  /** Over the link since the start. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly lastError: string | null
}

/** A lane's queue, and the name of its stream: 6 bytes that no other queue of any gateway has. */
export interface LaneQueue {
  readonly plan: LanePlan
  readonly queue: Queue
  readonly stream: Uint8Array
}

export class Uplink implements LaneOwner, ClientOwner {
  readonly name: string
  readonly lanes: Lanes
  readonly outgoing: Outgoing<Lanes>
  readonly incoming: Incoming
  readonly #config: UplinkConfig
  readonly #deps: UplinkDeps
  readonly #out: Routes
  readonly #filters: ReadonlyMap<RouteConfig, PayloadFilter>
  readonly wants: LaneOwner['wants']
  readonly #inbound: Inbound
  #link: LinkState = IDLE
  readonly #memory: UplinkMemory
  #client: UplinkClient | null = null
  #timer: Timer | null = null
  #lastError: string | null = null
  readonly #traffic: Traffic = { bytesSent: 0, bytesReceived: 0 }
  #acknowledged = 0
  #rejected = 0

  /** `destination` is where the remote's side of the handshakes is kept: the queue of its first lane. */
  constructor(config: UplinkConfig, queues: readonly LaneQueue[], destination: number, deps: UplinkDeps, restored: readonly InflightRow[], received: Iterable<number>) {
    this.name = config.name
    this.#config = config
    this.#deps = deps
    this.#memory = new UplinkMemory(config, deps)
    this.#out = new Routes(config.routes, 'out')
    this.#filters = new Map(this.#out.configs.flatMap((route) => (route.only === null ? [] : [[route, new PayloadFilter(route.only)]])))
    this.wants = this.#filters.size === 0 ? null : (message, identifiers) => this.#isWorthCarrying(message, identifiers[0] ?? 0)
    const lanes = queues.map((q) => this.#makeLane(q))
    this.lanes = new Lanes(lanes, deps.clock)
    this.outgoing = new Outgoing(this.lanes, deps.journal, restored)
    this.incoming = new Incoming(destination, deps.journal, received)
    queues.forEach(({ plan }, i) => this.#subscribe(plan, lanes[i]!))
    this.#inbound = new Inbound(this, config, this.incoming, lanes, { ...deps, ask: (topic, dictionary) => this.#ask(topic, dictionary), send: (message, waiter) => this.#send(message, waiter) })
  }

  /** Past the queue: it is about now, and asked again. */
  #ask(topic: string, dictionary: string): void {
    this.#client?.sendQos0(makeMessage(needTopic(topic), dictionary), false, AS_IT_IS)
  }

  /** To the remote as it is, by the lane that goes first. */
  #send(message: Message, waiter: Waiter | null): void {
    const { queue } = this.lanes.all.find((lane) => lane.batch === null)!
    const member = { destination: queue.destination, qos: 1, upgrade: true, retainAsPublished: false, subscriptionIdentifiers: AS_IT_IS } as const
    const append = this.#deps.journal.append(message, this.#deps.audiences.intern([member], [queue]), false, waiter)
    queue.push(message, append, 1, false, AS_IT_IS)
  }

  #makeLane({ plan, queue, stream }: LaneQueue): Lane {
    const { clock, counters, site, shelf, log } = this.#deps
    const { batch, qos } = plan
    const options = { stream, topic: batch?.topic ?? `sandpiper/${site}/frames`, qos, readingsMax: batch?.readingsMax ?? READINGS_MAX }
    const framer = new Framer(queue, options, { clock, counters, routes: this.#out, shelf, log })
    return new Lane(this, queue, plan.class, batch, framer)
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

  get state(): UplinkState {
    const { count, bytes } = this.lanes.waiting()
    return {
      name: this.name,
      phase: this.#link.phase,
      sinceMs: this.#link.sinceMs,
      queued: count,
      queuedBytes: bytes,
      inFlight: this.outgoing.inFlight,
      acknowledged: this.#acknowledged,
      rejected: this.#rejected,
      bytesSent: this.#traffic.bytesSent,
      bytesReceived: this.#traffic.bytesReceived,
      lastError: this.#lastError,
    }
  }

  /** Reads what belongs to frames from flash. Before `start`. */
  async prepare(): Promise<void> {
    await Promise.all([this.#memory.prepare(), this.#inbound.prepare(), ...this.lanes.all.map((lane) => lane.prepare())])
  }

  start(): void {
    this.#on('start')
  }

  stop(): void {
    this.#inbound.stop()
    this.#on('stop')
  }

  // ---- LaneOwner

  get online(): boolean {
    return this.#client?.up ?? false
  }

  isOf(lane: Lane, topic: Topic, identifier: number): boolean {
    const route = this.#out.routeOf(topic.name, identifier)
    return route !== null && this.#laneOf(route) === laneName(this.name, lane.class.name, lane.batch?.topic ?? null)
  }

  tooLarge(lane: Lane, { message }: Delivery): void {
    this.#deps.counters.droppedTooLarge++
    this.#deps.log.warn({ uplink: this.name, class: lane.class.name, topic: message.topic.name, bytes: message.payloadLength }, 'a message is too large for every link: it is given up')
  }

  #isWorthCarrying(message: Message, tag: number): boolean {
    const { name } = message.topic
    const route = this.#out.routeOf(name, tag)
    const filter = route === null ? undefined : this.#filters.get(route)
    if (filter === undefined || filter.takes(message, tag === 0 ? name : `${tag}\0${name}`, this.#deps.turn.nowMs)) return true
    this.#deps.counters.droppedByFilter++
    return false
  }

  sendQos0(message: Message, retain: boolean, identifiers: readonly number[]): void {
    if (this.#client?.sendQos0(message, retain, identifiers) !== true) this.#deps.counters.droppedSlowReader++
  }

  // ---- ClientOwner

  outbound(message: Message, identifiers: readonly number[]): Message | null {
    return isAsItIs(identifiers) ? message : (this.#out.apply(message, identifiers[0] ?? 0, null)?.message ?? null)
  }

  onAccepted(connack: ConnackPacket): void {
    if (!connack.sessionPresent) {
      this.outgoing.receiverForgot()
      this.incoming.peerForgot()
    }
    this.#lastError = null
    this.#on('accepted')
    this.#deps.log.info({ uplink: this.name, sessionPresent: connack.sessionPresent, queued: this.lanes.waiting().count }, 'uplink is up')
  }

  onPublish(packet: PublishPacket): void {
    this.#inbound.onPublish(packet)
  }

  onAcknowledged(): void {
    this.#acknowledged++
  }

  onRejected(reason: number): void {
    this.#rejected++
    this.#lastError = `the remote refused a message with reason 0x${reason.toString(16)}`
    this.#deps.log.warn({ uplink: this.name, reason }, 'the remote refused a message: it is given up')
  }

  onSubscribed(refused: readonly string[]): void {
    if (refused.length === 0) return
    this.#lastError = `the remote refused the subscription to ${refused.join(', ')}: check what this user may read there`
    this.#deps.log.warn({ uplink: this.name, refused }, 'the remote refused a subscription')
    this.#deps.stateChanged(this.state)
  }

  onEnd(why: string): void {
    this.#client = null
    this.#inbound.detach()
    if (this.#link.phase === 'stopped') return
    this.#lastError = why
    this.#on('lost')
  }

  // ---- the machine decides, this does

  #on(event: LinkEvent): void {
    const { clock, log, random, stateChanged } = this.#deps
    const before = this.#link.phase
    const { state, action } = step(this.#link, event, clock.now(), this.#config.backoff, random)
    this.#link = state
    if (state.phase !== before) stateChanged(this.state)
    if (action === null) return
    switch (action.kind) {
      case 'connect':
        this.#client = new UplinkClient(this, this.#deps, {
          config: this.#config,
          link: this.#config.links[0]!,
          interface: this.#config.links[0]!.interface,
          packetBytesMax: this.#deps.packetBytesMax,
          subscriptions: this.#inbound.subscriptions,
          traffic: this.#traffic,
          memory: this.#memory,
          meter: null,
        })
        break
      case 'wait':
        log.info({ uplink: this.name, why: this.#lastError, waitMs: Math.round(action.ms), queued: this.lanes.waiting().count }, 'uplink is down')
        this.#timer = clock.after(action.ms, () => this.#on('wait-over'))
        break
      case 'disconnect':
        this.#timer?.cancel()
        this.#client?.stop()
        this.#client = null
        break
    }
  }
}
