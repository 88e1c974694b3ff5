// The averages of $SYS/broker/load/, against what a Mosquitto 2.0.11 published for the same totals.
import { describe, expect, test } from 'vitest'
import { LoadAverage, SPANS } from '../../../src/ops/load-average.ts'

const shown = (load: LoadAverage): string[] => load.perMinute.map((value) => value.toFixed(2))

describe('as Mosquitto 2.0.11 publishes them', () => {
  test.each([
    ['one connection, then two more', [[1, 2000, ['0.98', '0.20', '0.07']], [3, 2000, ['2.92', '0.60', '0.20']]]],
    ['bytes received', [[27, 2000, ['26.55', '5.38', '1.80']], [80, 2000, ['77.81', '15.91', '5.32']], [80, 2000, ['75.26', '15.81', '5.31']]]],
    ['bytes sent', [[2219, 2000, ['2182.42', '442.32', '147.77']]]],
  ] as const)('%s', (_, steps) => {
    const load = new LoadAverage()
    for (const [total, elapsedMs, averages] of steps) {
      load.update(total, elapsedMs)
      expect(shown(load)).toEqual(averages)
    }
  })
})

test('nothing has happened: zero, with two decimals', () => {
  const load = new LoadAverage()
  expect(shown(load)).toEqual(SPANS.map(() => '0.00'))
  load.update(0, 10_000)
  expect(shown(load)).toEqual(SPANS.map(() => '0.00'))
})

test('a constant rate is reached, whatever the interval', () => {
  for (const intervalMs of [1000, 7000, 60_000]) {
    const load = new LoadAverage()
    let total = 0
    for (let passedMs = 0; passedMs < 4 * 3600_000; passedMs += intervalMs) load.update((total += intervalMs / 100), intervalMs) // 600 a minute
    expect(shown(load)).toEqual(['600.00', '600.00', '600.00'])
  }
})

test('after a burst the shorter span forgets sooner', () => {
  const load = new LoadAverage()
  load.update(1000, 10_000)
  for (let i = 0; i < 30; i++) load.update(1000, 10_000)
  const [one, five, fifteen] = load.perMinute
  expect(one).toBeLessThan(10)
  expect(five).toBeGreaterThan(50)
  expect(fifteen).toBeGreaterThan(40)
  expect(fifteen).toBeLessThan(five!)
})

test('no time has passed: the total is taken in by the next call', () => {
  const [load, plain] = [new LoadAverage(), new LoadAverage()]
  load.update(50, 0)
  expect(shown(load)).toEqual(['0.00', '0.00', '0.00'])
  load.update(50, 2000)
  plain.update(50, 2000)
  expect(load.perMinute).toEqual(plain.perMinute)
})
