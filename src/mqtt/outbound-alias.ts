// Topic aliases towards one receiver (section 3.3.2.3.4), for one connection [MQTT-3.3.2-7]: the topics that are used most of late have
// one, as many as the receiver allows [MQTT-3.1.2-26].
//
// An alias costs three bytes whenever it is sent, and saves the topic whenever it is not the first time. So topics that are no longer have
// none; while aliases are left, every other topic gets one; when none is, that which was not used for longest changes hands, to a topic that
// was used twice since: those that come by once, or in too large a circle, do not push out the others.

const PROPERTY_BYTES = 3
/** Topics without an alias whose last use is remembered. */
const REMEMBERED_MAX = 256
const NOBODY = 0

export class OutboundAliases {
  readonly #max: number
  readonly #byTopic = new Map<string, number>()
  // By alias: whose it is, when it was used, and its neighbours from the least to the most recently used. Alias 0 is both ends.
  readonly #topics: string[] = ['']
  readonly #usedAt: number[] = [0]
  readonly #older: number[] = [NOBODY]
  readonly #newer: number[] = [NOBODY]
  /** When topics without an alias were used, the longest ago first. */
  readonly #seenAt = new Map<string, number>()
  #uses = 0

  constructor(max: number) {
    this.#max = max
  }

  /** The alias of a topic: negative when the receiver knows it already (send it without the topic), 0 when there is none. */
  aliasOf(topicName: string): number {
    if (topicName.length <= PROPERTY_BYTES) return 0
    this.#uses++
    const known = this.#byTopic.get(topicName)
    if (known !== undefined) {
      this.#use(known)
      return -known
    }
    if (this.#topics.length <= this.#max) return this.#give(this.#topics.length, topicName) // [MQTT-3.1.2-26] [MQTT-3.3.2-8] [MQTT-3.3.2-11]
    const oldest = this.#newer[NOBODY]!
    if ((this.#seenAt.get(topicName) ?? -1) < this.#usedAt[oldest]!) {
      this.#remember(topicName)
      return 0
    }
    this.#seenAt.delete(topicName)
    this.#byTopic.delete(this.#topics[oldest]!)
    return this.#give(oldest, topicName)
  }

  #give(alias: number, topicName: string): number {
    this.#byTopic.set(topicName, alias)
    this.#topics[alias] = topicName
    this.#older[alias] ??= alias
    this.#newer[alias] ??= alias
    this.#use(alias)
    return alias
  }

  #use(alias: number): void {
    const older = this.#older
    const newer = this.#newer
    this.#usedAt[alias] = this.#uses
    if (older[NOBODY] === alias) return
    newer[older[alias]!] = newer[alias]!
    older[newer[alias]!] = older[alias]!
    const newest = older[NOBODY]!
    older[alias] = newest
    newer[alias] = NOBODY
    newer[newest] = alias
    older[NOBODY] = alias
  }

  #remember(topicName: string): void {
    this.#seenAt.delete(topicName)
    this.#seenAt.set(topicName, this.#uses)
    if (this.#seenAt.size <= REMEMBERED_MAX) return
    for (const longestAgo of this.#seenAt.keys()) {
      this.#seenAt.delete(longestAgo)
      return
    }
  }
}
