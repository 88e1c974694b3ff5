// Which lanes an uplink has, and what their queues are called in the store: an answer from the configuration alone.
//
// Messages of one class that travel one by one share a lane, and so do those that travel in frames to the same topic. A lane's queue keeps its
// name over changes of everything else, so that what waits in it is carried after a restart. The first release had one queue, named as the
// uplink: it is the lane of the class that a route has when it says none.
import type { BatchConfig, ClassConfig, QueueConfig, UplinkConfig } from '../config/config.ts'
import type { QoS } from '../message.ts'

/** The class that was the only one. */
const FIRST_CLASS = 'live'

export interface LanePlan {
  /** Of its destination in the store. */
  readonly name: string
  readonly class: ClassConfig
  readonly batch: BatchConfig | null
  /** Of its frames. */
  readonly qos: QoS
}

/** All lanes, best priority first. `stored`: names of this uplink's queues that hold something from before. */
export function planLanes(config: UplinkConfig, stored: readonly string[]): readonly LanePlan[] {
  const plans = new Map<string, LanePlan>()
  for (const route of config.routes) {
    if (route.direction !== 'out') continue
    const rank = config.classes.find((c) => c.name === route.class)!
    const name = laneName(config.name, rank.name, route.batch?.topic ?? null)
    const known = plans.get(name)
    plans.set(name, { name, class: rank, batch: route.batch, qos: Math.max(known?.qos ?? 1, route.qos) as QoS })
  }
  // Replies to commands go one by one, and soon.
  if (config.routes.some((route) => route.command !== null)) {
    const name = laneName(config.name, config.classes[0]!.name, null)
    if (!plans.has(name)) plans.set(name, { name, class: config.classes[0]!, batch: null, qos: 1 })
  }
  // What an earlier configuration has left is carried as it is now.
  const leftOver: ClassConfig = { name: FIRST_CLASS, priority: Infinity, share: 0, queue: widest(config) }
  for (const name of stored) if (!plans.has(name)) plans.set(name, { name, class: config.classes.find((c) => name === laneName(config.name, c.name, null)) ?? leftOver, batch: null, qos: 1 })
  return [...plans.values()].sort((a, b) => a.class.priority - b.class.priority)
}

/** Names of lanes that the store may hold for this uplink. */
export function isLaneOf(uplink: string, name: string): boolean {
  return name === uplink || name.startsWith(`${uplink}/`)
}

export function laneName(uplink: string, className: string, frameTopic: string | null): string {
  if (frameTopic !== null) return `${uplink}/${className}/${frameTopic}`
  return className === FIRST_CLASS ? uplink : `${uplink}/${className}`
}

function widest(config: UplinkConfig): QueueConfig {
  return config.classes.reduce((a, b) => (b.queue.bytesMax > a.queue.bytesMax ? b : a)).queue
}
