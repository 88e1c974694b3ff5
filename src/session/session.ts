// The broker's side of one client (section 4.1): its subscriptions, its queue, its handshakes in both directions. It outlives
// the connection when the client asked for that; then all of it is durable.
//
// What lives here: what happens with packets after CONNECT. What does not: bytes and sockets (net/connection), who is which
// client and for how long (sessions.ts), where messages go (router).
import type { Counters } from '../counters.ts'
import { LazyMap } from '../lazy.ts'
import type { Message, QoS } from '../message.ts'
import { encodeSuback, encodeUnsuback, subackSize } from '../mqtt/control.ts'
import type { AckPacket, Packet, PublishPacket, RefusedPublishPacket, SubscribePacket, Subscription, UnsubscribePacket, Will } from '../mqtt/packet.ts'
import { LimitExceeded, Reason, ProtocolError, type RefusalCounter } from '../mqtt/reason.ts'
import { parseShare, topicLimitProblem } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'
import type { Subscriber, Wish } from '../router/subscriber.ts'
import type { Topic } from '../mqtt/topic.ts'
import type { Append } from '../journal/append.ts'
import type { Journal } from '../journal/journal.ts'
import type { Queue } from '../journal/queue.ts'
import type { InflightRow, SubscriptionRow } from '../store/store.ts'
import { handOver } from './hand-over.ts'
import { Incoming, type Acknowledgement } from './incoming.ts'
import type { Link } from './link.ts'
import { Outgoing } from './outgoing.ts'
import type { Rights } from './rights.ts'
import type { RetainedFeed } from './retained-feed.ts'

export interface SessionDeps {
  readonly router: Router
  readonly journal: Journal
  readonly counters: Counters
  readonly retainedFeed: RetainedFeed
}

/** Longer queues of clients without a durable one hold their publishers back. */
const QUEUE_PRESSURE = 500

export class Session implements Subscriber {
  readonly clientId: string
  readonly queue: Queue
  readonly outgoing: Outgoing
  readonly incoming: Incoming
  readonly #deps: SessionDeps
  readonly #subscriptions = new LazyMap<string, SubscriptionRow>()
  #link: Link | null = null

  /** The user whose session it is: nobody else gets it. null when it was made by nobody in particular. */
  owner: string | null = null
  /** What its client may do; null for everything. Of a session from flash it is known when its client comes. */
  #rights: Rights | null = null
  /** The last topic that it may publish at every QoS, retained or not: most clients publish one, and then nothing more has to be asked. */
  #freeTopic: Topic | null = null
  /** Seconds it outlives its connection; 0xffffffff is for ever. */
  expirySec = 0
  /** Published when the connection ends without DISCONNECT. */
  will: Will | null = null
  /** Monotonic deadlines while the client is away. */
  endsAtMs = Infinity
  willAtMs = Infinity

  constructor(deps: SessionDeps, clientId: string, queue: Queue, restored: readonly InflightRow[] = [], received: Iterable<number> = [], isFromBackup = false) {
    this.#deps = deps
    this.clientId = clientId
    this.queue = queue
    this.outgoing = new Outgoing(queue, deps.journal, restored, isFromBackup)
    this.incoming = new Incoming(queue.destination, deps.journal, received)
  }

  get online(): boolean {
    return this.#link !== null
  }

  get link(): Link | null {
    return this.#link
  }

  get subscriptionCount(): number {
    return this.#subscriptions.size
  }

  /** What it is subscribed to. */
  get subscriptions(): Iterable<SubscriptionRow> {
    return this.#subscriptions.values()
  }

  get origin(): object {
    return this
  }

  get wants(): null {
    return null
  }

  mayReceive(topic: Topic): boolean {
    return this.#rights === null || this.#rights.mayReceive(topic)
  }

  mayPublish({ topic, qos, retain }: Message): boolean {
    return this.#rights === null || this.#rights.mayPublish(topic, qos, retain)
  }

