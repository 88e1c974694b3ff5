// What an uplink opens over its links: an MQTT connection or a modem, with what each may cost and what is known of the remote from the time
// before. links.ts says when; here is how, and what a carrier's events mean for lanes, handshakes and figures.
import type { LinkConfig, UplinkConfig } from '../config/config.ts'
import type { Message } from '../message.ts'
import type { ConnackPacket } from '../mqtt/packet.ts'
import type { Incoming } from '../session/incoming.ts'
import type { Outgoing } from '../session/outgoing.ts'
import { Account } from './account.ts'
import type { BudgetFigures } from './budget/budget.ts'
import type { WireSource } from './budget/meter.ts'
import type { Carrier, CarrierOwner } from './link/carrier.ts'
import { type ClientOwner, type Traffic, UplinkClient } from './client/client.ts'
import type { Dialler, makeDialler } from './dial/dial.ts'
import { reachEndpoint } from './client/endpoint.ts'
import { LaneFrames } from './frame-source.ts'
import { AS_IT_IS, isAsItIs } from './framer.ts'
import type { Inbound, ShortMessage } from './inbound.ts'
import type { Lanes } from './lanes.ts'
import { UplinkMemory } from './client/memory.ts'
import type { Routes } from './routes.ts'
import type { SbdLink } from './sbd/link.ts'
import { type SbdFigures, SbdRecord } from './sbd/record.ts'
import type { UplinkDeps } from './uplink.ts'
import type { Dialled } from './link/way.ts'

/** What carriers take from and give to. */
export interface Ends {
  readonly lanes: Lanes
  readonly outgoing: Outgoing<Lanes>
  readonly incoming: Incoming
  readonly inbound: Inbound
  readonly routes: Routes
}

export interface CarriersOwner {
  /** Something that the links go by has changed. */
  changed(): void
  /** What one of them must not cost now it may cost again. */
  onRoom(): void
  /** What is to be seen of it is another one. */
  stateChanged(): void
}

export class Carriers {
  /** Why messages or subscriptions, not connections, were refused; null since the last connection. */
  refusal: string | null = null
  acknowledged = 0
  rejected = 0
  /** Monotonic time of the last message that came in. */
  receivedAtMs = -Infinity
  readonly traffic: Traffic = { bytesSent: 0, bytesReceived: 0 }
  readonly #config: UplinkConfig
  readonly #deps: UplinkDeps
  readonly #ends: Ends
  readonly #owner: CarriersOwner
  readonly #memory: UplinkMemory
  readonly #frames: LaneFrames
  readonly #accounts: ReadonlyMap<LinkConfig, Account>
  readonly #modems: ReadonlyMap<LinkConfig, SbdRecord>
  // Loaded where a link needs them.
  #makeDialler: typeof makeDialler | null = null
  #SbdLink: typeof SbdLink | null = null
  /** The MQTT connection, while there is one. */
  #client: UplinkClient | null = null

  constructor(config: UplinkConfig, ends: Ends, deps: UplinkDeps, owner: CarriersOwner) {
    const { clock, journal, log, numbers, shelf, askKernel } = deps
    this.#config = config
    this.#deps = deps
    this.#ends = ends
    this.#owner = owner
    this.#memory = new UplinkMemory(config, { clock, shelf, numbers })
    this.#frames = new LaneFrames(ends.lanes, config.links.every((link) => link.sbd !== null) ? 'drop' : 'wait')
    this.#accounts = new Map(config.links.map((link) => [link, new Account(config, link, { clock, journal, log, values: numbers.all, askKernel, onRoom: () => owner.onRoom() })]))
    this.#modems = new Map(config.links.flatMap((link) => (link.sbd === null ? [] : [[link, new SbdRecord(link.sbd, clock.now())]])))
  }

