// An uplink's routes at work: local topics to remote ones and back, remembered per topic.
import type { RouteConfig } from '../config/config.ts'
import { compileRemap, type Remap } from '../config/routes.ts'
import { Message, type QoS } from '../message.ts'
import { Topic } from '../mqtt/topic.ts'

/** So many topics are remembered; then it starts over. */
const REMEMBERED_MAX = 10_000

interface Compiled {
  readonly route: RouteConfig
  readonly remap: Remap
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
  readonly #known = new Map<string, Found | null>()

  constructor(routes: readonly RouteConfig[], direction: 'out' | 'in') {
    this.configs = routes.filter((route) => route.direction === direction)
    this.#compiled = this.configs.map((route) => ({ route, remap: compileRemap(route.from, route.to) }))
  }

  /** The message under its topic on the other side; null when no route takes it. `origin` is who it comes from there. */
  apply(message: Message, origin: object | null): Message | null {
    const found = this.#find(message.topic.name)
    if (found === null) return null
    const qos = Math.min(message.qos, found.route.qos) as QoS
    const retain = message.retain && found.route.retain
    const { bytes, payloadStart, payloadEnd, properties, expiresAtMs } = message
    return new Message(found.topic, qos, retain, bytes, payloadStart, payloadEnd, properties, expiresAtMs, origin)
  }

  #find(name: string): Found | null {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    let found: Found | null = null
    for (const { route, remap } of this.#compiled) {
      const to = remap(name)
      if (to === null) continue
      found = { topic: Topic.of(to), route }
      break
    }
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    this.#known.set(name, found)
    return found
  }
}
