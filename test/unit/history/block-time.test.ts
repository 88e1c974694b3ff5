// The steps of a block: where one ends the next has begun, whatever fractions the clocks have.
import { expect, test } from 'vitest'
import { BlockTime } from '../../../src/history/block-time.ts'

const MINUTE_MS = 60_000
const WALL_MS = Date.UTC(2026, 10, 22, 12)

test('at the end of a step it is the next one', () => {
  for (let i = 0; i < 1000; i++) {
    const nowMs = 61_000 + i / 999
    const time = new BlockTime(MINUTE_MS, nowMs, WALL_MS + 1000 + i / 7)
    for (let step = 0; step < 40; step++) {
      const leftMs = time.endOf(step) - nowMs
      expect([time.stepAt(time.endOf(step)), time.stepAt(nowMs + leftMs)], `${nowMs}, step ${step}`).toEqual([step + 1, step + 1])
    }
  }
})

test('it begins at a whole step of the stored time; one that would be short is not begun', () => {
  const into = (ms: number): BlockTime => new BlockTime(MINUTE_MS, 500_000, WALL_MS + ms)
  expect([into(10_000).startedAtMs, into(10_000).endOf(0)]).toEqual([WALL_MS, 550_000])
  expect([into(50_000).startedAtMs, into(50_000).endOf(0)]).toEqual([WALL_MS + MINUTE_MS, 570_000])
  expect(into(50_000).stepAt(500_000)).toBe(0)
})

test('a clock that was set is a jump, one that drifts is none', () => {
  const time = new BlockTime(MINUTE_MS, 0, WALL_MS)
  expect([time.hasJumped(10_000, WALL_MS + 10_000), time.hasJumped(10_000, WALL_MS + 39_000), time.hasJumped(10_000, WALL_MS + 41_000)]).toEqual([false, false, true])
})
