// What the remote's session has subscribed to for us, so that a connection that finds its session again asks for nothing twice.
//
// What is always true
//   1. Only what the remote has acknowledged counts as subscribed, and only in a session that is still there.
//   2. What may be subscribed and is not wanted any more is unsubscribed; that is remembered before the SUBSCRIBE leaves.
//   3. A subscription that is about retained messages is made anew on every connection: a session keeps no QoS 0 message, and what has been
//      retained meanwhile comes with the SUBSCRIBE only (MQTT 5.0 section 3.3.1.3).
import type { UplinkConfig } from '../../config/config.ts'
import type { Subscription } from '../../mqtt/packet.ts'
import type { Shelf } from '../../shelf.ts'

const FILE = 'subscriptions'
/** A filter that was asked for and not acknowledged. */
const ASKED = ''

export interface Wanted extends Subscription {
  /** Asked for on every connection. */
  readonly renewed: boolean
}

interface Kept {
  readonly session: string
  readonly filters: Readonly<Record<string, string>>
}

export class Subscribed {
  readonly #session: string
  readonly #shelf: Shelf
  /** By filter: how it was acknowledged. */
  readonly #filters = new Map<string, string>()
  /** As it was written last. */
  #text = ''
  #writing: Promise<void> = Promise.resolve()

  constructor({ host, port, clientId, username, version }: UplinkConfig, shelf: Shelf) {
    this.#session = JSON.stringify([host, port, clientId, username, version])
    this.#shelf = shelf
  }

  /** Takes what an earlier run has left. What cannot be read is not known, and subscribed again. */
  async prepare(): Promise<void> {
    const bytes = await this.#shelf.read(FILE).catch(() => null)
    if (bytes === null) return
    this.#text = bytes.toString('utf8')
    try {
      const kept = JSON.parse(this.#text) as Kept
      if (kept.session === this.#session) for (const [filter, how] of Object.entries(kept.filters)) this.#filters.set(filter, how)
    } catch {
      // not ours
    }
  }

  /** The remote has no session of ours. */
  forget(): void {
    this.#change((filters) => filters.clear())
  }

  /** Those of `wanted` that have to be asked for. */
  missing(wanted: readonly Wanted[]): Wanted[] {
    return wanted.filter((s) => s.renewed || this.#filters.get(s.filter) !== howOf(s))
  }

  /** Filters that are not wanted any more. */
  surplus(wanted: readonly Subscription[]): string[] {
    return [...this.#filters.keys()].filter((filter) => !wanted.some((s) => s.filter === filter))
  }

  /** These are asked for now. */
  asking(subscriptions: readonly Subscription[]): void {
    this.#change((filters) => {
      for (const { filter } of subscriptions) if (!filters.has(filter)) filters.set(filter, ASKED)
    })
  }

  /** `reasons` of the SUBACK, one for each. */
  acknowledged(subscriptions: readonly Subscription[], reasons: readonly number[]): void {
    this.#change((filters) => {
      subscriptions.forEach((s, i) => {
        if ((reasons[i] ?? 0x80) < 0x80) filters.set(s.filter, howOf(s))
        else filters.delete(s.filter)
      })
    })
  }

  unsubscribed(unwanted: readonly string[]): void {
    this.#change((filters) => {
      for (const filter of unwanted) filters.delete(filter)
    })
  }

  /** Resolves when what is known is on the shelf. */
  stop(): Promise<void> {
    return this.#writing
  }

  #change(change: (filters: Map<string, string>) => void): void {
    change(this.#filters)
    const kept: Kept = { session: this.#session, filters: Object.fromEntries(this.#filters) }
    const text = JSON.stringify(kept)
    if (text === this.#text) return
    this.#text = text
    this.#writing = this.#writing.then(() => this.#shelf.write(FILE, Buffer.from(text))).catch(() => {}) // then they are subscribed again
  }
}

/** All that a SUBSCRIBE says of a filter. */
function howOf({ qos, noLocal, retainAsPublished, retainHandling }: Subscription): string {
  return [qos, noLocal, retainAsPublished, retainHandling].join(' ')
}
