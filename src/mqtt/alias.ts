// Topic aliases that the peer sets in its PUBLISH packets (MQTT 5.0 section 3.3.2.3.4). A table belongs to one connection and
// ends with it [MQTT-3.3.2-7]. It holds at most `maximum` topics, which is what we told the peer.
// An alias may stand for a topic that was refused: the peer may use it before it hears of that, and gets the same answer again.
import { LimitExceeded, ProtocolError, protocolError, Reason } from './reason.ts'
import type { Topic } from './topic.ts'

export class InboundAliases {
  readonly #maximum: number
  /** By alias; made when the first one is set. */
  #topics: (Topic | undefined)[] | null = null
  /** Looked at where there is no topic only: what was refused before an alias got one does not matter. */
  #refused: Map<number, LimitExceeded> | null = null

  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** Throws unless `alias` is one of those we accept [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.3.2-11]. */
  check(alias: number): void {
    if (alias === 0) throw new ProtocolError(Reason.topicAliasInvalid, 'topic alias is 0')
    if (alias <= this.#maximum) return // [MQTT-3.2.2-17] [MQTT-3.2.2-18]
    throw new LimitExceeded('refusedTopicAliases', Reason.topicAliasInvalid, `topic alias ${alias}; the maximum is ${this.#maximum}`)
  }

  set(alias: number, topic: Topic): void {
    this.#topics ??= []
    this.#topics[alias] = topic // [MQTT-3.3.2-10] [MQTT-3.3.2-12]
  }

  /** `alias` stands for a topic that is not taken, and why. */
  refuse(alias: number, why: LimitExceeded): void {
    this.#topics ??= []
    this.#topics[alias] = undefined
    this.#refused ??= new Map()
    this.#refused.set(alias, why)
  }

  /** Throws LimitExceeded when the alias stands for a topic that was refused, ProtocolError when it was never set. */
  get(alias: number): Topic {
    const topic = this.#topics?.[alias]
    if (topic === undefined) throw this.#refused?.get(alias) ?? protocolError(`topic alias ${alias} has not been set on this connection`)
    return topic
  }
}
