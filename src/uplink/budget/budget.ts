// The bytes that one link may cost in a day and in a billing month, who may spend them, and what is on flash of it.
//
//   |------------- for everybody -------------|--- reserve: one class ---|
//   0                                   80 % warned                    limit
//
// What is always true
//   1. What may be sent is on flash as spent before: a piece ahead, so that it is not written for every message. After a crash the count
//      is too high by what was left of the piece, and not too low.
//   2. A message is allowed only when all of it fits into what is left, with a goodbye. One that is larger than half of a whole budget
//      goes when that half is there, or it would never go: then the budget is exceeded by less than that message.
//   3. A link that cannot pay for a connection does not get one; an idle one that cannot pay for its goodbye is hung up.
//   4. A new period begins when its row is on flash (tally.ts has the rules of the clock).
//
// The piece is 1/128 of a day's bytes (of the month's, a 31st part counts as a day), and what a connection costs: on average 256 writes in a
// day at most, of about 8.5 kB each where nothing else is written with them, and a crash costs less than 1 % of a day.
import { type Clock, type Timer, wallIsSet } from '../../clock.ts'
import type { BudgetConfig } from '../../config/config.ts'
import { dayOf, monthOf, type Period } from './billing-period.ts'
import { figuresOf, type BudgetFigures } from './figures.ts'
import type { CountedBy } from './meter.ts'
import { BudgetRows, type BudgetValue, KINDS, type Kind } from './rows.ts'
import { Tally, type TallyRow } from './tally.ts'

export type { BudgetFigures, PeriodFigures } from './figures.ts'
export type { BudgetValue } from './rows.ts'

const HOUR_MS = 3_600_000
/** No day is longer, whatever daylight saving does to it; no month either. */
const DAY_MS_MAX = 26 * HOUR_MS
const MONTH_MS_MAX = 31 * 24 * HOUR_MS + 2 * HOUR_MS
/** A clock that is set is noticed after this; a midnight on time. */
const LOOK_MS_MAX = 5 * 60_000
/** A difference of wall and monotonic time that no drift makes. */
const JUMP_MS = 60_000
const PIECES = 128
/** A small budget is cut into fewer pieces: one need not be smaller than this, but not fewer than these. */
const PIECE_BYTES_MIN = 1024
const FEWEST_PIECES = 16
/** DISCONNECT, TLS's and TCP's goodbye, and a last acknowledgement. */
const GOODBYE_BYTES = 500
/** So many connections are remembered for what the next one will cost. */
const CONNECTS = 5
/** What was announced and not sent is not waited for any longer. */
const PLAN_MS_MAX = 30_000
const WARNED_SHARE = 0.8
/** While the clock cannot be believed, how long it lasts is kept this often. */
const BLOCKED_KEPT_MS = 10 * 60_000

/** What the operator is told, once in a period each; the place in the list is what is kept. */
const LEVELS = ['fine', 'warned', 'reserve-left', 'used-up'] as const

/** warned: 80 % are spent. reserve-left: only the reserve. used-up: not enough is left for a connection, and nothing for anybody. begun: a new period. */
export interface BudgetEvent {
  readonly kind: 'warned' | 'reserve-left' | 'used-up' | 'begun'
  readonly period: Kind
  /** Spent in it; of the one before when a new one has begun. */
  readonly bytes: number
  readonly limitBytes: number
}

export interface BudgetDeps {
  readonly clock: Clock
  /** Keeps all of them or none; later ones win. Calls `durable` once when they are on flash, soon: somebody may wait. */
  readonly save: (values: readonly BudgetValue[], durable: () => void) => void
  readonly onEvent: (event: BudgetEvent) => void
  /** What was not allowed may be allowed now. */
  readonly onRoom: () => void
}

