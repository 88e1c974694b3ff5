import { describe, expect, test } from 'vitest'
import type { ModbusReadConfig, ModbusTable } from '../../../../src/config/config.ts'
import { planBlocks, splitBlock } from '../../../../src/sensors/modbus/blocks.ts'
import { seededRandom } from '../../../../src/sensors/simulate.ts'

function read(address: number, count = 1, table: ModbusTable = 'holding'): ModbusReadConfig {
  const type = table === 'coil' || table === 'discrete' ? 'bit' : count === 1 ? 'uint16' : 'uint32'
  return { name: `${table}${address}`, table, address, count, type, bits: null, words: 'big', bytes: 'big' }
}

const LIMITS = { gapMax: 8, registersMax: 125, avoid: [] }
const shape = (blocks: ReturnType<typeof planBlocks>): [string, number, number, number][] => blocks.map((b) => [b.table, b.address, b.count, b.reads.length])

describe('blocks', () => {
  test('registers near each other are one request, in whatever order they are written', () => {
    expect(shape(planBlocks([read(10, 2), read(0), read(1)], LIMITS))).toEqual([['holding', 0, 12, 3]])
  })

  test('a gap of so many is read along, one more is not', () => {
    expect(shape(planBlocks([read(0), read(9)], LIMITS))).toEqual([['holding', 0, 10, 2]])
    expect(shape(planBlocks([read(0), read(10)], LIMITS))).toEqual([['holding', 0, 1, 1], ['holding', 10, 1, 1]])
    expect(shape(planBlocks([read(0), read(1), read(3)], { ...LIMITS, gapMax: 0 }))).toEqual([['holding', 0, 2, 2], ['holding', 3, 1, 1]])
  })

  test('tables are apart', () => {
    expect(shape(planBlocks([read(0), read(0, 1, 'input'), read(1, 1, 'coil'), read(0, 1, 'discrete')], LIMITS)).map(([table]) => table)).toEqual(['coil', 'discrete', 'holding', 'input'])
  })

  test('125 registers and 2000 bits at most, and a value is never cut', () => {
    const all = Array.from({ length: 130 }, (_, i) => read(2 * i, 2))
    expect(shape(planBlocks(all, LIMITS))).toEqual([['holding', 0, 124, 62], ['holding', 124, 124, 62], ['holding', 248, 12, 6]])
    const bits = Array.from({ length: 2001 }, (_, i) => read(i, 1, 'coil'))
    expect(shape(planBlocks(bits, LIMITS)).map(([, , count]) => count)).toEqual([2000, 1])
  })

  test('what is avoided is in no block', () => {
    expect(shape(planBlocks([read(0), read(3)], { ...LIMITS, avoid: [{ table: 'holding', from: 2, to: 2 }] }))).toHaveLength(2)
    expect(shape(planBlocks([read(0), read(3)], { ...LIMITS, avoid: [{ table: 'input', from: 2, to: 2 }] }))).toHaveLength(1)
    expect(shape(planBlocks([read(0), read(3)], { ...LIMITS, avoid: [{ table: 'holding', from: 4, to: 9 }] }))).toHaveLength(1)
  })

  test('the same register under two names is read once', () => {
    expect(shape(planBlocks([read(5, 2), read(5), read(6)], LIMITS))).toEqual([['holding', 5, 2, 3]])
  })

  test('whatever is asked for is in exactly one block, within all limits', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = seededRandom(`blocks ${seed}`)
      const below = (n: number): number => Math.floor(random() * n)
      const limits = { gapMax: below(20), registersMax: 2 + below(30), avoid: Array.from({ length: below(3) }, () => ({ table: 'holding' as const, from: 100, to: 100 + below(20) })) }
      const reads = Array.from({ length: 1 + below(40) }, () => read(below(2) === 0 ? below(99) : 130 + below(99), 1 + below(2)))
      const blocks = planBlocks(reads, limits)
      expect(blocks.flatMap((block) => block.reads).toSorted((a, b) => reads.indexOf(a) - reads.indexOf(b))).toEqual(reads)
      for (const { address, count, reads: inside } of blocks) {
        expect(count).toBeLessThanOrEqual(limits.registersMax)
        for (const one of inside) expect(one.address >= address && one.address + one.count <= address + count).toBe(true)
        for (const range of limits.avoid) expect(range.from >= address + count || range.to < address).toBe(true)
      }
    }
  })
})

describe('cutting a refused block', () => {
  const split = (...addresses: number[]): [number, number][] | null => splitBlock(planBlocks(addresses.map((address) => read(address)), LIMITS)[0]!)?.map((b) => [b.address, b.count]) as never

  test('at the widest gap, else in the middle', () => {
    expect(split(0, 1, 5, 6)).toEqual([[0, 2], [5, 2]])
    expect(split(0, 1, 2, 3)).toEqual([[0, 2], [2, 2]])
  })

  test('until each value stands alone', () => {
    let parts = planBlocks([0, 0, 1, 3, 9, 9].map((address) => read(address)), LIMITS)
    for (let i = 0; i < 6; i++) parts = parts.flatMap((block) => splitBlock(block) ?? [block])
    expect(parts.map((block) => block.reads.length)).toEqual([1, 1, 1, 1, 1, 1])
    expect(splitBlock(parts[0]!)).toBe(null)
  })
})
