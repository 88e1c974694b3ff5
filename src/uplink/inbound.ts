// What comes in by an uplink, and where it goes: a message for the router, a frame for the unpacker, a receiver that asks for a dictionary.
//
//   PUBLISH ─► its acknowledgement's place (session/incoming.ts) ─► route ─► router, unpacker ─► acknowledged when it is safe here
import type { UplinkConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { AllOf, answerTo } from '../journal/all-of.ts'
import type { Waiter } from '../journal/append.ts'
import { FrameError, frameHeader } from '../frame/frame.ts'
import { makeMessage, type Message } from '../message.ts'
import type { PublishPacket } from '../mqtt/packet.ts'
import type { Router } from '../router/router.ts'
import type { Incoming } from '../session/incoming.ts'
import { Commands, type CommandsDeps } from './commands.ts'
import type { Lane } from './lane.ts'
import { addVia, hasVia } from './loop.ts'
import { Routes } from './routes.ts'
import type { Wanted } from './client/subscribed.ts'
import { type Publish, Unpacker, type UnpackerDeps } from './unpacker.ts'
import type { Unpacked } from '../store/store.ts'

/** What a modem has taken from its network. */
export interface ShortMessage {
  readonly bytes: Buffer
  readonly imei: string
  /** The network's number of it. */
  readonly mtmsn: number
  /** It was there before this process: an earlier one may have kept it. */
  readonly mayBeKept: boolean
}

export interface InboundDeps extends UnpackerDeps, CommandsDeps {
  readonly counters: Counters
  /** undefined for a tenant that is not there. */
  readonly routerOf: (tenant: string) => Router | undefined
  readonly site: string
  /** There are other uplinks, over which a message could go round in a circle. */
  readonly marksOrigin: boolean
  /** What survives a restart. */
  readonly numbers: { get(key: string): number | undefined; set(key: string, value: number): void }
  /** How far the streams of other gateways have been taken over. */
  readonly unpacked: readonly Unpacked[]
}

/** Nobody waits for a frame that came at QoS 0. */
const NOBODY: Waiter = { durable: () => {}, refused: () => {} }

/** Remote topic of what comes down by satellite and is no frame. */
const SHORT_MESSAGES = 'sbd'

/** Where a receiver of frames says that it has not got a dictionary. */
export function needTopic(frameTopic: string): string {
  return `${frameTopic}/need`
}

export class Inbound {
  readonly #origin: object
  readonly #incoming: Incoming
  readonly #isV5: boolean
  readonly #deps: InboundDeps
  readonly #routes: Routes
  readonly #unpacker: Unpacker | null
  readonly #commands: Commands | null
  readonly #lanesOf = new Map<string, Lane[]>()

  /** `origin`: who publishes here what comes in. `lanes`: those whose receivers may ask for dictionaries. */
  constructor(origin: object, config: UplinkConfig, incoming: Incoming, lanes: readonly Lane[], deps: InboundDeps) {
    this.#origin = origin
    this.#incoming = incoming
    this.#isV5 = config.version === 5
    this.#deps = deps
    this.#routes = new Routes(config.routes, 'in')
    this.#unpacker = this.#routes.configs.some((route) => route.unpack) || config.links.some((link) => link.sbd !== null) ? new Unpacker(deps.unpacked, deps) : null
    this.#commands = this.#routes.configs.some((route) => route.command !== null) ? new Commands(deps) : null
    for (const lane of lanes) {
      if (lane.batch === null) continue
      const topic = needTopic(lane.batch.topic)
      this.#lanesOf.set(topic, [...(this.#lanesOf.get(topic) ?? []), lane])
    }
  }

  /** Before the first message. */
  async prepare(): Promise<void> {
    await Promise.all([this.#unpacker?.prepare(), this.#commands?.prepare()])
  }

  /** What the remote is asked for. */
  get subscriptions(): Wanted[] {
    const own = this.#routes.configs.map((route): Wanted => ({
      filter: route.from,
      qos: route.qos,
      noLocal: this.#isV5, // what we published there must not come back [MQTT-3.8.3-3]
      retainAsPublished: this.#isV5 && route.retain,
      retainHandling: 0,
      renewed: route.retain,
    }))
    const needs = [...this.#lanesOf.keys()].map((filter): Wanted => ({ filter, qos: 1, noLocal: this.#isV5, retainAsPublished: false, retainHandling: 0, renewed: false }))
    return [...own, ...needs]
  }

  onPublish({ packetIdentifier, message }: PublishPacket): void {
    if (message.qos === 2) {
      const ack = this.#expectPubrec(packetIdentifier, message)
      if (ack === null) this.#onRepeated(message, packetIdentifier)
      else if (!this.#take(message, ack, false, packetIdentifier)) this.#incoming.safeWithState(ack)
      return
    }
    const ack = message.qos === 1 ? this.#incoming.expectPuback(packetIdentifier) : null
    if (!this.#take(message, ack)) ack?.durable()
  }

  stop(): void {
    this.#commands?.stop()
  }

  /** The connection is gone: what was not acknowledged comes again. */
  detach(): void {
    this.#unpacker?.detach()
  }

  /**
   * A message of a satellite network that has come down: a frame with messages under their remote topics, or else a message under the remote
   * topic `sbd` as it is. `done` is called when it is safe, or can never be; `refused` when it cannot be kept now.
   */
  onShortMessage({ bytes, imei, mtmsn, mayBeKept }: ShortMessage, done: () => void, refused: () => void): void {
    const waiter: Waiter = { durable: done, refused } // the modem keeps it, and it is told again
    if (isFrame(bytes)) {
      this.#unpacker!.onFrame(bytes, SHORT_MESSAGES, (message, one, held) => this.#take(message, one, held), waiter)
      return
    }
    const { numbers, counters, journal } = this.#deps
    const key = `sbd/${imei}`
    if (mayBeKept && numbers.get(key) === mtmsn) {
      counters.droppedUnpackedTwice++
      done()
      return
    }
    const before = numbers.get(key) ?? -1
    const all = new AllOf((refusal) => {
      if (refusal !== null) numbers.set(key, before) // it was kept, the message was not
      answerTo(waiter)(refusal)
    })
    if (!this.#take(makeMessage(SHORT_MESSAGES, bytes, { qos: 1 }), all.expect(), true)) all.durable()
    numbers.set(key, mtmsn) // in the same turn as the message: the same batch
    journal.waitDurable(all.expect())
    all.complete()
  }

  #expectPubrec(packetIdentifier: number, { topic }: Message): Waiter | null {
    if (this.#unpacker !== null || this.#commands !== null) {
      const route = this.#routes.routeOf(topic.name, null)
      if (route?.unpack === true) return this.#incoming.expectPubrecLater(packetIdentifier, false) // published when its turn comes; known by its numbers
      if (route !== null && route.command !== null) return this.#incoming.expectPubrecLater(packetIdentifier, true)
    }
    return this.#incoming.expectPubrec(packetIdentifier)
  }

  #onRepeated(message: Message, packetIdentifier: number): void {
    const command = this.#routes.routeOf(message.topic.name, null)?.command ?? null
    if (command !== null) this.#commands!.onRepeated(message, message.topic.name, packetIdentifier, command)
  }

  /** True when `ack` will hear; false when nothing has to be waited for. */
  #take(message: Message, ack: Waiter | null, held = false, packetIdentifier: number | null = null): boolean {
    const lanes = this.#lanesOf.get(message.topic.name)
    if (lanes !== undefined) {
      for (const lane of lanes) lane.dictionaryLost(message.payload.toString('latin1'))
      return false
    }
    const routed = this.#routes.apply(message, null, this.#origin)
    const router = routed === null ? undefined : this.#deps.routerOf(routed.route.tenant)
    if (routed === null || router === undefined) return false
    const { command, unpack } = routed.route
    if (command !== null) {
      this.#commands!.onCommand(routed.message, message.topic.name, packetIdentifier, command, router, ack, held)
      return true
    }
    if (!unpack) return this.#publish(router, routed.message, ack, held)
    const publish: Publish = (one, waiter, held) => router.publish(one, waiter, held)
    this.#unpacker!.onFrame(Buffer.from(message.payload), message.topic.name, publish, ack ?? NOBODY)
    return true
  }

  #publish(router: Router, message: Message, ack: Waiter | null, held: boolean): boolean {
    const { counters, site, marksOrigin } = this.#deps
    if (!marksOrigin) return router.publish(message, ack, held)
    if (hasVia(message, site)) {
      counters.droppedLoop++
      return false
    }
    return router.publish(this.#isV5 ? addVia(message, site) : message, ack, held)
  }
}

function isFrame(bytes: Buffer): boolean {
  try {
    frameHeader(bytes)
    return true
  } catch (error) {
    if (!(error instanceof FrameError)) throw error
    return false
  }
}
