// Cells → bytes → the same cells: numbers come back as they were, means to two decimals more, and whatever bytes there are do no harm.
import { describe, expect, test } from 'vitest'
import { type Cells, makeCells, packCells, unpackCells } from '../../../src/history/cells.ts'
import { Columns } from '../../../src/history/columns.ts'

const STEPS = 15

/** One list of values for each step. */
function cellsOf(...steps: readonly (readonly number[])[]): Cells {
  const columns = new Columns(STEPS)
  steps.forEach((values, step) => {
    for (const value of values) columns.add(0, step, value)
  })
  return columns.cellsOf(0)
}

function shown(cells: Cells | null): unknown {
  return cells === null ? null : [...cells.count].map((count, i) => (count === 0 ? null : [count, cells.min[i], cells.mean[i], cells.max[i]]))
}

function roundTrip(cells: Cells): Cells | null {
  return unpackCells(packCells(cells)!, STEPS)
}

const nulls = (n: number): null[] => Array.from({ length: n }, () => null)

describe('columns', () => {
  test('count, least, mean and largest of each step', () => {
    expect(shown(cellsOf([3, 1, 2], [], [-5]))).toEqual([[3, 1, 2, 3], null, [1, -5, -5, -5], ...nulls(12)])
  })

  test('rows do not touch each other, however many there are', () => {
    const columns = new Columns(STEPS)
    for (let row = 0; row < 100; row++) columns.add(row, row % STEPS, row)
    for (let row = 0; row < 100; row++) expect(shown(columns.cellsOf(row))).toEqual([...nulls(row % STEPS), [1, row, row, row], ...nulls(STEPS - 1 - (row % STEPS))])
  })

  test('a row that nothing was added to is empty, and so is every row of the next block', () => {
    const columns = new Columns(STEPS)
    columns.add(1, 3, 7)
    expect([shown(columns.cellsOf(0)), shown(columns.cellsOf(500))]).toEqual([nulls(STEPS), nulls(STEPS)])
    columns.clear()
    expect(shown(columns.cellsOf(1))).toEqual(nulls(STEPS))
    columns.add(1, 3, -1)
    expect(shown(columns.cellsOf(1))).toEqual([...nulls(3), [1, -1, -1, -1], ...nulls(11)])
  })
})

describe('packed', () => {
  test.each<[string, readonly (readonly number[])[]]>([
    ['one value', [[21.5]]],
    ['several', [[21.5, 21.4, 21.7], [21.5], [], [22]]],
    ['below zero', [[-40.25], [-40, -39.75], [1]]],
    ['a total', [[4_000_000_001], [4_000_000_007]]],
    ['large and small', [[123_456.789], [0.000_001]]],
    ['no short decimals', [[Math.PI], [1 / 3, 2 / 3]]],
    ['beyond what decimals reach', [[1e300], [-1e300, 1e-300]]],
    ['zero', [[0], [0, 0]]],
    ['only the last step', [...Array.from({ length: STEPS - 1 }, () => []), [7]]],
  ])('%s', (_, steps) => {
    const cells = cellsOf(...steps)
    const back = roundTrip(cells)!
    expect([...back.count]).toEqual([...cells.count])
    expect([...back.min].map((v, i) => v === cells.min[i])).toEqual(Array.from({ length: STEPS }, () => true))
    expect([...back.max].map((v, i) => v === cells.max[i])).toEqual(Array.from({ length: STEPS }, () => true))
    for (let i = 0; i < STEPS; i++) expect(back.mean[i]).toBeCloseTo(cells.mean[i]!, 2)
  })

  test('a mean has two decimals more than its values', () => {
    expect(shown(roundTrip(cellsOf([1, 2, 2])))).toEqual([[3, 1, 1.67, 2], ...nulls(14)])
  })

  test('nothing is nothing', () => expect(packCells(makeCells(STEPS))).toBeNull())

  test('of decimal readings a step takes six bytes at most', () => {
    const steps = Array.from({ length: STEPS }, (_, step) => Array.from({ length: 60 }, (_, i) => Math.round(215 + 30 * Math.sin(step) + (i % 7)) / 10))
    expect(packCells(cellsOf(...steps))!.length).toBeLessThanOrEqual(2 + 6 * STEPS)
  })

  test('thousands of random ones come back', () => {
    let seed = 7
    const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
    for (let run = 0; run < 2000; run++) {
      const unit = 10 ** Math.floor(random() * 9)
      const values = Array.from({ length: STEPS }, () => Array.from({ length: Math.floor(random() * 4) }, () => Math.round((random() - 0.5) * 1e6) / unit))
      const cells = cellsOf(...values)
      const bytes = packCells(cells)
      if (bytes === null) continue
      const back = unpackCells(bytes, STEPS)!
      expect([back.count, back.min, back.max].map((all) => [...all])).toEqual([cells.count, cells.min, cells.max].map((all) => [...all].map((v) => v + 0)))
    }
  })
})

describe('bytes that are no cells', () => {
  const good = packCells(cellsOf([21.5, 21.4], [3], [1, 2, 3]))!

  test('cut anywhere they are refused, or are the steps before', () => {
    const all = shown(unpackCells(good, STEPS)) as unknown[]
    for (let length = 0; length < good.length; length++) {
      const cells = shown(unpackCells(good.subarray(0, length), STEPS)) as unknown[] | null
      if (cells !== null) expect(cells.filter((cell) => cell !== null)).toEqual(all.slice(0, cells.filter((cell) => cell !== null).length))
    }
    expect(all.filter((cell) => cell !== null)).toHaveLength(3)
  })

  test.each([
    ['decimals that there are not', Uint8Array.of(7, 1, 2)],
    ['a number without an end', new Uint8Array(40).fill(0xff).fill(0, 0, 1)],
    ['more steps than the block has', Uint8Array.of(0, ...Array.from({ length: STEPS + 1 }, () => [1, 2]).flat())],
  ])('%s', (_, bytes) => expect(unpackCells(bytes, STEPS)).toBeNull())

  test('random ones neither throw nor hang', () => {
    let seed = 1
    for (let run = 0; run < 5000; run++) {
      const bytes = Uint8Array.from({ length: run % 60 }, () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >>> 20)
      expect(unpackCells(bytes, STEPS)?.count.length ?? STEPS).toBe(STEPS)
    }
  })
})
