// Which subscribers a topic name reaches: a tree of topic levels, with the wildcards as branches of their own (section 4.7).
// `generation` is another number after each change; a route found under an older one is stale.
import type { Topic } from '../mqtt/topic.ts'
import type { Subscriber, Wish } from './subscriber.ts'

/** Subscribers of `$share/{name}/{filter}`: each message goes to one of them (section 4.8.2). */
export class ShareGroup {
  readonly members = new Map<Subscriber, Wish>()
  #turn = 0

  /** The next member in turn that may have the topic and is online; with nobody online the next in turn that keeps messages. */
  choose(topic: Topic): readonly [Subscriber, Wish] | null {
    const members = [...this.members].filter(([subscriber, wish]) => subscriber.mayReceive(topic, wish.identifier))
    let fallback: readonly [Subscriber, Wish] | null = null
    for (let i = 0; i < members.length; i++) {
      const at = (this.#turn + i) % members.length
      const member = members[at]!
      if (member[0].online) {
        this.#turn = at + 1
        return member
      }
      if (fallback === null && member[0].queue.durable) fallback = member
    }
    if (fallback !== null) this.#turn++
    return fallback
  }
}

class Level {
  readonly children = new Map<string, Level>()
  readonly wishes = new Map<Subscriber, Wish>()
  readonly shares = new Map<string, ShareGroup>()

  get empty(): boolean {
    return this.children.size === 0 && this.wishes.size === 0 && this.shares.size === 0
  }
}

export interface Matches {
  readonly wishes: (readonly [Subscriber, Wish])[]
  readonly shares: ShareGroup[]
}

/** No two indexes ever have the same generation: a route of one tenant cannot be taken for another's. */
let generations = 0

export class FilterIndex {
  readonly #root = new Level()
  #generation = ++generations
  /** Shared subscriptions, one for each member of a group. */
  sharedCount = 0

  get generation(): number {
    return this.#generation
  }

  /** Somebody may receive other topics than before. */
  invalidate(): void {
    this.#generation = ++generations
  }

  /** Adds or replaces [MQTT-3.8.4-3] a subscription. `filter` must be valid; `share` is the share name or null. */
  add(filter: string, share: string | null, subscriber: Subscriber, wish: Wish): void {
    let level = this.#root
    for (const name of filter.split('/')) {
      let child = level.children.get(name)
      if (child === undefined) level.children.set(name, (child = new Level()))
      level = child
    }
    if (share === null) level.wishes.set(subscriber, wish)
    else {
      let group = level.shares.get(share)
      if (group === undefined) level.shares.set(share, (group = new ShareGroup()))
      if (!group.members.has(subscriber)) this.sharedCount++
      group.members.set(subscriber, wish)
    }
    this.invalidate()
  }

  /** Removes a subscription; false when there was none [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-3]. */
  remove(filter: string, share: string | null, subscriber: Subscriber): boolean {
    const names = filter.split('/')
    const path: Level[] = [this.#root]
    for (const name of names) {
      const child = path[path.length - 1]!.children.get(name)
      if (child === undefined) return false
      path.push(child)
    }
    const leaf = path[path.length - 1]!
    const group = share === null ? undefined : leaf.shares.get(share)
    const removed = share === null ? leaf.wishes.delete(subscriber) : (group?.members.delete(subscriber) ?? false)
    if (removed && group !== undefined) this.sharedCount--
    if (group?.members.size === 0) leaf.shares.delete(share!)
    for (let i = path.length - 1; i > 0 && path[i]!.empty; i--) path[i - 1]!.children.delete(names[i - 1]!)
    if (removed) this.invalidate()
    return removed
  }

  /** The group of a shared subscription, as long as it has members. */
  group(filter: string, share: string): ShareGroup | undefined {
    let level: Level | undefined = this.#root
    for (const name of filter.split('/')) level = level?.children.get(name)
    return level?.shares.get(share)
  }

  match(topicName: string): Matches { // [MQTT-3.3.2-3] [MQTT-4.7.3-4]
    const found: Matches = { wishes: [], shares: [] }
    const names = topicName.split('/')
    // A topic starting with $ is reached by no filter starting with a wildcard [MQTT-4.7.2-1].
    walk(this.#root, names, 0, topicName.startsWith('$'), found)
    return found
  }
}

function walk(level: Level, names: readonly string[], depth: number, noWildcard: boolean, found: Matches): void {
  if (!noWildcard) {
    const all = level.children.get('#') // the parent level too: "a/#" matches "a"
    if (all !== undefined) collect(all, found)
  }
  if (depth === names.length) {
    collect(level, found)
    return
  }
  const exact = level.children.get(names[depth]!)
  if (exact !== undefined) walk(exact, names, depth + 1, false, found)
  if (noWildcard) return
  const any = level.children.get('+')
  if (any !== undefined) walk(any, names, depth + 1, false, found)
}

function collect(level: Level, found: Matches): void {
  for (const entry of level.wishes) found.wishes.push(entry)
  for (const group of level.shares.values()) found.shares.push(group)
}