  /** Reads from flash what an earlier run knew, and loads what the links need. */
  async prepare(): Promise<void> {
    const { links } = this.#config
    if (links.some((link) => link.dial !== null)) this.#makeDialler = (await import('./dial/dial.ts')).makeDialler
    if (links.some((link) => link.sbd !== null)) this.#SbdLink = (await import('./sbd/link.ts')).SbdLink
    await Promise.all([this.#memory.prepare(), ...[...this.#accounts.values()].map((account) => account.start())])
  }

  /** After the last connection. Resolves when everything is kept. */
  async stop(): Promise<void> {
    for (const account of this.#accounts.values()) account.stop()
    await this.#memory.stop()
  }

  /** Of links that have one. */
  get budgets(): readonly BudgetFigures[] {
    return [...this.#accounts.values()].map((account) => account.figures).filter((figures) => figures !== null)
  }

  /** Of modems for short messages. */
  get modems(): readonly SbdFigures[] {
    return [...this.#modems.values()]
  }

  accountOf(link: LinkConfig): Account {
    return this.#accounts.get(link)!
  }

  /** At most once, now or never; `identifiers` as the router gave them. */
  sendQos0(message: Message, retain: boolean, identifiers: readonly number[]): void {
    if (this.#client?.sendQos0(message, retain, identifiers) !== true) this.#deps.counters.droppedSlowReader++
  }

  /** Past the queue, to the remote as it is: what is about now, and said again when it has to be. */
  sendNow(message: Message): void {
    this.#client?.sendQos0(message, false, AS_IT_IS)
  }

  // ---- what links.ts asks for

  /** The line is taken down when what it has cost has been read. */
  dialler(link: LinkConfig): Dialler {
    const { meter } = this.accountOf(link)
    let whenLost: (why: string) => void = () => {}
    let made: Dialler | null = null
    const make = (): Dialler => {
      made = this.#makeDialler!(link.dial!, this.#deps)
      made.onLost((why) => whenLost(why))
      return made
    }
    return {
      dial: () => (made ?? make()).dial(),
      onLost: (fn) => (whenLost = fn),
      async hangUp() {
        await meter?.settle()
        await made?.hangUp()
      },
    }
  }

  probe(link: LinkConfig, dialled: Dialled, signal: AbortSignal): Promise<void> {
    const { meter } = this.accountOf(link)
    const device = dialled.interface ?? link.interface
    meter?.useInterface(device)
    const count = (source: WireSource): void => void meter?.open(source, this.#config.host)
    return this.#deps.reach?.(link, count) ?? reachEndpoint(this.#config, device, signal, count)
  }

  open(link: LinkConfig, dialled: Dialled, owner: CarrierOwner): Carrier {
    if (link.sbd !== null) return this.#openModem(link, owner)
    const { meter } = this.accountOf(link)
    const device = dialled.interface ?? link.interface
    meter?.useInterface(device)
    this.#client = new UplinkClient(this.#clientOwner(link, owner), this.#deps, {
      config: this.#config,
      link,
      interface: device,
      packetBytesMax: this.#deps.packetBytesMax,
      subscriptions: this.#ends.inbound.subscriptions,
      traffic: this.traffic,
      memory: this.#memory,
      meter,
    })
    return this.#client
  }

  #openModem(link: LinkConfig, owner: CarrierOwner): Carrier {
    const { clock, counters, log, random, serialPorts } = this.#deps
    const { lanes, inbound } = this.#ends
    const account = this.accountOf(link)
    const sbdOwner = {
      source: this.#frames,
      mayCheck: () => account.mayConnect([], false),
      message: (message: ShortMessage, done: () => void, refused: () => void) => inbound.onShortMessage(message, done, refused),
      spent: (bytes: number) => account.spend(bytes),
      accepted: () => {
        this.#carry(link, Infinity)
        lanes.resume(1)
        owner.accepted()
      },
      ended: (why: string) => {
        lanes.suspend()
        owner.ended(why)
      },
    }
    return new this.#SbdLink!(sbdOwner, link.sbd!, this.#modems.get(link)!, { clock, ports: serialPorts, counters, log, random })
  }

  // ---- what an MQTT connection tells

  #clientOwner(link: LinkConfig, owner: CarrierOwner): ClientOwner {
    const { outgoing, incoming, inbound, routes } = this.#ends
    return {
      outgoing,
      incoming,
      outbound: (message, identifiers) => (isAsItIs(identifiers) ? message : (routes.apply(message, identifiers[0] ?? 0, null)?.message ?? null)),
      onAccepted: (connack) => this.#onAccepted(link, connack, owner),
      onPublish: (packet) => {
        this.receivedAtMs = this.#deps.turn.nowMs
        inbound.onPublish(packet)
        this.#owner.changed()
      },
      onAcknowledged: () => {
        this.acknowledged++
        this.#owner.changed()
      },
      onRejected: (reason) => this.#onRejected(reason),
      onSubscribed: (refused) => this.#onSubscribed(refused),
      onEnd: (why) => {
        this.#client = null
        inbound.detach()
        owner.ended(why)
      },
    }
  }

  #onAccepted(link: LinkConfig, { sessionPresent, maximumPacketSize }: ConnackPacket, owner: CarrierOwner): void {
    const { outgoing, incoming, lanes } = this.#ends
    if (!sessionPresent) {
      outgoing.receiverForgot()
      incoming.peerForgot()
    }
    this.refusal = null
    this.#carry(link, maximumPacketSize)
    owner.accepted()
    this.#deps.log.info({ uplink: this.#config.name, link: link.name, sessionPresent, queued: lanes.waiting().count }, 'uplink is up')
  }

  /** What the lanes may give to this link. */
  #carry(link: LinkConfig, bytesMax: number): void {
    const account = this.accountOf(link)
    const allows = (className: string, bytes: number): boolean => account.allows(className, bytes)
    this.#ends.lanes.carry({ classes: link.classes, allows, plan: (bytes) => account.plan(bytes), flush: link.connect.kind === 'when' }, bytesMax)
  }

  #onRejected(reason: number): void {
    this.rejected++
    this.refusal = `the remote refused a message with reason 0x${reason.toString(16)}`
    this.#deps.log.warn({ uplink: this.#config.name, reason }, 'the remote refused a message: it is given up')
  }

  #onSubscribed(refused: readonly string[]): void {
    if (refused.length === 0) return
    this.refusal = `the remote refused the subscription to ${refused.join(', ')}: check what this user may read there`
    this.#deps.log.warn({ uplink: this.#config.name, refused }, 'the remote refused a subscription')
    this.#owner.stateChanged()
  }
}
