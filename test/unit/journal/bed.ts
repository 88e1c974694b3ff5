// Journal, queues and their store on a clock that stands still.
import { Counters } from '../../../src/counters.ts'
import type { Append, Waiter } from '../../../src/journal/append.ts'
import { type Audience, Audiences } from '../../../src/journal/audience.ts'
import type { Delivery } from '../../../src/journal/delivery.ts'
import { Journal } from '../../../src/journal/journal.ts'
import { Queue } from '../../../src/journal/queue.ts'
import { makeMessage, type QoS } from '../../../src/message.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import type { DestinationLimits } from '../../../src/store/store.ts'
import { Turn } from '../../../src/turn.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { HandStore, turns } from '../../support/hand-store.ts'

export const WINDOW_MS = 20
const NO_LIMITS: DestinationLimits = { bytesMax: 1e9, countMax: 1e9, ageMsMax: Infinity, whenFull: 'drop-oldest' }

/** Hears of one message. */
export class Ear implements Waiter {
  heard: string[] = []
  durable(): void {
    this.heard.push('durable')
  }
  refused(why: string): void {
    this.heard.push(why)
  }
}

/** Takes everything a queue gives, at most `windowMax` unsettled. */
export class Taker {
  readonly queue: Queue
  readonly taken: Delivery[] = []
  windowMax: number

  constructor(queue: Queue, windowMax = Infinity) {
    this.queue = queue
    this.windowMax = windowMax
    queue.onReady(() => this.pump())
  }

  pump(): void {
    while (this.open < this.windowMax) {
      const delivery = this.queue.take()
      if (delivery === null) return
      this.taken.push(delivery)
    }
  }

  get open(): number {
    return this.taken.filter((d) => !d.settled).length
  }

  settle(index: number): void {
    this.queue.settle(this.taken[index]!)
    this.pump()
  }

  settleAll(): void {
    for (let i = 0; i < this.taken.length; i++) if (!this.taken[i]!.settled) this.queue.settle(this.taken[i]!)
    this.pump()
  }
}

export class Bed {
  readonly clock = new FakeClock()
  readonly turn = new Turn(this.clock)
  readonly counters = new Counters()
  readonly topics = new TopicTable()
  readonly audiences = new Audiences()
  readonly store = new HandStore(this.clock)
  readonly failures: Error[] = []
  readonly journal: Journal
  #nextDestination = 1

  constructor({ dailyBytesMax = Infinity }: { readonly dailyBytesMax?: number } = {}) {
    this.journal = new Journal(this.store, this.clock, this.turn, this.counters, {
      commitWindowMs: WINDOW_MS,
      dailyBytesMax,
      lastSequence: 0,
      onFailure: (error) => this.failures.push(error),
    })
  }

  /** A durable queue, in the store too. */
  async queue(limits: Partial<DestinationLimits> = {}): Promise<Queue> {
    const id = this.#nextDestination++
    this.journal.change({ kind: 'destination', row: { id, kind: 'session', tenant: '', name: `client-${id}`, limits: { ...NO_LIMITS, ...limits } } }, true)
    await this.store.completeAll()
    return new Queue(this, this.journal, id)
  }

  /** The same, online and up to date. */
  async live(limits: Partial<DestinationLimits> = {}): Promise<Taker> {
    const taker = new Taker(await this.queue(limits))
    taker.queue.resume(1000)
    await this.store.completeAll()
    return taker
  }

  audience(queues: readonly Queue[], qos: QoS = 2): Audience {
    const members = queues.map((q) => ({ destination: q.destination, qos, upgrade: false, retainAsPublished: false, subscriptionIdentifiers: [] }))
    return this.audiences.intern(members, queues)
  }

  /** What the router does with one message. */
  publish(queues: readonly Queue[], payload: string | number, qos: QoS = 1, more: { held?: boolean; waiter?: Waiter; expiresAtMs?: number } = {}): Append {
    const message = makeMessage('t', String(payload), { qos, ...(more.expiresAtMs === undefined ? {} : { expiresAtMs: more.expiresAtMs }) })
    const append = this.journal.append(message, this.audience(queues), more.held ?? qos === 2, more.waiter ?? null)
    for (const queue of queues) queue.push(message, append, qos, false, [])
    return append
  }

  /** Ends the turn, then moves time on. */
  async pass(ms: number): Promise<void> {
    await turns()
    await this.clock.advanceAsync(ms)
    await turns()
  }
}

export function payloads(deliveries: readonly Delivery[]): string[] {
  return deliveries.map((d) => d.message.payload.toString())
}
