// 400 days from a seed, with power cuts and clocks that are wrong: no budget is exceeded by more than one message, and nobody is locked out
// for ever.
import { describe, expect, test } from 'vitest'
import type { BudgetConfig } from '../../../../src/config/config.ts'
import { dayOf, monthOf } from '../../../../src/uplink/budget/billing-period.ts'
import { Random } from '../../../sim/random.ts'
import { type Mishaps, type Spent, World } from './budget-world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const START_MS = Date.UTC(2026, 10, 21, 7)
const DAYS = 400
const SEEDS = [20_261_121]

const DAY_ONLY: BudgetConfig = { dayBytes: 200_000, monthBytes: Infinity, billingDay: 1, reserve: { class: 'alarm', share: 0.2 }, counts: 'auto' }
const BOTH: BudgetConfig = { ...DAY_ONLY, monthBytes: 3_000_000, billingDay: 31 }
const TINY: BudgetConfig = { ...DAY_ONLY, dayBytes: 12_000, reserve: null }

/**
 * By how much a budget may be exceeded: the largest message of the world where that is more than half of it, else what a connection costs
 * beyond what the last ones have cost, and a few acknowledgements.
 */
function slackOf(limitBytes: number): number {
  return limitBytes < 80_000 ? 40_000 : 5000
}

function most(spent: readonly Spent[], periodOf: (s: Spent) => number): number {
  const sums = new Map<number, number>()
  for (const s of spent) sums.set(periodOf(s), (sums.get(periodOf(s)) ?? 0) + s.bytes)
  return Math.max(...sums.values())
}

function lived(config: BudgetConfig, seed: number, mishaps: Mishaps): World {
  const world = new World(config, new Random(seed), mishaps, START_MS)
  world.run(START_MS + DAYS * DAY_MS)
  return world
}

describe.each(SEEDS)('seed %i', (seed) => {
  const configs = [['a day', DAY_ONLY], ['a day and a month', BOTH], ['hardly anything', TINY]] as const

  test.each(configs)('power cuts, a clock that is right: %s', (_, config) => {
    const { spent, longestPauseMs } = lived(config, seed, { crashes: 0.05, clocks: ['right'], sync: 0, wrong: 0 })
    expect(most(spent, (s) => dayOf(s.trueMs).key)).toBeLessThanOrEqual(config.dayBytes + slackOf(config.dayBytes))
    expect(most(spent, (s) => monthOf(s.trueMs, config.billingDay).key)).toBeLessThanOrEqual(config.monthBytes + slackOf(config.monthBytes))
    if (config.monthBytes === Infinity) expect(longestPauseMs).toBeLessThan(60 * HOUR_MS)
  })

  test.each(configs)('a clock that is set a while after each start: %s', (_, config) => {
    const { spent, longestPauseMs } = lived(config, seed, { crashes: 0.03, crashesSpareSync: true, clocks: ['right', 'stale', 'unset'], sync: 0.5, wrong: 0 })
    expect(most(spent, (s) => dayOf(s.trueMs).key)).toBeLessThanOrEqual(config.dayBytes + slackOf(config.dayBytes))
    expect(most(spent, (s) => monthOf(s.trueMs, config.billingDay).key)).toBeLessThanOrEqual(config.monthBytes + slackOf(config.monthBytes))
    expect(most(spent, (s) => s.day)).toBeLessThanOrEqual(config.dayBytes + slackOf(config.dayBytes))
    expect(most(spent, (s) => s.month)).toBeLessThanOrEqual(config.monthBytes + slackOf(config.monthBytes))
    if (config.monthBytes === Infinity) expect(longestPauseMs).toBeLessThan(60 * HOUR_MS)
  })

  test.each(configs)('a clock that is lost, wrong by days, and set again: %s', (_, config) => {
    const { spent, longestPauseMs, turns } = lived(config, seed, { crashes: 0.04, clocks: ['right', 'stale', 'unset'], sync: 0.02, wrong: 0.005 })
    expect(most(spent, (s) => s.day)).toBeLessThanOrEqual(config.dayBytes + slackOf(config.dayBytes))
    expect(most(spent, (s) => s.month)).toBeLessThanOrEqual(config.monthBytes + slackOf(config.monthBytes))
    // A clock that goes back gives nothing again: only so long without budget does.
    expect(turns.filter(({ from, to, afterMs }) => to <= from && afterMs < 25 * HOUR_MS)).toEqual([])
    if (config.monthBytes === Infinity) expect(longestPauseMs).toBeLessThan(14 * DAY_MS)
  })

  test.each(configs)('a clock that is never set: %s', (_, config) => {
    const { spent, longestPauseMs } = lived(config, seed, { crashes: 0.02, clocks: ['unset'], sync: 0, wrong: 0 })
    expect(most(spent, (s) => dayOf(s.trueMs).key)).toBeLessThanOrEqual(config.dayBytes + slackOf(config.dayBytes))
    expect(longestPauseMs).toBeLessThan(33 * DAY_MS)
  })
})
