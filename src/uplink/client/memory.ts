// What an uplink knows of its remote from one connection to the next, and from one run to the next: session tickets, what is subscribed
// there, how long each link may be silent, how much it carries. Without it everything works, and costs more.
import type { Clock } from '../../clock.ts'
import type { LinkConfig, UplinkConfig } from '../../config/config.ts'
import type { Shelf } from '../../shelf.ts'
import { type Silences, silencesOf } from './keep-alive.ts'
import type { Values } from './silence.ts'
import { Subscribed } from './subscribed.ts'
import { TlsTickets } from './tls-tickets.ts'

export interface MemoryDeps {
  readonly clock: Clock
  /** Files of this uplink alone. */
  readonly shelf: Shelf
  /** Numbers of the whole gateway: those here begin with `silence/`. */
  readonly numbers: Values
}

export interface LinkMemory {
  readonly silences: Silences
  /** Bytes that were on their way at a time when it was last measured; 0 for not yet. */
  windowBytes: number
}

export class UplinkMemory {
  readonly tickets: TlsTickets
  readonly subscribed: Subscribed
  readonly #links: ReadonlyMap<string, LinkMemory>

  constructor(config: UplinkConfig, { clock, shelf, numbers }: MemoryDeps) {
    this.tickets = new TlsTickets(config, shelf, clock)
    this.subscribed = new Subscribed(config, shelf)
    this.#links = new Map(config.links.map(({ name, keepAlive }) => [name, { silences: silencesOf(keepAlive, numbers, `silence/${config.name}/${name}`), windowBytes: 0 }]))
  }

  of(link: LinkConfig): LinkMemory {
    return this.#links.get(link.name)!
  }

  /** Reads what an earlier run has left. Before the first connection; never rejects. */
  async prepare(): Promise<void> {
    await Promise.all([this.tickets.prepare(), this.subscribed.prepare()])
  }

  /** Resolves when everything is kept. After the last connection; never rejects. */
  async stop(): Promise<void> {
    await Promise.all([this.tickets.stop(), this.subscribed.stop()])
  }
}
