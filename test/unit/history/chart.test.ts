// Steps become points: which point a step is in, and what is said of several steps in one.
import { describe, expect, test } from 'vitest'
import { type Cells, makeCells } from '../../../src/history/cells.ts'
import { Chart, gridOf } from '../../../src/history/chart.ts'

const MINUTE_MS = 60_000
const NOW_MS = Date.UTC(2026, 10, 21, 12, 0, 30)

/** One value a step. */
function steps(...values: readonly (number | null)[]): Cells {
  const cells = makeCells(values.length)
  values.forEach((value, i) => {
    if (value === null) return
    cells.count[i] = 1
    cells.mean[i] = cells.min[i] = cells.max[i] = value
  })
  return cells
}

describe('the grid', () => {
  test.each([
    ['as many points as steps', 3600, 60, { pointMs: MINUTE_MS, points: 60 }],
    ['more points than steps', 600, 300, { pointMs: MINUTE_MS, points: 10 }],
    ['fewer', 6 * 3600, 300, { pointMs: 2 * MINUTE_MS, points: 180 }],
    ['one', 48 * 3600, 1, { pointMs: 48 * 60 * MINUTE_MS, points: 1 }],
    ['not a whole number of points', 25 * 60, 10, { pointMs: 3 * MINUTE_MS, points: 9 }],
  ])('%s', (_, forSec, points, grid) => expect(gridOf(NOW_MS, forSec * 1000, MINUTE_MS, points)).toMatchObject(grid))

  test('ends with the point that is now in, and stays the same until the next', () => {
    const { startMs, points } = gridOf(NOW_MS, 600_000, MINUTE_MS, 300)
    expect(startMs + points * MINUTE_MS).toBe(Date.UTC(2026, 10, 21, 12, 1))
    expect(gridOf(NOW_MS + 29_000, 600_000, MINUTE_MS, 300).startMs).toBe(startMs)
    expect(gridOf(NOW_MS + 31_000, 600_000, MINUTE_MS, 300).startMs).toBe(startMs + MINUTE_MS)
  })
})

describe('a chart', () => {
  const grid = { startMs: 0, pointMs: 2 * MINUTE_MS, points: 3 }

  test('is null where there was nothing', () => {
    expect(new Chart(grid).points).toEqual({ at: [0, 120, 240], mean: [null, null, null], min: [null, null, null], max: [null, null, null] })
  })

  test('means are of all values, not of steps', () => {
    const cells = steps(1, 4)
    cells.count[0] = 3
    const chart = new Chart(grid)
    chart.add(0, MINUTE_MS, cells)
    expect(chart.points).toMatchObject({ mean: [1.75, null, null], min: [1, null, null], max: [4, null, null] })
  })

  test('what lies before and behind it is left out', () => {
    const chart = new Chart(grid)
    chart.add(-2 * MINUTE_MS, MINUTE_MS, steps(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
    expect(chart.points).toMatchObject({ min: [3, 5, 7], max: [4, 6, 8] })
  })

  test('several blocks, in whatever order, with a gap', () => {
    const chart = new Chart(grid)
    chart.add(5 * MINUTE_MS, MINUTE_MS, steps(9))
    chart.add(0, MINUTE_MS, steps(1, null))
    expect(chart.points.mean).toEqual([1, null, 9])
  })

  test('steps that begin anywhere have a point each when points are as long', () => {
    for (let shiftMs = -29_000; shiftMs < 30_000; shiftMs += 1000) {
      const chart = new Chart({ startMs: 0, pointMs: MINUTE_MS, points: 4 })
      chart.add(shiftMs, MINUTE_MS, steps(1, 2, 3, 4))
      expect(chart.points.mean).toEqual([1, 2, 3, 4])
    }
  })

  test('no dust of binary fractions', () => {
    const chart = new Chart({ startMs: 0, pointMs: 3 * MINUTE_MS, points: 1 })
    chart.add(0, MINUTE_MS, steps(0.1, 0.2, 0.3))
    expect(chart.points.mean).toEqual([0.2])
  })
})
