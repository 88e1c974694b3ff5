// What one link may cost and does cost: its budget, and the meter that feeds it. A link without a budget, and without a ceiling for what an
// attempt to dial may cost, has neither: nobody asks.
import type { Clock } from '../clock.ts'
import type { LinkConfig, UplinkConfig } from '../config/config.ts'
import type { Journal } from '../journal/journal.ts'
import { Budget, type BudgetEvent, type BudgetFigures, type BudgetValue } from './budget/budget.ts'
import { LinkMeter } from './budget/meter.ts'
import type { AskKernel } from './budget/tcp-info.ts'

/** What a first connection is taken to cost, until one was made: with certificates, without TLS, by a modem that has no connections. */
const CONNECT_BYTES = { tls: 6000, tcp: 600, modem: 0 } as const

export interface AccountDeps {
  readonly clock: Clock
  readonly journal: Journal
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void }
  /** Numbers that have survived. */
  readonly values: ReadonlyMap<string, number>
  /** Left out: the kernel of this machine. */
  readonly askKernel?: AskKernel | undefined
  /** What was not allowed may be allowed now. */
  readonly onRoom: () => void
}

export class Account {
  readonly #name: string
  readonly #link: LinkConfig
  readonly #budget: Budget | null
  readonly #deps: AccountDeps
  /** Counts connections; null where nobody asks, and for a modem, whose sessions are told by `spend`. */
  readonly meter: LinkMeter | null

  constructor(config: UplinkConfig, link: LinkConfig, deps: AccountDeps) {
    const { clock, values, onRoom, askKernel } = deps
    this.#name = config.name
    this.#link = link
    this.#deps = deps
    const connectBytes = CONNECT_BYTES[link.sbd !== null ? 'modem' : config.tls ? 'tls' : 'tcp']
    const budgetDeps = { clock, onRoom, onEvent: (event: BudgetEvent) => this.#onEvent(event), save: (rows: readonly BudgetValue[], durable: () => void) => this.#save(rows, durable) }
    this.#budget = link.budget === null ? null : new Budget({ uplink: config.name, link: link.name, config: link.budget, connectBytes, values }, budgetDeps)
    const isCounted = link.budget !== null || (link.dial !== null && link.dial.attemptBytesMax !== Infinity)
    this.meter = !isCounted || link.sbd !== null ? null : new LinkMeter(link.budget?.counts ?? 'auto', {
      clock,
      ask: askKernel,
      spend: (bytes) => this.#budget?.spend(bytes),
      connectCost: (bytes, accepted) => this.#budget?.learnConnect(bytes, accepted),
    })
  }

  /** null for a link without a budget. */
  get figures(): BudgetFigures | null {
    return this.#budget?.figures(this.meter?.countedBy ?? 'modem') ?? null
  }

  /** Bytes on the wire since the start; 0 where nobody counts. */
  get bytes(): number {
    return this.meter?.bytes ?? 0
  }

  /** Resolves when the first bytes may be spent. */
  async start(): Promise<void> {
    await this.#budget?.start()
  }

  stop(): void {
    this.meter?.stop()
    this.#budget?.stop()
  }

  /** A message of the class that costs so many bytes on the wire may go now. */
  allows(className: string, bytes: number): boolean {
    return this.#budget === null || this.#budget.allows(className, bytes)
  }

  /** It goes: so many bytes will be spent. */
  plan(bytes: number): void {
    this.#budget?.plan(bytes)
  }

  /** Nothing is on its way. */
  planOver(): void {
    this.#budget?.planOver()
  }

  /** Bytes that no meter sees: sessions of a modem. */
  spend(bytes: number): void {
    this.#budget?.spend(bytes)
  }

  mayConnect(classes: readonly string[], isThere: boolean): boolean {
    if (this.#budget === null) return true
    return isThere ? this.#budget.mayStay(classes) : this.#budget.mayConnect(classes)
  }

  #save(rows: readonly BudgetValue[], durable: () => void): void {
    for (const { key, value } of rows) this.#deps.journal.change({ kind: 'value', key, value }, false)
    this.#deps.journal.whenDurable(durable)
  }

  #onEvent({ kind, period, bytes, limitBytes }: BudgetEvent): void {
    const fields = { uplink: this.#name, link: this.#link.name, period, bytes, limitBytes }
    switch (kind) {
      case 'warned':
        return this.#deps.log.warn(fields, `80 % of the budget of this ${period} are spent`)
      case 'reserve-left':
        return this.#deps.log.warn(fields, `the budget of this ${period} is spent, but for what is reserved for ${this.#link.budget!.reserve!.class}`)
      case 'used-up':
        return this.#deps.log.warn(fields, `the budget of this ${period} is spent: nothing more is sent over this link until it ends`)
      case 'begun':
        return this.#deps.log.info(fields, `the budget of a new ${period} begins`)
    }
  }
}
