// Audiences: sets of durable destinations with how each wants its copy, interned. A message in the store names its
// audience by number; the same set of receivers is the same audience whatever the topic.
import type { Queue } from './queue.ts'
import { AUDIENCE_MAX, type AudienceRow, type Member } from '../store/store.ts'

/** So many different sets at most are remembered; a set that was forgotten gets a new number when it comes again. */
const REMEMBERED_MAX = 10_000

export class Audience implements AudienceRow {
  readonly id: number
  readonly members: readonly Member[]
  /** One per member, in the same order. */
  readonly queues: readonly Queue[]
  /**
   * Somebody gets even QoS 1 messages at QoS 2. Its packet identifier is on flash before the message is sent; the message must be
   * too, or after a crash the identifier would stand for nothing and its PUBREL overtake those of earlier messages.
   */
  readonly exactlyOnce: boolean

  constructor(id: number, members: readonly Member[], queues: readonly Queue[]) {
    this.id = id
    this.members = members
    this.queues = queues
    this.exactlyOnce = members.some((m) => m.upgrade && m.qos === 2)
  }

  /** Every destination may acknowledge before the commit. */
  get hopeful(): boolean {
    for (const queue of this.queues) if (!queue.hopeful) return false
    return true
  }
}

export class Audiences {
  readonly #byKey = new Map<string, Audience>()
  #lastId = 0

  /** Takes over what the store knows, so that a set keeps its number over a restart. */
  restore(rows: readonly AudienceRow[], queueOf: (destination: number) => Queue | undefined): void {
    for (const row of rows) {
      this.#lastId = Math.max(this.#lastId, row.id)
      const queues = row.members.map((m) => queueOf(m.destination))
      if (queues.every((q) => q !== undefined)) this.#byKey.set(keyOf(row.members), new Audience(row.id, row.members, queues))
    }
  }

  intern(members: readonly Member[], queues: readonly Queue[]): Audience {
    const key = keyOf(members)
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    if (this.#lastId === AUDIENCE_MAX) throw new RangeError('audience numbers are used up')
    if (this.#byKey.size >= REMEMBERED_MAX) this.#byKey.clear()
    const audience = new Audience(++this.#lastId, members, queues)
    this.#byKey.set(key, audience)
    return audience
  }

  /** Forgets every audience the destination was part of; the store does the same. */
  endDestination(destination: number): void {
    for (const [key, audience] of this.#byKey) {
      if (audience.members.some((m) => m.destination === destination)) this.#byKey.delete(key)
    }
  }
}

function keyOf(members: readonly Member[]): string {
  let key = ''
  for (const m of members) {
    key += `${m.destination}:${m.qos}${m.upgrade ? 'u' : ''}${m.retainAsPublished ? 'r' : ''}${m.subscriptionIdentifiers.join(',')};`
  }
  return key
}
