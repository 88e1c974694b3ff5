// Routing in one tenant's space: one message in, its copies out to sessions and uplinks, its durable copy to the journal.
//
//   publish ─► retained ─► route of the topic ─► journal (one append for all durable receivers) ─► each receiver
//
// A receiver is called directly. Nothing here waits: what must wait for flash waits in its queue.
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { Message, QoS } from '../message.ts'
import type { Topic, TopicTable } from '../mqtt/topic.ts'
import type { Append, Waiter } from '../journal/append.ts'
import type { Audiences } from '../journal/audience.ts'
import type { Journal } from '../journal/journal.ts'
import { RecordReader, recordSizeMax, writeRecord } from '../store/record.ts'
import type { RetainedRow } from '../store/store.ts'
import { elapsedBetween } from '../stored-time.ts'
import type { Turn } from '../turn.ts'
import { FilterIndex } from './filter-index.ts'
import { RetainedMessages } from './retained.ts'
import { memberOf, Route, Target } from './route.ts'
import type { Subscriber, Wish } from './subscriber.ts'

export interface RouterDeps {
  /** Whose router it is; '' is the gateway itself. */
  readonly tenant: string
  /** Its `wall()` is a stored time. */
  readonly clock: Clock
  readonly turn: Turn
  readonly topics: TopicTable
  readonly counters: Counters
  readonly journal: Journal
  readonly audiences: Audiences
  /** Puts times right that were not known when the message was made (mqtt/time-mark.ts), of what is retained; queues do it themselves. */
  readonly correct?: ((message: Message) => Message) | undefined
}

/** Clients by their identifiers; those with a queue on flash by its destination. */
export interface Receivers {
  readonly durable: ReadonlyMap<number, string>
  readonly passing: readonly string[]
}

export interface RouterLimits {
  readonly retainedMessagesMax: number
  readonly retainedBytesMax: number
}

/** More than a TopicTable has: routes in use are not thrown away for room. */
const ROUTED_MAX = 10_000

export class Router {
  readonly index = new FilterIndex()
  readonly retained: RetainedMessages // [MQTT3-3.1.2-7]
  readonly #deps: RouterDeps
  /** Topics with a route, and the generation of those: a stale one would keep sessions in memory that have ended. */
  #routed: Topic[] = []
  #routedIn = 0

  constructor(deps: RouterDeps, limits: RouterLimits) {
    this.#deps = deps
    this.retained = new RetainedMessages(limits.retainedMessagesMax, limits.retainedBytesMax)
  }

  /** Puts the retained messages of an earlier run in place. */
  restoreRetained(rows: readonly RetainedRow[]): void {
    const { clock, topics, counters } = this.#deps
    for (const row of rows) {
      const reader = new RecordReader(row.data, 0)
      if (!reader.next()) continue
      const kept = this.retained.set(reader.message(topics, clock.now(), elapsedBetween(row.storedAtMs, clock.wall())))
      if (!kept) counters.retainedRefused++ // the limit was lowered; it stays on flash, and comes back with a higher one
    }
  }

