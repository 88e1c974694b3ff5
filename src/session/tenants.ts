// The spaces that clients live in: the gateway's own, whose name is '', and one for each tenant of the configuration.
//
// What is always true
//   1. A space has its own router, sessions, retained messages and topics: nothing in one can name anything in another.
//   2. What is kept of a tenant that is not configured any more stays on flash: its name may have been mistyped.
// The journal and the store are shared: there a space is a column.
import { Counters } from '../counters.ts'
import { TopicTables } from '../mqtt/topic.ts'
import { SlidingWindow } from '../rate.ts'
import { Router, type RouterDeps, type RouterLimits } from '../router/router.ts'
import type { Queue } from '../journal/queue.ts'
import type { QueueSize, Snapshot } from '../store/store.ts'
import { type Fullest, Sessions, type SessionLimits, type SessionsDeps } from './sessions.ts'

export const OWN = ''

export interface TenantLimits extends SessionLimits, RouterLimits {
  /** All its clients together; Infinity for no limit. */
  readonly publishesPerSecondMax: number
}

export interface TenantsDeps extends Omit<RouterDeps, 'tenant'>, Omit<SessionsDeps, 'tenant' | 'router' | 'noteOnline'> {}

const PUBLISH_WINDOW_MS = 1000

export class Tenant {
  readonly name: string
  readonly counters: Counters
  readonly router: Router
  readonly sessions: Sessions
  /** Of what its clients publish. */
  readonly topics = new TopicTables()
  #publishesPerSecondMax = Infinity
  /** How often its clients have published; null where that has no limit. */
  publishRate: SlidingWindow | null = null

  constructor(name: string, counters: Counters, deps: TenantsDeps, limits: TenantLimits, noteOnline: () => void) {
    this.name = name
    this.counters = counters
    this.router = new Router({ ...deps, counters, tenant: name }, limits)
    this.sessions = new Sessions({ ...deps, counters, tenant: name, router: this.router, noteOnline }, limits)
    this.limit(limits)
  }

  /** Other limits from now on; what is there stays. */
  limit(limits: TenantLimits): void {
    this.sessions.limit(limits)
    this.router.retained.limit(limits.retainedMessagesMax, limits.retainedBytesMax)
    const { publishesPerSecondMax } = limits
    if (publishesPerSecondMax === this.#publishesPerSecondMax) return
    this.#publishesPerSecondMax = publishesPerSecondMax
    this.publishRate = publishesPerSecondMax === Infinity ? null : new SlidingWindow(publishesPerSecondMax, PUBLISH_WINDOW_MS)
  }
}

export class Tenants {
  readonly #deps: TenantsDeps
  readonly #byName = new Map<string, Tenant>()
  /** The gateway's own space. */
  readonly own: Tenant
  #onlineMost = 0

  constructor(deps: TenantsDeps, own: TenantLimits, others: ReadonlyMap<string, TenantLimits>) {
    this.#deps = deps
    this.own = this.#add(OWN, deps.counters, own)
    for (const [name, limits] of others) this.#add(name, new Counters(), limits)
  }

  /** undefined for one that is not configured. */
  of(name: string): Tenant | undefined {
    return this.#byName.get(name)
  }

  /** All of them, the gateway's own first. */
  [Symbol.iterator](): Iterator<Tenant> {
    return this.#byName.values()
  }

  /** The tenants without the gateway's own. */
  get others(): Tenant[] {
    return [...this.#byName.values()].filter((tenant) => tenant !== this.own)
  }

  /** Makes those that are new, and gives the others their limits. One that is not named any more stays until the restart; nobody is let in there. */
  configure(others: ReadonlyMap<string, TenantLimits>): void {
    for (const [name, limits] of others) {
      const known = this.#byName.get(name)
      if (known === undefined) this.#add(name, new Counters(), limits)
      else known.limit(limits)
    }
  }

  /** Puts the sessions of an earlier run in place; retained messages come when the audiences are known. */
  restoreSessions(snapshot: Snapshot): void {
    for (const tenant of this) tenant.sessions.restore(snapshot)
  }

  restoreRetained(snapshot: Snapshot): void {
    const rowsOf = Map.groupBy(snapshot.retained, (row) => row.tenant)
    for (const tenant of this) tenant.router.restoreRetained(rowsOf.get(tenant.name) ?? [])
  }

  /** Names of tenants on flash that are not configured. */
  unknownIn(snapshot: Snapshot): string[] {
    const names = new Set([...snapshot.destinations, ...snapshot.retained].map((row) => row.tenant))
    return [...names].filter((name) => !this.#byName.has(name))
  }

  *queues(): Iterable<readonly [number, Queue]> {
    for (const tenant of this) yield* tenant.sessions.queues()
  }

  /** Once a second. */
  check(nowMs: number): void {
    for (const { sessions, router } of this) {
      sessions.check(nowMs)
      router.check(nowMs)
    }
  }

  // ---- all of them together, for $SYS

  get counters(): Counters {
    return this.#byName.size === 1 ? this.own.counters : Counters.sum([...this].map((tenant) => tenant.counters))
  }

  get count(): number {
    return this.#sum(({ sessions }) => sessions.count)
  }

  get onlineCount(): number {
    return this.#sum(({ sessions }) => sessions.onlineCount)
  }

  /** The most that were online at once. */
  get onlineMost(): number {
    return this.#onlineMost
  }

  get subscriptionCount(): number {
    return this.#sum(({ sessions }) => sessions.subscriptionCount)
  }

  get sharedSubscriptionCount(): number {
    return this.#sum(({ router }) => router.index.sharedCount)
  }

  get inFlight(): number {
    return this.#sum(({ sessions }) => sessions.inFlight)
  }

  get queued(): QueueSize {
    return this.#size(({ sessions }) => sessions.queued)
  }

  get fullest(): Fullest {
    return [...this].map(({ sessions }) => sessions.fullest).reduce((a, b) => (b.share > a.share ? b : a))
  }

  get retained(): QueueSize {
    return this.#size(({ router }) => router.retained)
  }

  #add(name: string, counters: Counters, limits: TenantLimits): Tenant {
    const tenant = new Tenant(name, counters, this.#deps, limits, () => {
      this.#onlineMost = Math.max(this.#onlineMost, this.onlineCount)
    })
    this.#byName.set(name, tenant)
    return tenant
  }

  #sum(of: (tenant: Tenant) => number): number {
    let n = 0
    for (const tenant of this) n += of(tenant)
    return n
  }

  #size(of: (tenant: Tenant) => QueueSize): QueueSize {
    let count = 0
    let bytes = 0
    for (const tenant of this) {
      const size = of(tenant)
      count += size.count
      bytes += size.bytes
    }
    return { count, bytes }
  }
}
