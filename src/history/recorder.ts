// Blocks on their way to flash, and those that are there. The ring is opened when somebody needs it: a start costs nothing.
//
//   closed ─► pending ─► one write, some KB, every quarter of an hour ─► ring
//                 └ the ring fails: told once, tried again with the next block; beyond PENDING_MAX the oldest are lost, and counted
//
// What is always true
//   1. A block is pending until the ring has it, so who reads both sees all of it, once.
//   2. How much is kept is counted in steps, not by the clock: a date that was wrong for an hour makes nothing old.
//   3. Nothing here rejects but for the reader.
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { type Block, type BlockRow, joinParts, type Ring, RingError, rowOf, type SeriesRow } from '../store/ring.ts'
import { type Cells, unpackCells } from './cells.ts'
import type { Series, SeriesTable } from './series.ts'

export interface HistoryLog {
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
}

export interface ClosedBlock {
  /** Of its first step; a stored time. */
  readonly startedAtMs: number
  readonly steps: number
  readonly parts: readonly { readonly series: Series; readonly bytes: Uint8Array }[]
}

export interface RecorderOptions {
  readonly stepMs: number
  readonly keepMs: number
  /** Of a block that nothing has cut short. */
  readonly blockSteps: number
  readonly bytesMax: number
}

export interface RecorderDeps {
  readonly clock: Clock
  readonly log: HistoryLog
  readonly counters: Counters
  readonly ring: Ring
  readonly table: SeriesTable
}

/** Cells of one series, from a stored time on. */
export interface Stretch {
  readonly series: number
  readonly startedAtMs: number
  readonly stepMs: number
  readonly cells: Cells
}

interface Pending extends ClosedBlock {
  sequence: number | null
}

const PENDING_MAX = 4
/** In one read of the ring: commits of messages come between two. */
const READ_BLOCKS_MAX = 32
/** A series is noted to be alive so many times while a block is kept. */
const SEEN_TIMES = 8
/** Blocks are cut short by restarts and clocks that are set; more of them than this, over those that `keep` needs, are not kept. */
const SHORT_BLOCKS_MAX = 256

export class Recorder {
  readonly #options: RecorderOptions
  readonly #deps: RecorderDeps
  /** On flash, oldest first. */
  #blocks: BlockRow[] = []
  #pending: Pending[] = []
  #lastSequence = 0
  #opening: Promise<void> | null = null
  #writing: Promise<void> = Promise.resolve()
  #hasTrouble = false

