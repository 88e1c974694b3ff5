// Topic aliases that the peer sets in its PUBLISH packets (MQTT 5.0 section 3.3.2.3.4). A table belongs to one connection and
// ends with it [MQTT-3.3.2-7]. It holds at most `maximum` topics, which is what we told the peer.
import { ProtocolError, protocolError, Reason } from './reason.ts'
import type { Topic } from './topic.ts'

export class InboundAliases {
  readonly #maximum: number
  /** By alias; made when the first one is set. */
  #topics: (Topic | undefined)[] | null = null

  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** Throws unless `alias` is one of those we accept [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.3.2-11]. */
  check(alias: number): void {
    if (alias === 0 || alias > this.#maximum) {
      throw new ProtocolError(Reason.topicAliasInvalid, `topic alias ${alias}; the maximum is ${this.#maximum}`)
    }
  }

  set(alias: number, topic: Topic): void {
    this.#topics ??= []
    this.#topics[alias] = topic // [MQTT-3.3.2-10] [MQTT-3.3.2-12]
  }

  get(alias: number): Topic {
    const topic = this.#topics?.[alias]
    if (topic === undefined) throw protocolError(`topic alias ${alias} has not been set on this connection`)
    return topic
  }
}
