// The ring in memory, beside the store in memory. Its blocks outlive a closing of that, as on a disk.
import { type Block, partsOf, type Ring, type RingBatch, RingError, type RingParts, type RingSnapshot, rowOf, type SeriesRow } from './ring.ts'

export class MemoryRing implements Ring {
  readonly #series = new Map<number, SeriesRow>()
  /** By sequence, oldest first. */
  #blocks: Block[] = []
  #lastNumber = 0
  /** null as long as it is not open. */
  #bytesMax: number | null = null

  async open(bytesMax: number): Promise<RingSnapshot> {
    this.#bytesMax = bytesMax
    return { series: [...this.#series.values()], blocks: this.#blocks.map(rowOf), lastNumber: this.#lastNumber, setAside: null }
  }

  async write({ series, gone, blocks, keepFrom }: RingBatch): Promise<number> {
    const bytesMax = this.#opened()
    const kept = [...this.#blocks.filter(({ sequence }) => sequence >= keepFrom), ...blocks]
    let bytes = kept.reduce((sum, { data }) => sum + data.length, 0)
    while (bytes > bytesMax) {
      if (kept.length <= blocks.length) throw new RingError('full', 'history.maxSize is less than one block takes')
      bytes -= kept.shift()!.data.length
    }
    for (const row of series) {
      this.#series.set(row.number, row)
      this.#lastNumber = Math.max(this.#lastNumber, row.number)
    }
    for (const number of gone) this.#series.delete(number)
    this.#blocks = kept
    return kept[0]?.sequence ?? keepFrom
  }

  async read(series: readonly number[], first: number, last: number): Promise<readonly RingParts[]> {
    this.#opened()
    return this.#blocks.filter(({ sequence }) => sequence >= first && sequence <= last).map(({ sequence, data }) => ({ sequence, parts: partsOf(data, series) }))
  }

  #opened(): number {
    if (this.#bytesMax === null) throw new RingError('failed', 'the history is not open')
    return this.#bytesMax
  }
}
