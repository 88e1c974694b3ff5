// A condition over time: what is given is what was seen and when, what is asked is when it was raised and over.
import { describe, expect, test } from 'vitest'
import { type Condition, GAP_MS_MAX, type Rule, STANDING, step, UNSEEN, zoneOf } from '../../../src/alarms/condition.ts'

/** 80 for 10 s raises, 75 for 20 s clears. */
const HOT: Rule = { raiseAt: 80, clearAt: 75, raiseAfterMs: 10_000, overAfterMs: 20_000 }
/** At once, both ways. */
const SPENT: Rule = { raiseAt: 1, clearAt: 0, raiseAfterMs: 0, overAfterMs: 0 }

type Look = readonly [sec: number, value: number | null]

/** `raised 20` and the like, in seconds. */
function events(rule: Rule, looks: readonly Look[], from: Condition = UNSEEN): string[] {
  const told: string[] = []
  let condition = from
  for (const [sec, value] of looks) {
    const next = step(condition, value, sec * 1000, rule)
    if (next.isRaised !== condition.isRaised) told.push(`${next.isRaised ? 'raised' : 'over'} ${sec}`)
    condition = next
  }
  return told
}

/** A value every five seconds, from 0 on. */
function every5(...values: readonly (number | null)[]): Look[] {
  return values.map((value, i) => [i * 5, value])
}

test.each([
  [81, 'bad'],
  [80, 'bad'],
  [79.9, 'neither'],
  [75.1, 'neither'],
  [75, 'good'],
  [-10, 'good'],
  [null, 'neither'],
] as const)('%s is %s', (value, zone) => expect(zoneOf(value, HOT)).toBe(zone))

describe('raised', () => {
  test.each<[string, readonly Look[], readonly string[]]>([
    ['after exactly so long', [[0, 80], [9.999, 80], [10, 80]], ['raised 10']],
    ['not sooner', [[0, 80], [9.999, 80]], []],
    ['not by what was good between two looks', [[0, 70], [100, 80], [109, 80]], []],
    ['not when it was well for long enough in between', every5(80, 80, 70, 70, 70, 70, 70, 80, 80), []],
    ['of what comes and goes: time adds up until it was well', every5(80, 80, 70, 80, 80), ['raised 20']],
    ['of what trembles around the mark: time between the marks neither counts nor clears', every5(80, 79, 80, 79, 80, 80, 79, 80, 80), ['raised 40']],
    ['not of what is not known', every5(null, null, null, null, null, null), []],
    ['of what is known now and then: what is not known takes nothing back', every5(80, 80, null, null, null, 80, 80), ['raised 30']],
    ['once', every5(80, 80, 80, 80, 80), ['raised 10']],
  ])('%s', (_, looks, told) => expect(events(HOT, looks)).toEqual(told))

  test('at the first look, where nothing has to last', () => expect(events(SPENT, [[0, 1]])).toEqual(['raised 0']))
})

describe('over', () => {
  const raised: Look[] = [[0, 80], [10, 80]]
  test.each<[string, readonly Look[], readonly string[]]>([
    ['after exactly so long', [[20, 75], [39.999, 75], [40, 75]], ['over 40']],
    ['not sooner', [[20, 75], [39.999, 75]], []],
    ['not between the marks', [[20, 76], [200, 76], [400, 79]], []],
    ['not when it was bad meanwhile', [[20, 75], [35, 75], [40, 80], [45, 75], [60, 75]], []],
    ['not by what is not known', [[20, 75], [30, 75], [35, null], [300, null], [305, 75], [310, 75]], []],
    ['what was good before it was not known counts', [[20, 75], [30, 75], [35, null], [300, null], [305, 75], [315, 75]], ['over 315']],
    ['and it can come again, after as long as the first time', [[20, 75], [40, 75], [50, 80], [59, 80], [60, 80]], ['over 40', 'raised 60']],
  ])('%s', (_, looks, told) => expect(events(HOT, [...raised, ...looks])).toEqual(['raised 10', ...told]))

  test('at the first look, where nothing has to last', () => expect(events(SPENT, [[0, 1], [1, 0], [2, 1]])).toEqual(['raised 0', 'over 1', 'raised 2']))
})

describe('of an earlier run', () => {
  test('it stands until it has been good for long enough', () => expect(events(HOT, [[0, null], [5, 75], [24, 75], [25, 75]], STANDING)).toEqual(['over 25']))
  test('it is not raised a second time', () => expect(events(HOT, [[0, 80], [10, 80], [20, 80]], STANDING)).toEqual([]))
})

test('a look that is hours late counts for a minute: nobody knows what was in between', () => {
  const rule = { ...HOT, raiseAfterMs: 3_600_000 }
  const late = [step(UNSEEN, 80, 0, rule)].map((first) => step(first, 80, 7_200_000, rule))[0]!
  expect(late).toMatchObject({ isRaised: false, badMs: GAP_MS_MAX })
})

test('random figures: an alarm needs all its bad time since it was last well, and does not end before its good time', () => {
  let seed = 7
  const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
  let condition = UNSEEN
  let [badMs, goodMs, nowMs, alarms] = [0, 0, 0, 0]
  let before: string | null = null
  for (let i = 0; i < 20_000; i++) {
    const passedMs = Math.ceil(random() * 6000)
    nowMs += passedMs
    const value = random() < 0.1 ? null : 60 + random() * 30 + (Math.floor(i / 50) % 2) * 8
    const zone = zoneOf(value, HOT)
    const next = step(condition, value, nowMs, HOT)
    if (zone === 'bad') [badMs, goodMs] = [badMs + (before === 'bad' ? passedMs : 0), 0]
    if (zone === 'good' && before === 'good') goodMs += passedMs
    if (next.isRaised && !condition.isRaised) {
      alarms++
      expect(badMs).toBeGreaterThanOrEqual(HOT.raiseAfterMs)
    }
    if (!next.isRaised && condition.isRaised) expect(goodMs).toBeGreaterThanOrEqual(HOT.overAfterMs)
    if (goodMs >= HOT.overAfterMs && zone === 'good') badMs = 0
    condition = next
    before = zone
  }
  expect(alarms).toBeGreaterThan(10)
})
