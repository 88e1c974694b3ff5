// The $SYS topics (a convention of brokers, not of the standard): what Mosquitto's users look for, under the same names, and
// the state of uplinks and sensors. Retained, in memory only.
import type { Clock, Timer } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { makeMessage } from '../message.ts'
import { Topic } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'

export interface SysSources {
  readonly router: Router
  readonly counters: Counters
  readonly clock: Clock
  readonly version: string
  readonly sessions: { readonly count: number; readonly onlineCount: number; readonly subscriptionCount: number }
  readonly storeBytes: () => number
}

export class SysTopics {
  readonly #sources: SysSources
  readonly #topics = new Map<string, Topic>()
  readonly #startedMs: number
  #timer: Timer | null = null

  constructor(sources: SysSources) {
    this.#sources = sources
    this.#startedMs = sources.clock.now()
  }

  /** Publishes every `intervalMs`, and calls `more` for what others have to add; 0 publishes the version once and nothing more. */
  start(intervalMs: number, more: () => void): void {
    this.set('broker/version', `sandpiper ${this.#sources.version}`)
    if (intervalMs <= 0) return
    this.#publish()
    this.#timer = this.#sources.clock.every(intervalMs, () => {
      this.#publish()
      more()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** One value, under `$SYS/`. */
  set(name: string, value: string | number): void {
    let topic = this.#topics.get(name)
    if (topic === undefined) this.#topics.set(name, (topic = Topic.of(`$SYS/${name}`)))
    this.#sources.router.publish(makeMessage(topic, String(value), { retain: true }), null)
  }

  #publish(): void {
    const { counters, sessions, router, clock, storeBytes } = this.#sources
    this.set('broker/uptime', `${Math.floor((clock.now() - this.#startedMs) / 1000)} seconds`)
    this.set('broker/clients/connected', sessions.onlineCount)
    this.set('broker/clients/disconnected', sessions.count - sessions.onlineCount)
    this.set('broker/clients/total', sessions.count)
    this.set('broker/subscriptions/count', sessions.subscriptionCount)
    this.set('broker/retained messages/count', router.retained.count)
    this.set('broker/messages/received', counters.packetsReceived)
    this.set('broker/publish/messages/received', counters.publishReceived)
    this.set('broker/publish/messages/sent', counters.publishSent)
    this.set('broker/publish/messages/dropped', counters.droppedSlowReader + counters.droppedQueueFull + counters.droppedQueueLimit + counters.droppedExpired + counters.droppedTooLarge)
    this.set('broker/bytes/received', counters.bytesReceived)
    this.set('broker/bytes/sent', counters.bytesSent)
    this.set('broker/store/bytes', storeBytes())
    this.set('broker/store/messages/elided', counters.elided)
    this.set('broker/store/messages/committed', counters.committedMessages)
    this.set('broker/store/commits', counters.commits)
    this.set('broker/store/refused', counters.refusedStoreFull)
    this.set('broker/dropped/slow reader', counters.droppedSlowReader)
    this.set('broker/dropped/queue full', counters.droppedQueueFull)
    this.set('broker/dropped/queue limit', counters.droppedQueueLimit)
    this.set('broker/dropped/expired', counters.droppedExpired)
    this.set('broker/dropped/too large', counters.droppedTooLarge)
    this.set('broker/dropped/loop', counters.droppedLoop)
    this.set('broker/protocol errors', counters.protocolErrors)
  }
}
