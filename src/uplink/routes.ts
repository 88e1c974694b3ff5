// An uplink's routes at work: local topics to remote ones and back, remembered per topic.
import type { RouteConfig } from '../config/config.ts'
import { compileRemap, type Remap, tenantTag } from '../config/routes.ts'
import { Message, type QoS } from '../message.ts'
import { Topic } from '../mqtt/topic.ts'

/** So many topics are remembered; then it starts over. */
const REMEMBERED_MAX = 10_000

interface Compiled {
  readonly tag: number
  readonly route: RouteConfig
  readonly remap: Remap
}

export interface Routed {
  readonly message: Message
  readonly route: RouteConfig
}

/** Where a topic goes on the other side, and by which route. */
interface Found {
  readonly topic: Topic
  readonly route: RouteConfig
}

/** The routes of one direction. The first that matches a topic decides. */
export class Routes {
  readonly configs: readonly RouteConfig[]
  readonly #compiled: readonly Compiled[]
  /** By tag and topic. */
  readonly #known = new Map<string, Found | null>()

  constructor(routes: readonly RouteConfig[], direction: 'out' | 'in') {
    this.configs = routes.filter((route) => route.direction === direction)
    this.#compiled = this.configs.map((route) => ({ tag: tenantTag(route.tenant), route, remap: compileRemap(route.from, route.to) }))
  }

  /**
   * The message under its topic on the other side; null when no route takes it. `tag` is the tenant's that it comes from, null when it comes
   * from the remote; `origin` is who it comes from there.
   */
  apply(message: Message, tag: number | null, origin: object | null): Routed | null {
    const found = this.#find(message.topic.name, tag)
    if (found === null) return null
    const qos = Math.min(message.qos, found.route.qos) as QoS
    const retain = message.retain && found.route.retain
    const { bytes, payloadStart, payloadEnd, properties, expiresAtMs } = message
    return { message: new Message(found.topic, qos, retain, bytes, payloadStart, payloadEnd, properties, expiresAtMs, origin), route: found.route }
  }

  /** The route of a topic: the first that takes it; null when none does. */
  routeOf(name: string, tag: number | null): RouteConfig | null {
    return this.#find(name, tag)?.route ?? null
  }

  #find(name: string, tag: number | null): Found | null {
    const key = tag === null || tag === 0 ? name : `${tag}\0${name}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    let found: Found | null = null
    for (const { tag: own, route, remap } of this.#compiled) {
      const to = tag === null || tag === own ? remap(name) : null
      if (to === null) continue
      found = { topic: Topic.of(to), route }
      break
    }
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    this.#known.set(key, found)
    return found
  }
}