  /** Once a second: retained messages that have expired go, on flash too; stale routes let go of who they led to. */
  check(nowMs: number): void {
    for (const topic of this.retained.takeExpired(nowMs)) this.#deps.journal.endRetained(this.#deps.tenant, topic)
    if (this.#routedIn !== this.index.generation) this.#forgetRoutes(this.index.generation)
  }

  /**
   * Routes a message. `waiter` (QoS 1 and 2) hears when it is safe; false means that nothing durable has to wait for it: the
   * caller may acknowledge at once. `held`: it is written with the batch that is being gathered, whoever acknowledges it first.
   */
  publish(message: Message, waiter: Waiter | null, held = false): boolean {
    const { journal } = this.#deps
    const keeps = message.retain && this.#retain(message) // [MQTT-3.3.1-8]
    const selection = this.#route(message.topic).selectionFor(message)
    const audience = message.qos > 0 ? selection.durable : selection.upgrading
    let append: Append | null = null
    if (audience !== null) append = journal.append(message, audience, held || message.qos === 2 || audience.exactlyOnce || (keeps && waiter !== null), waiter)
    const targets = selection.targets
    for (let i = 0; i < targets.length; i++) this.#deliver(targets[i]!, message, append) // [MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT-4.6.0-6]
    if (append !== null) return true
    if (!keeps || waiter === null) return false
    journal.waitDurable(waiter)
    return true
  }

  /** Which clients a message would reach now, at QoS 1 or 2 through queues that last, and otherwise. */
  receiversOf(message: Message): Receivers {
    const durable = new Map<number, string>()
    const passing: string[] = []
    for (const target of this.#route(message.topic).targetsFor(message)) {
      const { subscriber } = target
      if (subscriber.clientId === null) continue
      if (target.durable && target.effectiveQos(message.qos) > 0) durable.set(subscriber.queue.destination, subscriber.clientId)
      else if (subscriber.online) passing.push(subscriber.clientId)
    }
    return { durable, passing }
  }

  /** Sends the retained messages a new subscription selects to its subscriber [MQTT-3.3.1-9]: a step for each one that is looked at. */
  *deliverRetained(subscriber: Subscriber, filter: string, wish: Wish): Generator<void, void> {
    // They arrive with RETAIN set whatever the subscription says: that is what marks them as retained [MQTT3-3.3.1-8].
    const target = new Target(subscriber, { ...wish, retainAsPublished: true })
    const { correct = asItIs } = this.#deps
    for (const message of this.retained.select(filter, this.#deps.turn.nowMs)) {
      if (message !== null && !(wish.noLocal && message.origin === subscriber.origin) && subscriber.mayReceive(message.topic, wish.identifier)) this.#deliverAlone(target, correct(message)) // [MQTT-3.8.3-3]
      yield
    }
  }

  /** Gives a message to another member of a shared subscription, now that the one that had it is gone; to nobody when it was the last. */
  deliverShared(message: Message, filter: string, share: string): void {
    const member = this.index.group(filter, share)?.choose(message.topic)
    if (member) this.#deliverAlone(new Target(...member), message)
  }

  /** To one receiver, by an audience of its own. */
  #deliverAlone(target: Target, message: Message): void {
    let append: Append | null = null
    if (target.durable && target.effectiveQos(message.qos) > 0) {
      const audience = this.#deps.audiences.intern([memberOf(target)], [target.subscriber.queue])
      append = this.#deps.journal.append(message, audience, message.qos === 2, null)
    }
    this.#deliver(target, message, append)
  }

  #deliver(target: Target, message: Message, append: Append | null): void {
    const qos: QoS = target.effectiveQos(message.qos) // [MQTT-3.8.4-8] [MQTT-4.8.2-3]
    const retain = message.retain && target.retainAsPublished // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    if (qos === 0) target.subscriber.deliverQos0(message, retain, target.identifiers)
    else if (!target.subscriber.deliver(message, target.durable ? append : null, qos, retain, target.identifiers)) this.#deps.counters.droppedQueueFull++
  }

  #route(topic: Topic): Route {
    const known = topic.route
    const { generation } = this.index
    if (known !== null && known.generation === generation) return known as Route
    if (this.#routedIn !== generation || this.#routed.length >= ROUTED_MAX) this.#forgetRoutes(generation)
    const route = new Route(generation, topic, this.index.match(topic.name), this.#deps.audiences)
    topic.route = route
    this.#routed.push(topic)
    return route
  }

  #forgetRoutes(generation: number): void {
    for (const topic of this.#routed) topic.route = null
    this.#routed = []
    this.#routedIn = generation
  }

  /** Keeps a retained message; true when it is to survive a restart. */
  #retain(message: Message): boolean {
    const name = message.topic.name
    const known = this.retained.has(name)
    const kept = this.retained.set(message)
    if (!kept) this.#deps.counters.retainedRefused++
    if (message.topic.isSys || (!kept && !known)) return false // $SYS is made anew
    const { tenant, journal, clock } = this.#deps
    if (kept && message.payloadLength > 0) journal.retain(retainedRow(tenant, message, clock))
    else journal.endRetained(tenant, name)
    return true
  }
}

function retainedRow(tenant: string, message: Message, clock: Clock): RetainedRow {
  const bytes = Buffer.allocUnsafeSlow(recordSizeMax(message))
  const end = writeRecord(bytes, 0, message, 0, clock.now())
  return { tenant, topic: message.topic.name, data: bytes.subarray(0, end), storedAtMs: clock.wall() }
}

function asItIs(message: Message): Message {
  return message
}
