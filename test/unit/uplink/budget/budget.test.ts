// What a link may spend, who may, what is on flash of it, and when it begins anew.
import { beforeEach, expect, test } from 'vitest'
import type { BudgetConfig } from '../../../../src/config/config.ts'
import { Budget, type BudgetEvent, type BudgetValue } from '../../../../src/uplink/budget/budget.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const NOON = new Date(2026, 10, 21, 12).getTime()
const CONFIG: BudgetConfig = { dayBytes: 100_000, monthBytes: Infinity, billingDay: 1, reserve: null, counts: 'auto' }
const WITH_RESERVE: BudgetConfig = { ...CONFIG, reserve: { class: 'alarm', share: 0.2 } }
const CONNECT_BYTES = 3000

/** A budget over the lives of its gateway. Flash takes what it is given `flashMs` later; null: when the test says so. */
class Bed {
  clock = new FakeClock()
  readonly flash = new Map<string, number>()
  events: BudgetEvent[] = []
  rooms = 0
  commits = 0
  flashMs: number | null = 0
  budget!: Budget
  waiting: (() => void)[] = []
  #life = 0

  /** A start after a power cut, or the first one; `wallMs` null: the clock is not set. */
  boot(config: BudgetConfig, wallMs: number | null, connectBytes = CONNECT_BYTES): Budget {
    this.#life++
    const life = this.#life
    this.clock = new FakeClock()
    this.setClock(wallMs)
    this.waiting = []
    const save = (values: readonly BudgetValue[], durable: () => void): void => {
      const keep = (): void => {
        if (life !== this.#life) return
        this.commits++
        for (const { key, value } of values) this.flash.set(key, value)
        durable()
      }
      if (this.flashMs === null) this.waiting.push(keep)
      else this.clock.after(this.flashMs, keep)
    }
    const deps = { clock: this.clock, save, onEvent: (event: BudgetEvent) => void this.events.push(event), onRoom: () => void this.rooms++ }
    this.budget = new Budget({ uplink: 'cloud', link: 'lte', config, connectBytes, values: new Map(this.flash) }, deps)
    void this.budget.start()
    this.clock.advance(1)
    return this.budget
  }

  setClock(wallMs: number | null): void {
    this.clock.wallOffsetMs = (wallMs ?? 5000) - this.clock.now()
  }

  keep(): void {
    for (const fn of this.waiting.splice(0)) fn()
  }

  get kinds(): string[] {
    return this.events.map((event) => `${event.period} ${event.kind}`)
  }

  get day(): number {
    return this.budget.figures('estimate').day.bytes
  }
}

let bed: Bed
beforeEach(() => {
  bed = new Bed()
})

test('what is spent is gone, and comes back with the next day', () => {
  const budget = bed.boot(CONFIG, NOON)
  expect(budget.allows('live', 3000)).toBe(true)
  budget.spend(90_000)
  bed.clock.advance(1)
  expect([budget.allows('live', 9501), budget.allows('live', 3000)]).toEqual([false, true])
  bed.clock.advance(12 * HOUR_MS + 2 * MINUTE_MS)
  expect(budget.remaining('live')).toBe(99_500)
  expect(bed.events.at(-1)).toEqual({ kind: 'begun', period: 'day', bytes: 90_000, limitBytes: 100_000 })
})

test('the last part is for its class', () => {
  const budget = bed.boot(WITH_RESERVE, NOON)
  expect([budget.remaining('live'), budget.remaining('alarm')]).toEqual([79_500, 99_500])
  budget.spend(79_800)
  expect([budget.remaining('live'), budget.remaining('alarm')]).toEqual([0, 19_700])
  expect([budget.mayConnect([]), budget.mayConnect(['live', 'bulk']), budget.mayConnect(['live', 'alarm'])]).toEqual([false, false, true])
  expect([budget.mayStay([]), budget.mayStay(['live']), budget.mayStay(['live', 'alarm'])]).toEqual([false, false, true])
  expect(budget.figures('kernel')).toMatchObject({ exhausted: true, reservedFor: 'alarm', countedBy: 'kernel', exhaustedUntilMs: new Date(2026, 10, 22).getTime() })
  budget.spend(19_900)
  expect([budget.mayConnect(['alarm']), budget.mayStay(['alarm'])]).toEqual([false, false])
})

test('a connection is not begun that cannot be paid for; one that is there stays as long as it can say goodbye', () => {
  const budget = bed.boot(CONFIG, NOON)
  budget.spend(96_499)
  expect(budget.mayConnect([])).toBe(true)
  budget.spend(1)
  expect([budget.mayConnect([]), budget.mayStay([])]).toEqual([false, true])
  budget.spend(2999)
  expect(budget.mayStay([])).toBe(true)
  budget.spend(1)
  expect(budget.mayStay([])).toBe(false)
})

test('what a connection costs is learned from the last ones; a failed one that was cheap says nothing', () => {
  const budget = bed.boot(CONFIG, NOON)
  budget.spend(98_000)
  expect(budget.mayConnect([])).toBe(false)
  budget.learnConnect(400, false)
  expect(budget.mayConnect([])).toBe(false)
  budget.learnConnect(1400, true)
  expect(budget.mayConnect([])).toBe(true)
  budget.learnConnect(1800, false)
  expect(budget.mayConnect([])).toBe(false)
  for (let i = 0; i < 5; i++) budget.learnConnect(1200, true)
  expect(budget.mayConnect([])).toBe(true)
  expect(budget.figures('estimate').connectBytes).toBe(1200)
})

test('a connection that costs more than half of the budget is tried as long as that half is there', () => {
  const budget = bed.boot({ ...CONFIG, dayBytes: 10_000 }, NOON)
  budget.learnConnect(30_000, false)
  budget.spend(4999)
  expect(budget.mayConnect([])).toBe(true)
  budget.spend(1)
  expect(budget.mayConnect([])).toBe(false)
})

test('a message of more than half of the budget goes when that half is there, or it would never go', () => {
  const budget = bed.boot(CONFIG, NOON)
  expect(budget.allows('live', 250_000)).toBe(false) // flash first
  bed.clock.advance(1)
  expect(bed.rooms).toBe(1)
  expect(budget.allows('live', 250_000)).toBe(true)
  budget.spend(50_001)
  expect([budget.allows('live', 250_000), budget.allows('live', 49_000)]).toEqual([false, true])
})

test('what is being sent counts before it is measured, but not for ever', () => {
  const budget = bed.boot(CONFIG, NOON)
  budget.plan(60_000)
  expect(budget.remaining('live')).toBe(39_500)
  budget.spend(50_000)
  expect(budget.remaining('live')).toBe(39_500)
  budget.spend(20_000)
  expect(budget.remaining('live')).toBe(29_500)
  budget.plan(20_000)
  expect(budget.allows('live', 10_000)).toBe(false)
  bed.clock.advance(31_000)
  expect(budget.remaining('live')).toBe(29_500)
})

test('a modem without connections needs no goodbye, and can have a budget of a few messages', () => {
  const config = { ...CONFIG, dayBytes: 1000 }
  const budget = bed.boot(config, NOON, 0)
  for (let i = 0; i < 2; i++) {
    if (!budget.allows('live', 340)) bed.clock.advance(1)
    expect([budget.mayConnect([]), budget.allows('live', 340)]).toEqual([true, true])
    budget.spend(340)
  }
  expect([budget.allows('live', 340), budget.remaining('live')]).toEqual([false, 320])
  bed.boot(config, NOON, 0)
  expect(bed.day).toBeLessThanOrEqual(340 * 2 + 62 + 340)
})

test('day and month: the one with less left counts', () => {
  const budget = bed.boot({ ...CONFIG, monthBytes: 150_000 }, NOON)
  budget.spend(90_000)
  bed.clock.advance(13 * HOUR_MS)
  expect(budget.remaining('live')).toBe(59_500)
  const { day, month, exhausted } = budget.figures('estimate')
  expect([day.bytes, month.bytes, day.lastBytes, exhausted]).toEqual([0, 90_000, 90_000, false])
  budget.spend(59_000)
  expect(budget.figures('estimate')).toMatchObject({ exhausted: true, exhaustedUntilMs: new Date(2026, 11, 1).getTime() })
})

// ---- flash

test('after a crash the count is not too low, and too high by a piece at most', () => {
  const budget = bed.boot(CONFIG, NOON)
  for (let i = 0; i < 60; i++) {
    const bytes = 500
    if (!budget.allows('live', bytes)) bed.clock.advance(1)
    expect(budget.allows('live', bytes)).toBe(true)
    budget.plan(bytes)
    budget.spend(bytes)
  }
  bed.boot(CONFIG, NOON)
  expect(bed.day).toBeGreaterThanOrEqual(30_000)
  expect(bed.day).toBeLessThanOrEqual(30_000 + 1024 + CONNECT_BYTES + 1000)
})

test('nothing is allowed that flash does not know of as spent', () => {
  bed.flashMs = null
  const budget = bed.boot(CONFIG, NOON)
  expect([budget.allows('live', 100), bed.flash.size]).toEqual([false, 0])
  bed.keep()
  expect(bed.rooms).toBe(1)
  expect(budget.allows('live', 100)).toBe(true)
  budget.spend(4000)
  expect(budget.allows('live', 1000)).toBe(false)
  bed.keep()
  bed.keep()
  expect(budget.allows('live', 1000)).toBe(true)
})

test('a new day begins when flash knows of it; what is spent meanwhile is of both', () => {
  bed.flashMs = null
  const budget = bed.boot(CONFIG, new Date(2026, 10, 21, 23, 59).getTime())
  bed.keep()
  budget.spend(3000)
  bed.keep()
  bed.clock.advance(2 * MINUTE_MS)
  budget.spend(700)
  expect([bed.day, bed.kinds]).toEqual([3700, []])
  bed.keep()
  expect([bed.day, bed.kinds]).toEqual([700, ['day begun']])
  expect(budget.figures('estimate').day.lastBytes).toBe(3700)
})

test('an orderly stop keeps the exact count, but for what the end itself costs', () => {
  const budget = bed.boot(CONFIG, NOON)
  budget.spend(12_345)
  budget.stop()
  bed.clock.advance(1)
  const { commits } = bed
  budget.spend(100)
  bed.clock.advance(HOUR_MS)
  expect(bed.commits).toBe(commits)
  bed.boot(CONFIG, NOON)
  expect(bed.day).toBe(12_845)
})

test('flash is written 256 times for a whole budget at most, and not at all when nothing is spent', () => {
  const config = { ...CONFIG, dayBytes: 2_000_000 }
  const budget = bed.boot(config, new Date(2026, 10, 21, 0, 0, 1).getTime())
  for (let spent = 0; spent < 1_990_000; spent += 300) {
    budget.spend(300)
    bed.clock.advance(10_000)
  }
  expect(bed.commits).toBeLessThanOrEqual(258)
  const { commits } = bed
  bed.boot(config, new Date(2026, 10, 22, 3).getTime())
  bed.clock.advance(20 * HOUR_MS)
  expect(bed.commits - commits).toBeLessThanOrEqual(2)
})

test('over its limit it is written no more often', () => {
  const budget = bed.boot(CONFIG, NOON)
  budget.spend(150_000)
  bed.clock.advance(10)
  const { commits } = bed
  for (let i = 0; i < 100; i++) {
    budget.spend(10)
    bed.clock.advance(10)
  }
  expect(bed.commits - commits).toBeLessThanOrEqual(3)
})

test('what is stored may be anything', () => {
  for (const field of ['key', 'bytes', 'lastBytes', 'sinceMs', 'told', 'blockedMs']) bed.flash.set(`budget/cloud/lte/day/${field}`, Number.NaN).set(`budget/cloud/lte/month/${field}`, -5)
  bed.boot(CONFIG, NOON)
  expect(bed.day).toBe(0)
  expect(bed.budget.mayConnect([])).toBe(true)
})

test('two links of two uplinks do not share what is kept', () => {
  bed.flash.set('budget/cloud/lte2/day/key', 20261121).set('budget/cloud/lte2/day/bytes', 99_000).set('budget/other/lte/day/bytes', 99_000)
  bed.boot(CONFIG, NOON)
  expect(bed.day).toBe(0)
})

// ---- what is told

test('80 %, the reserve, the end and the new day are told once each', () => {
  const budget = bed.boot(WITH_RESERVE, NOON)
  for (let i = 0; i < 140; i++) budget.spend(1000)
  expect(bed.kinds).toEqual(['day reserve-left', 'day used-up'])
  bed.clock.advance(13 * HOUR_MS)
  for (let i = 0; i < 70; i++) budget.spend(1000)
  expect(bed.kinds.slice(2)).toEqual(['day begun'])
})

test('without a reserve, 80 % comes first', () => {
  const budget = bed.boot(CONFIG, NOON)
  for (let i = 0; i < 85; i++) budget.spend(1000)
  expect(bed.events).toEqual([{ kind: 'warned', period: 'day', bytes: 80_000, limitBytes: 100_000 }])
  bed.clock.advance(10)
  bed.boot(CONFIG, NOON)
  bed.budget.spend(1000)
  expect(bed.kinds).toEqual(['day warned'])
  bed.budget.spend(20_000)
  expect(bed.kinds).toEqual(['day warned', 'day used-up'])
})

// ---- the clock

test('as long as the clock is not set, no new day begins; what was spent before it is set counts', () => {
  const budget = bed.boot(CONFIG, null)
  budget.spend(40_000)
  bed.clock.advance(30 * HOUR_MS)
  expect(bed.day).toBe(40_000)
  bed.setClock(NOON)
  bed.clock.advance(5 * MINUTE_MS)
  expect([bed.day, bed.kinds]).toEqual([40_000, []])
  bed.clock.advance(12 * HOUR_MS)
  expect([bed.day, bed.kinds]).toEqual([0, ['day begun']])
})

test('a clock that stood still over a night: what was spent since the start is of the new day', () => {
  const budget = bed.boot(CONFIG, NOON)
  budget.spend(30_000)
  bed.clock.advance(10)
  bed.boot(CONFIG, NOON + MINUTE_MS) // stale: it is the next morning
  const restored = bed.day
  expect(restored).toBeGreaterThanOrEqual(30_000)
  bed.budget.spend(20_000)
  bed.clock.advance(5 * MINUTE_MS)
  bed.setClock(NOON + 20 * HOUR_MS)
  bed.clock.advance(5 * MINUTE_MS + 1)
  expect([bed.day, bed.kinds]).toEqual([20_000, ['day begun']])
})

test('a night without power is no jump of the clock', () => {
  bed.boot(CONFIG, NOON).spend(30_000)
  bed.clock.advance(10)
  bed.boot(CONFIG, NOON + 20 * HOUR_MS)
  bed.clock.advance(1)
  expect([bed.day, bed.kinds]).toEqual([0, ['day begun']])
})

test('a clock that jumps forward by days forgets what is older than the new day', () => {
  const budget = bed.boot(CONFIG, NOON)
  budget.spend(30_000)
  bed.clock.advance(5 * HOUR_MS)
  bed.setClock(new Date(2026, 10, 23, 2).getTime())
  bed.clock.advance(5 * MINUTE_MS + 1)
  expect(bed.day).toBe(0)
})

test('a clock that goes back gives nothing twice, and the day goes on when it is there again', () => {
  const budget = bed.boot(CONFIG, NOON)
  budget.spend(98_000)
  bed.setClock(NOON - 30 * HOUR_MS)
  bed.clock.advance(15 * HOUR_MS)
  expect([bed.day, budget.mayConnect([])]).toEqual([98_000, false])
  expect(budget.figures('estimate')).toMatchObject({ exhausted: true, exhaustedUntilMs: null, day: { forecastBytes: null } })
  bed.setClock(NOON + 6 * HOUR_MS)
  bed.clock.advance(5 * HOUR_MS)
  expect(bed.day).toBe(98_000)
  bed.clock.advance(2 * HOUR_MS)
  expect(bed.day).toBe(0)
})

test('a clock that is never right again locks nobody out: after 26 hours without budget a new day has come, over power cuts too', () => {
  bed.boot(CONFIG, new Date(2036, 0, 1).getTime()).spend(98_000) // it was wrong by ten years
  bed.clock.advance(10)
  for (let hour = 0; hour < 25; hour += 5) {
    bed.boot(CONFIG, NOON)
    expect(bed.budget.mayConnect([])).toBe(false)
    bed.clock.advance(5 * HOUR_MS)
  }
  bed.boot(CONFIG, null)
  bed.clock.advance(2 * HOUR_MS)
  expect(bed.budget.mayConnect([])).toBe(true)
  expect(bed.kinds.at(-1)).toBe('day begun')
})

test('what the reserve spends while the clock is not set stays spent when the others get a new day', () => {
  const budget = bed.boot(WITH_RESERVE, null)
  budget.spend(77_000)
  bed.clock.advance(20 * HOUR_MS)
  budget.spend(10_000)
  bed.clock.advance(7 * HOUR_MS)
  expect(bed.day).toBe(10_500)
})

test('a day of 25 hours is one day', () => {
  const zone = process.env.TZ
  process.env.TZ = 'Europe/Berlin'
  try {
    const budget = bed.boot(CONFIG, new Date(2027, 9, 31, 0, 1).getTime())
    budget.spend(50_000)
    bed.clock.advance(24 * HOUR_MS)
    expect(bed.day).toBe(50_000)
    expect(budget.figures('estimate').day.endsAtMs).toBe(new Date(2027, 10, 1).getTime())
    bed.clock.advance(HOUR_MS)
    expect(bed.day).toBe(0)
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
})

test.each(Array.from({ length: 31 }, (_, i) => i + 1))('billing day %i: twelve months in a year, none longer than 31 days', (billingDay) => {
  const budget = bed.boot({ ...CONFIG, dayBytes: Infinity, monthBytes: 100_000, billingDay }, new Date(2027, 0, 1, 0, 0, 1).getTime())
  for (let day = 0; day < 365; day++) {
    if (budget.mayConnect([])) budget.spend(budget.remaining('live'))
    bed.clock.advance(24 * HOUR_MS)
  }
  const begun = bed.events.filter((event) => event.kind === 'begun')
  expect(begun.length).toBe(12)
  expect(begun.every((event) => event.bytes <= 100_000)).toBe(true)
})

// ---- the forecast

test('the forecast goes by the rate of the period, and early by that of the one before', () => {
  const budget = bed.boot({ ...CONFIG, dayBytes: 1_000_000 }, new Date(2026, 10, 20).getTime())
  const forecast = (): number | null => budget.figures('estimate').day.forecastBytes
  expect(forecast()).toBeNull()
  for (let hour = 0; hour < 24; hour++) {
    if (hour === 12) expect(forecast()).toBeCloseTo(240_000, -3)
    budget.spend(10_000)
    bed.clock.advance(HOUR_MS)
  }
  bed.clock.advance(MINUTE_MS)
  expect(forecast()).toBeCloseTo(240_000, -4) // nothing is known of this day yet
  budget.spend(30_000)
  bed.clock.advance(HOUR_MS)
  expect(forecast()).toBeGreaterThan(240_000)
  expect(forecast()).toBeLessThan(400_000) // one hour is not taken for a whole day
  for (let hour = 0; hour < 11; hour++) {
    budget.spend(30_000)
    bed.clock.advance(HOUR_MS)
  }
  expect(forecast()).toBeGreaterThan(700_000)
  expect(forecast()).toBeLessThan(730_000)
})

test('without a limit there are figures all the same', () => {
  const budget = bed.boot({ ...CONFIG, dayBytes: Infinity, monthBytes: 5_000_000 }, NOON)
  budget.spend(1000)
  expect(budget.figures('modem')).toMatchObject({ link: 'lte', day: { bytes: 1000, limitBytes: null, warned: false }, month: { bytes: 1000, limitBytes: 5_000_000 } })
  expect(JSON.stringify(budget.figures('modem'))).not.toContain('Infinity')
})