export interface BudgetOptions {
  readonly uplink: string
  readonly link: string
  readonly config: BudgetConfig
  /** What a connection costs as long as none was made: about 6,000 with TLS, 600 without, 0 for a modem that has none. */
  readonly connectBytes: number
  /** What `save` has kept, by key. */
  readonly values: ReadonlyMap<string, number>
}

export class Budget {
  readonly #deps: BudgetDeps
  readonly #config: BudgetConfig
  readonly #link: string
  readonly #pieceBytes: number
  readonly #goodbyeBytes: number
  /** Day and month, as in KINDS. */
  readonly #tallies: readonly [Tally, Tally]
  readonly #rows: BudgetRows
  #periods: { readonly day: Period; readonly month: Period } | null = null
  #offsetMs: number | null = null
  #connects: number[] = []
  #connectBytes: number
  #plannedBytes = 0
  #plannedAtMs = 0
  /** What somebody asked for and was refused because no row on flash covers it. */
  #wantedBytes = 0
  #saving = false
  #stopped = false
  #timer: Timer | null = null

  constructor({ uplink, link, config, connectBytes, values }: BudgetOptions, deps: BudgetDeps) {
    this.#deps = deps
    this.#config = config
    this.#link = link
    this.#connectBytes = connectBytes
    this.#rows = new BudgetRows(uplink, link, values)
    this.#goodbyeBytes = connectBytes === 0 ? 0 : GOODBYE_BYTES
    const perDayBytes = Math.min(config.dayBytes, config.monthBytes / 31)
    this.#pieceBytes = Math.floor(Math.max(perDayBytes / PIECES, Math.min(perDayBytes / FEWEST_PIECES, PIECE_BYTES_MIN)))
    const share = config.reserve?.share ?? 0
    this.#tallies = [new Tally(config.dayBytes, share, DAY_MS_MAX, this.#rows.row('day')), new Tally(config.monthBytes, share, MONTH_MS_MAX, this.#rows.row('month'))]
  }