  /** Filters it is subscribed to and would not be with `rights`. */
  beyond(rights: Rights | null): string[] {
    if (rights === null) return []
    return [...this.#subscriptions.values()].filter((row) => grantedQos(rights, row.filter, row.qos) !== row.qos).map((row) => row.filter)
  }

  /** From now on it may do this; what it is subscribed to beyond that ends. */
  entitle(rights: Rights | null): void {
    if (rights === this.#rights) return
    this.#rights = rights
    this.#freeTopic = null
    for (const filter of this.beyond(rights)) this.#unsubscribe(filter)
    if (this.#subscriptions.size > 0) this.#deps.router.index.invalidate()
  }

  /** The client is here: whoever else comes with its identifier takes over from `link`. Nothing is delivered before `attach`. */
  claim(link: Link): void {
    this.#link = link
    this.endsAtMs = Infinity // [MQTT3-4.1.0-2]
    this.willAtMs = Infinity // [MQTT-3.1.3-9]
  }

  /** CONNACK is on its way: deliveries may follow. */
  attach(link: Link, clientReceiveMaximum: number): void {
    // A 3.x client cannot be told that a message was not kept; it sends it again after a reconnect, in order.
    this.incoming.attach(link, link.version === 5, () => link.end(Reason.quotaExceeded, 'the store is full: messages could not be kept'))
    this.outgoing.attach(link, Math.min(clientReceiveMaximum, link.limits.receiveMaximum))
  }

  detach(): void {
    this.#link = null
    this.incoming.detach()
    this.outgoing.detach()
  }

  /** Takes everything out of the router; the queue ends with it. */
  end(): void {
    this.detach()
    const filters = [...this.#subscriptions.keys()]
    for (const filter of filters) this.#unsubscribe(filter)
    if (!this.queue.durable) handOver(filters, this.queue, this.#deps.router)
    this.queue.end()
  }

  /** Handles one packet of the client. CONNECT, PINGREQ, DISCONNECT and AUTH are the connection's. Throws ProtocolError. */
  handle(packet: Packet): void {
    switch (packet.type) {
      case 0:
        return this.#onRefusedPublish(packet)
      case 3:
        return this.#onPublish(packet)
      case 4:
        return this.outgoing.onPuback(packet.packetIdentifier)
      case 5:
        return this.outgoing.onPubrec(packet.packetIdentifier, packet.reason)
      case 6:
        this.incoming.onPubrel((packet as AckPacket).packetIdentifier)
        return this.#mindFlash()
      case 7:
        return this.outgoing.onPubcomp(packet.packetIdentifier)
      case 8:
        this.#onSubscribe(packet)
        return this.#mindFlash()
      case 10:
        this.#onUnsubscribe(packet)
        return this.#mindFlash()
      default:
        throw new ProtocolError(Reason.protocolError, `packet type ${packet.type} is not for a server`)
    }
  }

  deliverQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): void {
    this.#link?.sendQos0(message, retain, subscriptionIdentifiers)
  }

  deliver(message: Message, append: Append | null, qos: QoS, retain: boolean, subscriptionIdentifiers: readonly number[]): boolean {
    const queue = this.queue
    if (!queue.push(message, append, qos, retain, subscriptionIdentifiers)) return false
    if (!queue.durable && queue.size.count > QUEUE_PRESSURE + this.outgoing.inFlight) this.#link?.press()
    return true
  }

  /** Its queue in memory is still too long for those who publish to it to go on; the halfway mark keeps them from stopping at every message. */
  get pressing(): boolean {
    return !this.queue.durable && this.queue.size.count > QUEUE_PRESSURE / 2 + this.outgoing.inFlight
  }

  /** Puts a subscription of an earlier run in place. */
  restoreSubscription(row: SubscriptionRow): void {
    this.#subscriptions.set(row.filter, row)
    this.#index(row)
  }

  #onPublish(packet: PublishPacket): void {
    const { message, packetIdentifier } = packet
    this.#deps.counters.publishReceived++
    this.#deps.counters.payloadReceived += message.payloadLength
    if (message.qos === 0) {
      this.#take(message, null, false)
      return
    }
    const link = this.#link!
    const { incoming } = this
    this.#checkQuota(link, message.qos, packetIdentifier)
    if (message.qos === 1) {
      const ack = incoming.expectPuback(packetIdentifier) // [MQTT-3.3.4-1] [MQTT-4.3.2-5]
      if (!this.#take(message, ack, link.version === 5)) ack.durable()
    } else {
      const ack = incoming.expectPubrec(packetIdentifier)
      if (ack === null) return
      if (!this.#take(message, ack, link.version === 5)) incoming.safeWithState(ack)
    }
    const { receiveMaximum } = link.limits
    if (this.#deps.journal.congested || incoming.waitingForFlash >= receiveMaximum) this.#waitForFlash(link)
  }

  /** Publishes a message, or refuses it when its sender can be told. False when nothing durable has to wait for it. */
  #take(message: Message, ack: Acknowledgement | null, canBeTold: boolean): boolean {
    const { counters, router } = this.#deps
    const refusal = message.topic === this.#freeTopic ? null : this.#refusalOf(message)
    if (refusal !== null) {
      counters[refusal]++
      if (!canBeTold) return false // [MQTT3-3.3.5-2]
      ack!.refuse(Reason.notAuthorized)
      return true
    }
    if (message.retain && canBeTold && !router.retained.hasRoomFor(message)) {
      counters.retainedRefused++
      ack!.refuse(Reason.quotaExceeded)
      return true
    }
    return router.publish(message, ack)
  }

  /** Why the client may not publish this; null when it may. */
  #refusalOf(message: Message): RefusalCounter | null {
    const { topic } = message
    const rights = this.#rights
    if (topic.isSys) return 'refusedSysTopics'
    if (rights !== null && !rights.mayPublishFreely(topic)) return this.mayPublish(message) ? null : 'refusedPublishRights'
    this.#freeTopic = topic
    return null
  }

  /** Its topic is beyond a limit, and the client hears that in the acknowledgement [MQTT-4.6.0-2] [MQTT-4.6.0-3]. */
  #onRefusedPublish({ qos, packetIdentifier, why }: RefusedPublishPacket): void {
    this.#deps.counters.publishReceived++
    this.#deps.counters[why.counter]++
    this.#checkQuota(this.#link!, qos, packetIdentifier)
    const ack = qos === 1 ? this.incoming.expectPuback(packetIdentifier) : this.incoming.expectPubrec(packetIdentifier)
    ack?.refuse(why.reason)
  }

  /** [MQTT-3.3.4-7] A 5.0 client knows the limit; one of 3.x is not read from until flash has caught up. */
  #checkQuota(link: Link, qos: QoS, packetIdentifier: number): void {
    const { incoming } = this
    const { receiveMaximum } = link.limits
    if (link.version !== 5 || incoming.unacknowledged < receiveMaximum || (qos === 2 && incoming.isRepeated(packetIdentifier))) return
    throw new LimitExceeded('refusedReceiveMaximum', Reason.receiveMaximumExceeded, `more than ${receiveMaximum} messages unacknowledged`)
  }

  /** Answers that wait for flash take memory too. */
  #mindFlash(): void {
    const link = this.#link
    if (link !== null && this.queue.durable && this.#deps.journal.congested) this.#waitForFlash(link)
  }

  /** Stops reading until what was read is safe: a client without a limit of its own must not fill the memory. */
  #waitForFlash(link: Link): void {
    link.holdForFlash()
    if (this.incoming.waitingForFlash > 0) this.incoming.onDrained(() => link.releaseForFlash())
    else this.#deps.journal.onRelief(() => link.releaseForFlash())
  }

  #onSubscribe(packet: SubscribePacket): void {
    const link = this.#link!
    checkAnswerSize(link, packet.subscriptions.length)
    const isNew: boolean[] = []
    const reasons = packet.subscriptions.map((s, i) => { // [MQTT-3.8.4-5]
      isNew.push(!this.#subscriptions.has(s.filter))
      return this.#subscribe(s, packet.subscriptionIdentifier, i)
    })
    const answer = (): void => {
      if (this.#link !== link) return
      link.send(encodeSuback(link.version, packet.packetIdentifier, reasons)) // [MQTT-3.8.4-1] [MQTT-3.8.4-2]
      const wanted = packet.subscriptions.filter((s, i) => {
        if (reasons[i]! >= 0x80 || s.filter.startsWith('$share/')) return false
        return s.retainHandling === 0 || (s.retainHandling === 1 && isNew[i]!) // [MQTT-3.3.1-10] [MQTT-3.3.1-11]
      })
      const looks = this.#deliverRetained(wanted.map((s) => s.filter)) // [MQTT-3.8.4-4]
      this.#deps.retainedFeed.add({ looks, hold: () => link.holdForRetained(), release: () => link.releaseForRetained() })
    }
    // A subscription that has been acknowledged survives a crash like the session it belongs to.
    if (this.queue.durable) this.#deps.journal.whenDurable(answer)
    else answer()
  }

  /** Sends what the filters select, a step for each retained message that is looked at. */
  *#deliverRetained(filters: readonly string[]): Generator<void, void> {
    for (const filter of filters) {
      const row = this.#subscriptions.get(filter)
      if (row === undefined) continue
      for (const _ of this.#deps.router.deliverRetained(this, filter, wishOf(row))) {
        yield
        if (this.#subscriptions.get(filter) !== row) break // gone meanwhile
      }
    }
  }

  /** Returns the reason code of one subscription: the granted QoS or why not. */
  #subscribe(s: Subscription, identifier: number, position: number): number {
    const { counters } = this.#deps
    const { limits } = this.#link!
    if (topicLimitProblem(s.filter, Buffer.byteLength(s.filter), limits) !== null) {
      counters.refusedTopics++
      return Reason.topicFilterInvalid
    }
    // One packet may not name more of them either, be it the same again and again: each costs as much as a new one.
    const hasRoom = this.#subscriptions.size < limits.subscriptionsPerClientMax || this.#subscriptions.has(s.filter)
    if (!hasRoom || position >= limits.subscriptionsPerClientMax) {
      counters.refusedSubscriptions++
      return Reason.quotaExceeded
    }
    const qos = grantedQos(this.#rights, s.filter, s.qos)
    if (qos === null) {
      counters.refusedSubscribeRights++
      return Reason.notAuthorized
    }
    const row: SubscriptionRow = {
      destination: this.queue.destination,
      filter: s.filter,
      qos,
      noLocal: s.noLocal,
      retainAsPublished: s.retainAsPublished,
      retainHandling: s.retainHandling,
      identifier,
    }
    this.#subscriptions.set(s.filter, row)
    this.#index(row)
    if (this.queue.durable) this.#deps.journal.change({ kind: 'subscription', row }, true)
    return qos
  }

  #index(row: SubscriptionRow): void {
    const share = parseShare(row.filter)
    this.#deps.router.index.add(share?.filter ?? row.filter, share?.name ?? null, this, wishOf(row))
  }

  #onUnsubscribe(packet: UnsubscribePacket): void {
    const link = this.#link!
    checkAnswerSize(link, packet.filters.length)
    const reasons = packet.filters.map((filter) => (this.#unsubscribe(filter) ? Reason.success : Reason.noSubscriptionExisted)) // [MQTT-3.10.4-6]
    const answer = (): void => {
      if (this.#link === link) link.send(encodeUnsuback(link.version, packet.packetIdentifier, reasons)) // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
    }
    if (this.queue.durable) this.#deps.journal.whenDurable(answer)
    else answer()
  }

  #unsubscribe(filter: string): boolean {
    if (!this.#subscriptions.delete(filter)) return false
    const share = parseShare(filter)
    this.#deps.router.index.remove(share?.filter ?? filter, share?.name ?? null, this)
    if (this.queue.durable) this.#deps.journal.change({ kind: 'subscription-end', destination: this.queue.destination, filter }, true)
    return true
  }
}

/** Throws when the SUBACK or UNSUBACK would be longer than the client takes, before anything is changed: none of it can be left out [MQTT-3.1.2-24]. */
function checkAnswerSize({ version, maximumPacketSize }: Link, filters: number): void {
  const size = subackSize(version, filters)
  if (size <= maximumPacketSize) return
  throw new LimitExceeded('refusedAnswerSize', Reason.packetTooLarge, `the answer has ${size} bytes; the client takes ${maximumPacketSize}`)
}

/** The QoS up to `qos` that `rights` allow for a topic filter, also one of a shared subscription; null for none. */
function grantedQos(rights: Rights | null, filter: string, qos: QoS): QoS | null {
  return rights === null ? qos : rights.grantedQos(parseShare(filter)?.filter ?? filter, qos)
}

function wishOf(row: SubscriptionRow): Wish {
  return { qos: row.qos, noLocal: row.noLocal, retainAsPublished: row.retainAsPublished, identifier: row.identifier, upgrade: false }
}
