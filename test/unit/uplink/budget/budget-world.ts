// A site with a budget in virtual time: it sends and receives, its power fails, its clock is set, wrong or lost; what was on flash comes
// back. True time goes on all the while, and what was really spent is written down.
import type { BudgetConfig } from '../../../../src/config/config.ts'
import { Budget, type BudgetEvent, type BudgetValue } from '../../../../src/uplink/budget/budget.ts'
import type { Random } from '../../../sim/random.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

export interface Mishaps {
  /** Chance of a power cut in an hour. */
  readonly crashes: number
  /** Not while the clock is wrong. */
  readonly crashesSpareSync?: boolean
  /** How the clock starts after one. */
  readonly clocks: readonly ('right' | 'stale' | 'unset')[]
  /** Chance in an hour that a clock that is wrong gets set. */
  readonly sync: number
  /** Chance in an hour that a clock is set wrongly: days away. */
  readonly wrong: number
}

/** One thing that was spent. */
export interface Spent {
  readonly trueMs: number
  readonly bytes: number
  /** The period as the budget counts them, from the start: it has told of so many new ones. */
  readonly day: number
  readonly month: number
}

export class World {
  readonly spent: Spent[] = []
  readonly events: BudgetEvent[] = []
  /** The longest time without a message, of that with power. */
  longestPauseMs = 0
  /** Commits that were made for the budget only. */
  writes = 0
  trueMs: number
  readonly #config: BudgetConfig
  readonly #random: Random
  readonly #mishaps: Mishaps
  readonly #flash = new Map<string, number>()
  #clock = new FakeClock()
  #budget!: Budget
  #life = 0
  #up = false
  #crashes = 0
  #day = 0
  #month = 0
  #lastMessageMs = 0
  #poweredMs = 0
  #wallError = 0
  /** Days that began for the budget: the key of the one before, its own, and for how long there was power since that. */
  readonly turns: { readonly from: number; readonly to: number; readonly afterMs: number }[] = []
  #dayKey = 0
  #turnedMs = 0

  constructor(config: BudgetConfig, random: Random, mishaps: Mishaps, startMs: number) {
    this.#config = config
    this.#random = random
    this.#mishaps = mishaps
    this.trueMs = startMs
    this.#boot('right')
  }

  run(untilMs: number): void {
    const { crashes, crashesSpareSync = false, sync, wrong } = this.#mishaps
    while (this.trueMs < untilMs) {
      const stepMs = this.#random.int(1, 20) * MINUTE_MS
      const hours = stepMs / HOUR_MS
      this.#advance(stepMs)
      this.#crashes = crashesSpareSync && this.#wallError !== 0 ? 0 : crashes
      if (this.#random.chance(this.#crashes * hours)) this.#crash()
      if (this.#wallError !== 0 && this.#random.chance(sync * hours)) this.#setClock(0)
      if (this.#random.chance(wrong * hours)) this.#setClock(this.#random.int(-4, 4) * 24 * HOUR_MS)
      this.#live()
    }
    this.#pauseEnds()
  }

  #crash(): void {
    this.trueMs += this.#random.chance(0.7) ? this.#random.int(1, 60) * 1000 : this.#random.int(1, 12) * HOUR_MS
    this.#boot(this.#random.pick(this.#mishaps.clocks))
  }

  #onDay(): void {
    this.#day++
    const to = this.#flash.get('budget/cloud/lte/day/key')!
    this.turns.push({ from: this.#dayKey, to, afterMs: this.#poweredMs - this.#turnedMs })
    this.#dayKey = to
    this.#turnedMs = this.#poweredMs
  }

  #pauseEnds(): void {
    this.longestPauseMs = Math.max(this.longestPauseMs, this.#poweredMs - this.#lastMessageMs)
    this.#lastMessageMs = this.#poweredMs
  }

  #advance(ms: number): void {
    this.#clock.advance(ms)
    this.trueMs += ms
    this.#poweredMs += ms
  }

  #setClock(errorMs: number): void {
    this.#wallError = errorMs
    this.#clock.wallOffsetMs = this.trueMs + errorMs - this.#clock.now()
  }

  #boot(kind: 'right' | 'stale' | 'unset'): void {
    const lastWallMs = this.#clock.wall()
    this.#life++
    const life = this.#life
    this.#clock = new FakeClock()
    const clock = this.#clock
    this.#setClock(kind === 'right' ? 0 : (kind === 'stale' ? Math.min(lastWallMs, this.trueMs) : this.#random.int(0, 1000)) - this.trueMs)
    this.#up = false
    const save = (values: readonly BudgetValue[], durable: () => void): void => {
      clock.after(this.#random.int(1, 900), () => {
        if (life !== this.#life) return
        this.writes++
        for (const { key, value } of values) this.#flash.set(key, value)
        durable()
      })
    }
    const onEvent = (event: BudgetEvent): void => {
      this.events.push(event)
      if (event.kind !== 'begun') return
      if (event.period === 'day') this.#onDay()
      else this.#month++
    }
    const options = { uplink: 'cloud', link: 'lte', config: this.#config, connectBytes: 6000, values: new Map(this.#flash) }
    this.#budget = new Budget(options, { clock, save, onEvent, onRoom: () => {} })
    void this.#budget.start()
    this.#advance(1000) // the first row is on flash
  }

  /** A link as others drive it: up when it may be, messages as they may go, hung up when the budget says so. */
  #live(): void {
    const budget = this.#budget
    const name = this.#random.chance(0.2) ? 'alarm' : 'live'
    if (!this.#up) {
      if (!budget.mayConnect([name])) return
      const accepted = this.#random.chance(0.8)
      const bytes = accepted ? this.#random.int(1500, 5000) : this.#random.int(60, 600)
      this.#spend(bytes)
      budget.learnConnect(bytes, accepted)
      this.#up = accepted
      if (!accepted) return
    }
    for (let n = this.#random.int(0, 4); n > 0; n--) this.#message(this.#random.chance(0.2) ? 'alarm' : name)
    if (this.#random.chance(this.#crashes / 100)) return this.#crash() // in the midst of it: nothing has got to flash since
    if (this.#budget.mayStay([name])) this.#spend(this.#random.int(60, 150)) // a ping, or nothing but an acknowledgement
    if (!this.#budget.mayStay([name]) || this.#random.chance(0.1)) {
      this.#spend(this.#random.int(100, 300))
      this.#up = false
    }
  }

  #message(name: string): void {
    const bytes = this.#random.chance(0.05) ? this.#random.int(5000, 40_000) : this.#random.int(200, 5000)
    if (!this.#budget.allows(name, bytes)) {
      this.#advance(1000)
      if (!this.#budget.allows(name, bytes)) return
    }
    this.#budget.plan(bytes)
    this.#pauseEnds()
    this.#spend(Math.floor(bytes * 0.6))
    this.#spend(bytes - Math.floor(bytes * 0.6))
  }

  #spend(bytes: number): void {
    this.#budget.spend(bytes)
    this.spent.push({ trueMs: this.trueMs, bytes, day: this.#day, month: this.#month })
  }
}