  /** Resolves when the first bytes may be spent. */
  start(): Promise<void> {
    this.#observe()
    this.#watch()
    return new Promise((resolve) => this.#save(resolve))
  }

  /** The link is down for good: keeps the exact count. */
  stop(): void {
    this.#timer?.cancel()
    if (this.#stopped) return
    this.#stopped = true
    this.#deps.save(this.#rows.give(this.#tallies.map((tally) => tally.row(this.#goodbyeBytes))), () => {})
  }

  // ---- what has happened

  /** Bytes on the wire, sent or received. */
  spend(bytes: number): void {
    const nowMs = this.#observe()
    this.#plannedBytes = Math.max(0, this.#plannedBytes - bytes)
    for (const tally of this.#tallies) tally.add(bytes, nowMs)
    this.#tellLevels()
    this.#saveIfDue()
  }

  /** Something that was allowed is being sent: `spend` will hear of so many bytes soon. */
  plan(bytes: number): void {
    this.#plannedBytes += bytes
    this.#plannedAtMs = this.#deps.clock.now()
    this.#saveIfDue()
  }

  /** Nothing is on its way: what was announced and did not cost so much is free again. */
  planOver(): void {
    this.#plannedBytes = 0
  }

  /** What a connection has cost until it was accepted, or until it failed: that says little of one that does not. */
  learnConnect(bytes: number, accepted: boolean): void {
    if (!accepted && bytes <= this.#connectBytes) return
    this.#connects = [...this.#connects, bytes].slice(-CONNECTS)
    this.#connectBytes = Math.max(...this.#connects)
  }

  // ---- what may happen

  /** A message of the class that costs so many bytes on the wire until it is settled may go now. When not, `onRoom` may say that it has changed. */
  allows(className: string, bytes: number): boolean {
    this.#observe()
    const fits = this.#tallies.every((tally) => {
      const limitBytes = this.#limitOf(tally, className)
      const leftBytes = limitBytes - tally.bytes - this.#plannedBytes
      return bytes + this.#goodbyeBytes <= leftBytes || (bytes > limitBytes / 2 && leftBytes >= limitBytes / 2)
    })
    if (!fits) return false
    if (this.#isSafe(bytes)) return true
    this.#wantedBytes = Math.max(this.#wantedBytes, bytes)
    this.#saveIfDue()
    return false
  }

  /** Bytes on the wire that the class may still cost now; Infinity where there is no limit. */
  remaining(className: string): number {
    this.#observe()
    return Math.max(0, Math.min(...this.#tallies.map((tally) => this.#limitOf(tally, className) - tally.bytes)) - this.#plannedBytes - this.#goodbyeBytes)
  }

  /**
   * A connection can be paid for. `waiting`: classes that have something to send; empty when the connection is wanted for
   * something else: to be there, to receive.
   */
  mayConnect(waiting: readonly string[]): boolean {
    this.#observe()
    return classesOf(waiting).some((name) => this.#tallies.every((tally) => tally.bytes < this.#usedUpFrom(this.#limitOf(tally, name))))
  }

  /** The connection that is there may stay. When not, there is just enough left to end it properly. */
  mayStay(waiting: readonly string[]): boolean {
    return classesOf(waiting).some((name) => this.remaining(name) > 0)
  }

  figures(countedBy: CountedBy): BudgetFigures {
    this.#observe()
    return figuresOf({
      link: this.#link,
      countedBy,
      connectBytes: this.#connectBytes,
      reserve: this.#config.reserve?.class ?? null,
      wallMs: this.#deps.clock.wall(),
      periods: this.#periods,
      tallies: { day: this.#tallies[0], month: this.#tallies[1] },
      usedUp: (tally) => tally.bytes >= this.#usedUpFrom(tally.commonBytes),
    })
  }

  // ---- time

  #watch(): void {
    if (this.#stopped) return
    const { clock } = this.#deps
    const endMs = this.#periods?.day.endMs ?? Infinity
    this.#timer = clock.after(Math.min(LOOK_MS_MAX, endMs - clock.wall()), () => {
      this.#observe()
      this.#watch()
    })
  }

  /** Returns the monotonic time. */
  #observe(): number {
    const { clock } = this.#deps
    const nowMs = clock.now()
    const wallMs = clock.wall()
    const offsetMs = wallMs - nowMs
    const jumped = this.#offsetMs !== null && Math.abs(offsetMs - this.#offsetMs) > JUMP_MS
    this.#offsetMs = offsetMs
    this.#periods = this.#periodsAt(wallMs)
    for (const [i, tally] of this.#tallies.entries()) tally.observe(this.#periods?.[KINDS[i]!] ?? null, wallMs, nowMs, jumped, this.#usedUpFrom(tally.commonBytes))
    if (nowMs - this.#plannedAtMs > PLAN_MS_MAX) this.#plannedBytes = 0
    this.#saveIfDue()
    return nowMs
  }

  #periodsAt(wallMs: number): { readonly day: Period; readonly month: Period } | null {
    if (!wallIsSet(wallMs)) return null
    const known = this.#periods?.day
    if (known !== undefined && wallMs >= known.startMs && wallMs < known.endMs) return this.#periods
    return { day: dayOf(wallMs), month: monthOf(wallMs, this.#config.billingDay) }
  }

  // ---- limits

  #limitOf(tally: Tally, className: string): number {
    return className === this.#config.reserve?.class ? tally.limitBytes : tally.commonBytes
  }

  /** With so many bytes of a limit spent it cannot pay for a connection. A small budget is used to its half at least. */
  #usedUpFrom(limitBytes: number): number {
    return Number.isFinite(limitBytes) ? limitBytes - Math.min(this.#connectBytes + this.#goodbyeBytes, limitBytes / 2) : Infinity
  }

  #tellLevels(): void {
    for (const [i, tally] of this.#tallies.entries()) {
      const level = this.#levelOf(tally)
      if (level <= tally.told) continue
      tally.told = level
      const kind = LEVELS[level]!
      if (kind !== 'fine') this.#deps.onEvent({ kind, period: KINDS[i]!, bytes: tally.bytes, limitBytes: tally.limitBytes })
    }
  }

  #levelOf({ bytes, limitBytes, commonBytes }: Tally): number {
    if (bytes >= this.#usedUpFrom(limitBytes)) return LEVELS.indexOf('used-up')
    if (bytes >= this.#usedUpFrom(commonBytes)) return LEVELS.indexOf('reserve-left')
    return bytes >= limitBytes * WARNED_SHARE ? LEVELS.indexOf('warned') : LEVELS.indexOf('fine')
  }

  // ---- what is on flash

  /** Flash knows of so many bytes as spent. */
  #isSafe(bytes: number): boolean {
    return this.#tallies.every((tally) => tally.safeBytes >= this.#plannedBytes + bytes)
  }

  /** What a row covers beyond what is spent: a piece, a connection and what is being sent, as far as the limit goes. */
  #aheadOf(tally: Tally): number {
    const roomBytes = Math.max(0, tally.limitBytes - tally.bytes)
    return Math.max(Math.min(this.#pieceBytes + this.#connectBytes + this.#goodbyeBytes + this.#plannedBytes, Math.max(roomBytes, this.#pieceBytes)), this.#plannedBytes + this.#wantedBytes)
  }

  #isDue(tally: Tally): boolean {
    const roomBytes = Math.max(0, tally.limitBytes - tally.bytes)
    const neededBytes = this.#connectBytes + this.#goodbyeBytes + this.#plannedBytes
    if (tally.safeBytes < Math.min(roomBytes, neededBytes)) return true
    if (this.#wantedBytes > 0 && !this.#isSafe(this.#wantedBytes)) return true
    return this.#aheadOf(tally) - tally.safeBytes >= this.#pieceBytes / 2
  }

  #hasNews(tally: Tally, kind: Kind): boolean {
    if (tally.turns) return true
    const kept = this.#rows.row(kind)
    const { blockedMs } = tally
    return kept.key !== tally.key || kept.told !== tally.told || blockedMs - kept.blockedMs >= BLOCKED_KEPT_MS || (blockedMs === 0 && kept.blockedMs > 0)
  }

  #saveIfDue(): void {
    if (this.#saving || this.#stopped || this.#timer === null) return
    if (this.#tallies.some((tally, i) => this.#isDue(tally) || this.#hasNews(tally, KINDS[i]!))) this.#save(() => {})
  }

  #save(done: () => void): void {
    this.#saving = true
    const rows = this.#tallies.map((tally) => tally.row(this.#aheadOf(tally)))
    const turns = this.#tallies.map((tally) => tally.turns)
    this.#deps.save(this.#rows.give(rows), () => {
      this.#saving = false
      const begun = KINDS.filter((_, i) => this.#onKept(i, rows[i]!, turns[i]!))
      done()
      if (this.#stopped) return
      this.#tellLevels()
      const answered = this.#wantedBytes > 0 && this.#isSafe(this.#wantedBytes)
      if (answered) this.#wantedBytes = 0
      this.#saveIfDue()
      if (answered || begun.length > 0) this.#deps.onRoom()
    })
  }

  #onKept(i: number, row: TallyRow, turned: boolean): boolean {
    const tally = this.#tallies[i]!
    const { bytes, limitBytes } = tally
    if (!tally.kept(row, turned)) return false
    if (Number.isFinite(limitBytes)) this.#deps.onEvent({ kind: 'begun', period: KINDS[i]!, bytes, limitBytes })
    return true
  }
}

/** Nobody in particular is of the classes that the reserve is not for. */
function classesOf(waiting: readonly string[]): readonly string[] {
  return waiting.length === 0 ? [''] : waiting
}
