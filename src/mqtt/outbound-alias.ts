// Topic aliases towards one receiver (section 3.3.2.3.4): the first topics get one, as many as the receiver allows [MQTT-3.1.2-26].
// They are never taken away, so no topic is sent twice in full for the sake of another.

export class OutboundAliases {
  readonly #max: number
  readonly #byTopic = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  /** The alias of a topic: negative when the receiver knows it already (send it without the topic), 0 when there is none. */
  aliasOf(topicName: string): number {
    const known = this.#byTopic.get(topicName)
    if (known !== undefined) return -known
    if (this.#byTopic.size >= this.#max) return 0 // [MQTT-3.1.2-26] [MQTT-3.3.2-11]
    const alias = this.#byTopic.size + 1 // [MQTT-3.3.2-8]
    this.#byTopic.set(topicName, alias)
    return alias
  }
}
