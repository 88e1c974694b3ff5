// Where messages of one topic go: decided once per topic and generation of the index, not per message.
import type { Message, QoS } from '../message.ts'
import type { CachedRoute, Topic } from '../mqtt/topic.ts'
import type { Audience, Audiences } from '../journal/audience.ts'
import type { Member } from '../store/store.ts'
import type { Matches } from './filter-index.ts'
import type { Subscriber, Wish } from './subscriber.ts'

/** One receiver of a topic; overlapping subscriptions are one target with the highest QoS [MQTT-3.3.4-2] and all identifiers [MQTT-3.3.4-4]. */
export class Target {
  readonly subscriber: Subscriber
  readonly durable: boolean
  qos: QoS
  retainAsPublished: boolean
  upgrade: boolean
  identifiers: readonly number[]

  constructor(subscriber: Subscriber, wish: Wish) {
    this.subscriber = subscriber
    this.durable = subscriber.queue.durable
    this.qos = wish.qos
    this.retainAsPublished = wish.retainAsPublished
    this.upgrade = wish.upgrade
    this.identifiers = wish.identifier === 0 ? [] : [wish.identifier]
  }

  join(wish: Wish): void {
    if (wish.qos > this.qos) this.qos = wish.qos
    this.retainAsPublished ||= wish.retainAsPublished
    this.upgrade ||= wish.upgrade
    if (wish.identifier !== 0 && !this.identifiers.includes(wish.identifier)) {
      this.identifiers = [...this.identifiers, wish.identifier].sort((a, b) => a - b)
    }
  }

  /** The QoS a message published at `qos` arrives with. */
  effectiveQos(qos: QoS): QoS {
    return this.upgrade || qos > this.qos ? this.qos : qos
  }
}

/** The receivers of one message, and the audiences its copies for flash belong to. */
export interface Selection {
  readonly targets: readonly Target[]
  /** Durable receivers of a QoS 1 or 2 message; null when there are none. */
  readonly durable: Audience | null
  /** Durable receivers of a QoS 0 message: the ones that upgrade. */
  readonly upgrading: Audience | null
}

export class Route implements CachedRoute {
  readonly generation: number
  readonly #topic: Topic
  readonly #matches: Matches
  readonly #audiences: Audiences
  /** The same receivers for every message; null when No Local, a shared subscription or a receiver that chooses makes it depend on the message. */
  readonly #fixed: Selection | null

  constructor(generation: number, topic: Topic, { wishes, shares }: Matches, audiences: Audiences) {
    this.generation = generation
    this.#topic = topic
    this.#matches = { wishes: wishes.filter(([subscriber, wish]) => subscriber.mayReceive(topic, wish.identifier)), shares }
    this.#audiences = audiences
    const varies = shares.length > 0 || wishes.some(([subscriber, wish]) => wish.noLocal || subscriber.wants !== null)
    this.#fixed = varies ? null : selection(targetsOf(this.#matches.wishes), audiences)
  }

  selectionFor(message: Message): Selection {
    if (this.#fixed !== null) return this.#fixed
    const targets = this.targetsFor(message).filter(({ subscriber, identifiers }) => subscriber.wants === null || subscriber.wants(message, identifiers))
    return selection(targets, this.#audiences)
  }

  /** Those the message is for, before any of them has chosen. */
  targetsFor(message: Message): readonly Target[] {
    if (this.#fixed !== null) return this.#fixed.targets
    // [MQTT-3.8.3-3] No Local: never back to who published it
    const entries = this.#matches.wishes.filter(([subscriber, wish]) => !(wish.noLocal && subscriber.origin === message.origin))
    for (const group of this.#matches.shares) {
      const member = group.choose(this.#topic)
      if (member !== null) entries.push(member)
    }
    return targetsOf(entries)
  }
}

function targetsOf(entries: readonly (readonly [Subscriber, Wish])[]): Target[] {
  const bySubscriber = new Map<Subscriber, Target>()
  for (const [subscriber, wish] of entries) {
    const target = bySubscriber.get(subscriber)
    if (target === undefined) bySubscriber.set(subscriber, new Target(subscriber, wish))
    else target.join(wish)
  }
  return [...bySubscriber.values()]
}

function selection(targets: readonly Target[], audiences: Audiences): Selection {
  return {
    targets,
    durable: audienceOf(targets.filter((t) => t.durable && t.qos > 0), audiences),
    upgrading: audienceOf(targets.filter((t) => t.durable && t.qos > 0 && t.upgrade), audiences),
  }
}

function audienceOf(targets: readonly Target[], audiences: Audiences): Audience | null {
  if (targets.length === 0) return null
  const ordered = [...targets].sort((a, b) => a.subscriber.queue.destination - b.subscriber.queue.destination)
  return audiences.intern(ordered.map(memberOf), ordered.map((t) => t.subscriber.queue))
}

export function memberOf(target: Target): Member {
  return {
    destination: target.subscriber.queue.destination,
    qos: target.qos,
    upgrade: target.upgrade,
    retainAsPublished: target.retainAsPublished,
    subscriptionIdentifiers: target.identifiers,
  }
}
