// The broker's side of one client (section 4.1): its subscriptions, its queue, its handshakes in both directions. It outlives
// the connection when the client asked for that; then all of it is durable.
//
// What lives here: what happens with packets after CONNECT. What does not: bytes and sockets (net/connection), who is which
// client and for how long (sessions.ts), where messages go (router).
import type { Counters } from '../counters.ts'
import { LazyMap } from '../lazy.ts'
import type { Message, QoS } from '../message.ts'
import { encodeSuback, encodeUnsuback } from '../mqtt/control.ts'
import type { AckPacket, Packet, PublishPacket, SubscribePacket, Subscription, UnsubscribePacket, Will } from '../mqtt/packet.ts'
import { Reason, ProtocolError } from '../mqtt/reason.ts'
import { parseShare } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'
import type { Subscriber, Wish } from '../router/subscriber.ts'
import type { Append } from '../journal/append.ts'
import type { Journal } from '../journal/journal.ts'
import type { Queue } from '../journal/queue.ts'
import type { InflightRow, SubscriptionRow } from '../store/store.ts'
import { Incoming } from './incoming.ts'
import type { Link } from './link.ts'
import { Outgoing } from './outgoing.ts'

export interface SessionDeps {
  readonly router: Router
  readonly journal: Journal
  readonly counters: Counters
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

  /** Seconds it outlives its connection; 0xffffffff is for ever. */
  expirySec = 0
  /** Published when the connection ends without DISCONNECT. */
  will: Will | null = null
  /** Monotonic deadlines while the client is away. */
  endsAtMs = Infinity
  willAtMs = Infinity

  constructor(deps: SessionDeps, clientId: string, queue: Queue, restored: readonly InflightRow[] = [], received: Iterable<number> = []) {
    this.#deps = deps
    this.clientId = clientId
    this.queue = queue
    this.outgoing = new Outgoing(queue, deps.journal, restored)
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

  /** The client is here: whoever else comes with its identifier takes over from `link`. Nothing is delivered before `attach`. */
  claim(link: Link): void {
    this.#link = link
    this.endsAtMs = Infinity
    this.willAtMs = Infinity
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
    for (const { filter } of this.#subscriptions.values()) this.#unsubscribe(filter)
    this.queue.end()
  }

  /** Handles one packet of the client. CONNECT, PINGREQ, DISCONNECT and AUTH are the connection's. Throws ProtocolError. */
  handle(packet: Packet): void {
    switch (packet.type) {
      case 3:
        return this.#onPublish(packet)
      case 4:
        return this.outgoing.onPuback(packet.packetIdentifier)
      case 5:
        return this.outgoing.onPubrec(packet.packetIdentifier, packet.reason)
      case 6:
        return this.incoming.onPubrel((packet as AckPacket).packetIdentifier)
      case 7:
        return this.outgoing.onPubcomp(packet.packetIdentifier)
      case 8:
        return this.#onSubscribe(packet)
      case 10:
        return this.#onUnsubscribe(packet)
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
    const forbidden = message.topic.name.startsWith('$SYS/') // the broker's own
    if (message.qos === 0) {
      if (!forbidden) this.#deps.router.publish(message, null)
      return
    }
    const link = this.#link!
    const { incoming } = this
    const { receiveMaximum } = link.limits
    // [MQTT-3.3.4-7] a 5.0 client knows the limit; one of 3.x is not read from until flash has caught up
    if (link.version === 5 && incoming.unacknowledged >= receiveMaximum && !(message.qos === 2 && incoming.isRepeated(packetIdentifier))) {
      throw new ProtocolError(Reason.receiveMaximumExceeded, `more than ${receiveMaximum} messages unacknowledged`)
    }
    if (message.qos === 1) {
      const ack = incoming.expectPuback(packetIdentifier)
      if (forbidden) ack.durable()
      else if (!this.#deps.router.publish(message, ack)) ack.durable()
    } else {
      const ack = incoming.expectPubrec(packetIdentifier)
      if (ack === null) return
      if (forbidden || !this.#deps.router.publish(message, ack)) incoming.safeWithState(ack)
    }
    if (this.#deps.journal.congested || incoming.waitingForFlash >= receiveMaximum) this.#waitForFlash(link)
  }

  /** Stops reading until what was read is safe: a client without a limit of its own must not fill the memory. */
  #waitForFlash(link: Link): void {
    link.holdForFlash()
    if (this.incoming.waitingForFlash > 0) this.incoming.onDrained(() => link.releaseForFlash())
    else this.#deps.journal.onRelief(() => link.releaseForFlash())
  }

  #onSubscribe(packet: SubscribePacket): void {
    const link = this.#link!
    const isNew: boolean[] = []
    const reasons = packet.subscriptions.map((s) => {
      isNew.push(!this.#subscriptions.has(s.filter))
      return this.#subscribe(s, packet.subscriptionIdentifier)
    })
    const answer = (): void => {
      if (this.#link !== link) return
      link.send(encodeSuback(link.version, packet.packetIdentifier, reasons)) // [MQTT-3.8.4-1] [MQTT-3.8.4-2]
      for (const [i, s] of packet.subscriptions.entries()) {
        if (reasons[i]! >= 0x80 || s.filter.startsWith('$share/')) continue
        const row = this.#subscriptions.get(s.filter)
        if (row === undefined || s.retainHandling === 2 || (s.retainHandling === 1 && !isNew[i])) continue // [MQTT-3.3.1-10] [MQTT-3.3.1-11]
        this.#deps.router.deliverRetained(this, s.filter, wishOf(row))
      }
    }
    // A subscription that has been acknowledged survives a crash like the session it belongs to.
    if (this.queue.durable) this.#deps.journal.whenDurable(answer)
    else answer()
  }

  /** Returns the reason code of one subscription: the granted QoS or why not. */
  #subscribe(s: Subscription, identifier: number): number {
    if (this.#subscriptions.size >= this.#link!.limits.subscriptionsPerClientMax && !this.#subscriptions.has(s.filter)) return Reason.quotaExceeded
    const row: SubscriptionRow = {
      destination: this.queue.destination,
      filter: s.filter,
      qos: s.qos,
      noLocal: s.noLocal,
      retainAsPublished: s.retainAsPublished,
      retainHandling: s.retainHandling,
      identifier,
    }
    this.#subscriptions.set(s.filter, row)
    this.#index(row)
    if (this.queue.durable) this.#deps.journal.change({ kind: 'subscription', row }, true)
    return s.qos
  }

  #index(row: SubscriptionRow): void {
    const share = parseShare(row.filter)
    this.#deps.router.index.add(share?.filter ?? row.filter, share?.name ?? null, this, wishOf(row))
  }

  #onUnsubscribe(packet: UnsubscribePacket): void {
    const link = this.#link!
    const reasons = packet.filters.map((filter) => (this.#unsubscribe(filter) ? Reason.success : Reason.noSubscriptionExisted))
    const answer = (): void => {
      if (this.#link === link) link.send(encodeUnsuback(link.version, packet.packetIdentifier, reasons))
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

function wishOf(row: SubscriptionRow): Wish {
  return { qos: row.qos, noLocal: row.noLocal, retainAsPublished: row.retainAsPublished, identifier: row.identifier, upgrade: false }
}