  constructor(options: RecorderOptions, deps: RecorderDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** The table knows what is on flash when this resolves, or the ring is not to be had, which has been told. */
  async ready(): Promise<void> {
    try {
      await this.#open()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Answers how many wait now. */
  push(block: ClosedBlock): number {
    this.#pending.push({ ...block, sequence: null })
    while (this.#pending.length > PENDING_MAX) this.#deps.counters.historyStepsLost += this.#pending.shift()!.steps
    return this.#pending.length
  }

  /** Writes what is pending, after a write that is under way. Never rejects. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  /**
   * What there is of the series in blocks that `isWanted`, by the place in `series`; in no order. Of what is pending as it is when this is called. Rejects
   * when the ring does.
   */
  async read(series: readonly Series[], isWanted: (block: Pick<BlockRow, 'startedAtMs' | 'stepMs' | 'steps'>) => boolean, take: (stretch: Stretch) => void): Promise<void> {
    const { stepMs } = this.#options
    for (const { startedAtMs, steps, parts } of this.#pending) {
      if (!isWanted({ startedAtMs, stepMs, steps })) continue
      for (const part of parts) tell(series.indexOf(part.series), part.bytes, { startedAtMs, stepMs, steps }, take)
    }
    const blocks = new Map(this.#blocks.filter(isWanted).map((block) => [block.sequence, block]))
    const sequences = [...blocks.keys()]
    const numbers = series.map(({ number }) => number ?? 0)
    try {
      for (let i = 0; i < sequences.length; i += READ_BLOCKS_MAX) {
        const some = sequences.slice(i, i + READ_BLOCKS_MAX)
        for (const { sequence, parts } of await this.#deps.ring.read(numbers, some[0]!, some.at(-1)!)) {
          const block = blocks.get(sequence)
          if (block !== undefined) parts.forEach((bytes, place) => tell(place, bytes, block, take))
        }
      }
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  #open(): Promise<void> {
    this.#opening ??= this.#begin().catch((error: unknown) => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  async #begin(): Promise<void> {
    const { ring, table, log } = this.#deps
    const { series, blocks, lastNumber, setAside } = await ring.open(this.#options.bytesMax)
    if (setAside !== null) log.warn(setAside, 'the history of before cannot be read: it was set aside and a new one begun; messages are not touched by that')
    this.#blocks = [...blocks]
    this.#lastSequence = Math.max(this.#lastSequence, blocks.at(-1)?.sequence ?? 0)
    table.merge(series, lastNumber)
  }

  async #write(): Promise<void> {
    if (this.#pending.length === 0) return
    const gone: number[] = []
    try {
      await this.#open()
      const written = [...this.#pending]
      const { table, ring } = this.#deps
      const rows = new Map<number, SeriesRow>()
      const blocks = written.map((block) => this.#blockOf(block, rows))
      const keepFrom = this.#keepFrom(blocks)
      table.sweep(keepFrom - this.#seenSlack, this.#deps.clock.now() - this.#options.keepMs)
      gone.push(...table.takeGone())
      const oldest = await ring.write({ series: [...rows.values()], gone, blocks, keepFrom })
      for (const { parts } of written) for (const { series } of parts) if (rows.has(series.number!)) series.seenOnFlash = series.seen
      this.#pending = this.#pending.filter((block) => !written.includes(block))
      this.#blocks = [...this.#blocks, ...blocks.map(rowOf)].filter(({ sequence }) => sequence >= oldest)
      if (this.#hasTrouble) this.#deps.log.info({}, 'the history is kept again')
      this.#hasTrouble = false
    } catch (error) {
      this.#deps.table.giveBack(gone)
      this.#fail(error)
      if (error instanceof RingError && error.fault === 'damaged') await this.ready() // it says that a new one was begun; the next write fills it
    }
  }

  /** `rows` gets what the ring has to know of its series. */
  #blockOf(block: Pending, rows: Map<number, SeriesRow>): Block {
    const { table } = this.#deps
    const sequence = (block.sequence ??= ++this.#lastSequence)
    const parts = block.parts.map(({ series, bytes }) => {
      const number = table.numberOf(series)
      series.seen = Math.max(series.seen, sequence)
      if (series.seenOnFlash === 0 || series.seen - series.seenOnFlash > this.#seenSlack) rows.set(number, { number, id: series.id, unit: series.unit, seen: series.seen })
      return { number, bytes }
    })
    return { sequence, startedAtMs: Math.round(block.startedAtMs), stepMs: this.#options.stepMs, steps: block.steps, data: joinParts(parts) }
  }

  /** The first block that is needed for as many steps as `keep` has. */
  #keepFrom(added: readonly BlockRow[]): number {
    const all = [...this.#blocks, ...added]
    const most = this.#blocksNeeded + SHORT_BLOCKS_MAX
    let keptMs = 0
    let i = all.length
    while (i > 0 && keptMs < this.#options.keepMs && all.length - i < most) {
      const { steps, stepMs } = all[--i]!
      keptMs += (steps === this.#options.blockSteps ? steps : steps - 1) * stepMs // the last step of one that was cut short was not whole
    }
    return all[i]?.sequence ?? 0
  }

  get #blocksNeeded(): number {
    const { keepMs, stepMs, blockSteps } = this.#options
    return Math.ceil(keepMs / (stepMs * blockSteps))
  }

  get #seenSlack(): number {
    return Math.ceil(this.#blocksNeeded / SEEN_TIMES)
  }

  /** Tells the first time; when the store itself has ended, it has told so. */
  #fail(error: unknown): void {
    if (!(error instanceof RingError)) return
    if (error.fault !== 'full') {
      this.#opening = null
      this.#blocks = []
    }
    if (!this.#hasTrouble) this.#deps.log.warn({ why: error.message }, 'the history on the card cannot be read or written: the last steps are kept in memory, messages are not touched by that')
    this.#hasTrouble = true
  }
}

function tell(place: number, bytes: Uint8Array | null, { startedAtMs, stepMs, steps }: Pick<BlockRow, 'startedAtMs' | 'stepMs' | 'steps'>, take: (stretch: Stretch) => void): void {
  const cells = place < 0 || bytes === null ? null : unpackCells(bytes, steps)
  if (cells !== null) take({ series: place, startedAtMs, stepMs, cells })
}
