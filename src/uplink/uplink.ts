// One uplink: a durable destination of the router on this side, an MQTT client of a cloud broker on the other.
//
//   out   router ─► queue (flash) ─► outgoing ─► client ─► cloud: settled by its PUBACK/PUBCOMP, not by sending
//   in    cloud ─► client ─► router: PUBACK/PUBREC to the cloud when the message is safe here
//
// What is always true: the router never waits for the link; nothing leaves the queue before the cloud has it; a message does
// not go back over the uplink it came by.
import type { Clock, Timer } from '../clock.ts'
import type { UplinkConfig } from '../config/config.ts'
import { tenantTag } from '../config/routes.ts'
import type { Counters } from '../counters.ts'
import type { Message, QoS } from '../message.ts'
import type { ConnackPacket, PublishPacket, Subscription } from '../mqtt/packet.ts'
import type { TopicTable } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'
import type { Subscriber } from '../router/subscriber.ts'
import { Incoming } from '../session/incoming.ts'
import { Outgoing } from '../session/outgoing.ts'
import type { Append } from '../journal/append.ts'
import type { Journal } from '../journal/journal.ts'
import type { Queue } from '../journal/queue.ts'
import type { InflightRow } from '../store/store.ts'
import type { Turn } from '../turn.ts'
import { type ClientDeps, type ClientOwner, type Traffic, UplinkClient } from './client.ts'
import { IDLE, type LinkEvent, type LinkPhase, type LinkState, step } from './link.ts'
import { addVia, hasVia } from './loop.ts'
import { Routes } from './routes.ts'

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
  readonly log: UplinkLog
  readonly site: string
  readonly packetBytesMax: number
  /** There are other uplinks, over which a message could go round in a circle. */
  readonly marksOrigin: boolean
  /** Called when the phase or the last error has changed. */
  readonly stateChanged: (state: UplinkState) => void
  readonly random: () => number
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

export class Uplink implements Subscriber, ClientOwner {
  readonly name: string
  readonly queue: Queue
  readonly outgoing: Outgoing
  readonly incoming: Incoming
  readonly #config: UplinkConfig
  readonly #deps: UplinkDeps
  readonly #out: Routes
  readonly #in: Routes
  #link: LinkState = IDLE
  #client: UplinkClient | null = null
  #timer: Timer | null = null
  #lastError: string | null = null
  readonly #traffic: Traffic = { bytesSent: 0, bytesReceived: 0 }
  #acknowledged = 0
  #rejected = 0

  constructor(config: UplinkConfig, queue: Queue, deps: UplinkDeps, restored: readonly InflightRow[], received: Iterable<number>) {
    this.name = config.name
    this.queue = queue
    this.#config = config
    this.#deps = deps
    this.outgoing = new Outgoing(queue, deps.journal, restored)
    this.incoming = new Incoming(queue.destination, deps.journal, received)
    this.#out = new Routes(config.routes, 'out')
    this.#in = new Routes(config.routes, 'in')
    for (const route of this.#out.configs) {
      // An uplink route carries QoS 0 messages at its own QoS too: most small clients can publish nothing else.
      const wish = { qos: route.qos, noLocal: true, retainAsPublished: route.retain, identifier: tenantTag(route.tenant), upgrade: true }
      deps.routerOf(route.tenant)?.index.add(route.from, null, this, wish)
    }
  }

  get state(): UplinkState {
    const { count, bytes } = this.queue.size
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

  start(): void {
    this.#on('start')
  }

  stop(): void {
    this.#on('stop')
  }

  // ---- Subscriber

  get online(): boolean {
    return this.#client?.up ?? false
  }

  mayReceive(): boolean {
    return true
  }

  deliverQos0(message: Message, retain: boolean, identifiers: readonly number[]): void {
    if (this.#client?.sendQos0(message, retain, identifiers) !== true) this.#deps.counters.droppedSlowReader++
  }

  deliver(message: Message, append: Append | null, qos: QoS, retain: boolean, identifiers: readonly number[]): boolean {
    return this.queue.push(message, append, qos, retain, identifiers)
  }

  // ---- ClientOwner

  outbound(message: Message, identifiers: readonly number[]): Message | null {
    return this.#out.apply(message, identifiers[0] ?? 0, null)?.message ?? null
  }

  onAccepted(connack: ConnackPacket): void {
    if (!connack.sessionPresent) {
      this.outgoing.receiverForgot()
      this.incoming.peerForgot()
    }
    this.#lastError = null
    this.#on('accepted')
    this.#deps.log.info({ uplink: this.name, sessionPresent: connack.sessionPresent, queued: this.queue.size.count }, 'uplink is up')
  }

  onPublish(packet: PublishPacket): void {
    const { routerOf, counters, site, marksOrigin } = this.#deps
    const { packetIdentifier, message } = packet
    const routed = this.#in.apply(message, null, this)
    const router = routed === null ? undefined : routerOf(routed.route.tenant)
    let local = router === undefined ? null : routed!.message
    if (local !== null && marksOrigin) {
      if (hasVia(local, site)) {
        counters.droppedLoop++
        local = null
      } else if (this.#config.version === 5) local = addVia(local, site)
    }
    if (message.qos === 0) {
      if (local !== null) router!.publish(local, null)
    } else if (message.qos === 1) {
      const ack = this.incoming.expectPuback(packetIdentifier)
      if (local === null || !router!.publish(local, ack)) ack.durable()
    } else {
      const ack = this.incoming.expectPubrec(packetIdentifier)
      if (ack !== null && (local === null || !router!.publish(local, ack))) this.incoming.safeWithState(ack)
    }
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
          packetBytesMax: this.#deps.packetBytesMax,
          subscriptions: this.#subscriptions(),
          traffic: this.#traffic,
        })
        break
      case 'wait':
        log.info({ uplink: this.name, why: this.#lastError, waitMs: Math.round(action.ms), queued: this.queue.size.count }, 'uplink is down')
        this.#timer = clock.after(action.ms, () => this.#on('wait-over'))
        break
      case 'disconnect':
        this.#timer?.cancel()
        this.#client?.stop()
        this.#client = null
        break
    }
  }

  #subscriptions(): Subscription[] {
    return this.#in.configs.map((route) => ({
      filter: route.from,
      qos: route.qos,
      noLocal: this.#config.version === 5, // what we published there must not come back [MQTT-3.8.3-3]
      retainAsPublished: this.#config.version === 5 && route.retain,
      retainHandling: 0,
    }))
  }
}
