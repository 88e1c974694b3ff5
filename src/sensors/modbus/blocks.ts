// Which registers go into one request. Pure.
// Rules: a block is of one table and within what the standard (MODBUS Application Protocol V1.1b3 section 6) and the configuration allow. A
// gap of a few registers is read along, for a request costs more than they do; what the configuration avoids never is.
import type { ModbusRange, ModbusReadConfig, ModbusTable } from '../../config/config.ts'

export const BITS_MAX = 2000
/** Bits are sixteen times as cheap as registers. */
const BITS_OF_GAP = 16

export interface Block {
  readonly table: ModbusTable
  readonly address: number
  /** Registers or bits. */
  readonly count: number
  /** What stands in it, by address. Never empty. */
  readonly reads: readonly ModbusReadConfig[]
}

export interface BlockLimits {
  readonly gapMax: number
  readonly registersMax: number
  readonly avoid: readonly ModbusRange[]
}

export function planBlocks(reads: readonly ModbusReadConfig[], limits: BlockLimits): Block[] {
  const blocks: Block[] = []
  const sorted = reads.toSorted((a, b) => (a.table === b.table ? a.address - b.address : a.table < b.table ? -1 : 1))
  for (const read of sorted) {
    const last = blocks.at(-1)
    const joined = last === undefined ? null : join(last, read, limits)
    if (joined === null) blocks.push({ table: read.table, address: read.address, count: read.count, reads: [read] })
    else blocks[blocks.length - 1] = joined
  }
  return blocks
}

/** Two blocks of one that a slave refused, cut at its widest gap; null when it has one value only. */
export function splitBlock(block: Block): readonly [Block, Block] | null {
  const { reads } = block
  if (reads.length < 2) return null
  let at = 0
  let widest = -Infinity
  let end = 0
  for (let i = 1; i < reads.length; i++) {
    end = Math.max(end, endOf(reads[i - 1]!))
    const gap = reads[i]!.address - end
    const nearerMiddle = gap === widest && Math.abs(i - reads.length / 2) < Math.abs(at - reads.length / 2)
    if (gap <= widest && !nearerMiddle) continue
    widest = gap
    at = i
  }
  return [blockOf(reads.slice(0, at)), blockOf(reads.slice(at))]
}

function join(block: Block, read: ModbusReadConfig, { gapMax, registersMax, avoid }: BlockLimits): Block | null {
  const isBits = read.type === 'bit'
  const end = block.address + block.count
  const newEnd = Math.max(end, endOf(read))
  const count = newEnd - block.address
  if (block.table !== read.table || count > (isBits ? BITS_MAX : registersMax)) return null
  if (read.address - end > (isBits ? BITS_OF_GAP * gapMax : gapMax)) return null
  if (avoid.some((range) => range.table === block.table && range.from < newEnd && range.to >= block.address)) return null
  return { ...block, count, reads: [...block.reads, read] }
}

function blockOf(reads: readonly ModbusReadConfig[]): Block {
  const { table, address } = reads[0]!
  return { table, address, count: Math.max(...reads.map(endOf)) - address, reads }
}

function endOf(read: ModbusReadConfig): number {
  return read.address + read.count
}
