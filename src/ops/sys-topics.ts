// The $SYS topics (a convention of brokers, not of the standard): what Mosquitto's users look for, under the same names, and the state of
// uplinks and sensors. Retained, in memory only.
//
// Like Mosquitto, a value that is the same as last time is not published again: who subscribes gets the retained one.
import type { Clock, Timer } from '../clock.ts'
import { makeMessage } from '../message.ts'
import { Topic } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'
import { LoadAverage, SPANS } from './load-average.ts'
import { type Broker, LOADS, sysValues, type SysSources, type TenantSource, tenantFigures } from './sys-values.ts'

/** The whole broker, its own space where all this is published, and the tenants. */
export interface SysTenants extends Broker {
  readonly own: { readonly router: Router }
  readonly others: readonly TenantSource[]
}

export interface SysDeps extends Omit<SysSources, 'broker'> {
  readonly tenants: SysTenants
  readonly clock: Clock
  readonly version: string
}

/** One topic, and what was last published to it. */
interface Entry {
  readonly topic: Topic
  value: string
}

export class SysTopics {
  readonly #deps: SysDeps
  readonly #sources: SysSources
  readonly #entries = new Map<string, Entry>()
  readonly #loads = Object.entries(LOADS).map(([name, totalOf]) => ({ name, totalOf, average: new LoadAverage() }))
  readonly #startedMs: number
  #averagedMs: number
  #timer: Timer | null = null

  constructor(deps: SysDeps) {
    const { tenants, clock } = deps
    this.#deps = deps
    this.#sources = { ...deps, broker: tenants }
    this.#startedMs = this.#averagedMs = clock.now()
  }

  /** Publishes every `intervalMs`, and calls `more` for what others have to add; with 0 it is the version only, and what others `set` when it happens. */
  start(intervalMs: number, more: () => void): void {
    this.set('broker/version', `sandpiper ${this.#deps.version}`)
    if (intervalMs <= 0) return
    this.#publish()
    this.#timer = this.#deps.clock.every(intervalMs, () => {
      this.#publish()
      more()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** One value, under `$SYS/`: published when it has changed. */
  set(name: string, value: string | number): void {
    const text = String(value)
    let entry = this.#entries.get(name)
    if (entry === undefined) this.#entries.set(name, (entry = { topic: Topic.of(`$SYS/${name}`), value: '' }))
    if (entry.value === text) return
    entry.value = text
    this.#deps.tenants.own.router.publish(makeMessage(entry.topic, text, { retain: true }), null)
  }

  #publish(): void {
    const nowMs = this.#deps.clock.now()
    this.set('broker/uptime', `${Math.floor((nowMs - this.#startedMs) / 1000)} seconds`)
    for (const [name, value] of sysValues(this.#sources)) this.set(name, value)
    for (const tenant of this.#deps.tenants.others) this.set(`broker/tenants/${tenant.name}`, JSON.stringify(tenantFigures(tenant)))
    const { counters } = this.#deps.tenants
    for (const { name, totalOf, average } of this.#loads) {
      average.update(totalOf(counters), nowMs - this.#averagedMs)
      SPANS.forEach(([span], i) => this.set(`broker/load/${name}/${span}`, average.perMinute[i]!.toFixed(2)))
    }
    this.#averagedMs = nowMs
  }
}
