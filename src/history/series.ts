// The series there are: what is measured here and now, and what blocks on flash still know of. seriesMax of them in all.
//
// What is always true
//   1. Whoever has told nothing since the start makes room for whoever tells something; when all have told something, what is new is left out.
//   2. A series that no block has any more, and that is silent, is forgotten.
//   3. A row of the columns belongs to one series, from its first value on.
import type { SeriesRow } from '../store/ring.ts'

export type SeriesSource = 'sensor' | 'topic' | 'gateway'

export interface Series {
  /** `sensor/tank/level`, `topic/a/b#field`, `gateway/clients`. */
  readonly id: string
  /** Of the columns. */
  readonly row: number
  unit: string | null
  /** In blocks on flash; null before the first. */
  number: number | null
  /** The last block that has something of it; 0 for none. */
  seen: number
  /** As it stands beside the blocks on flash; 0 for not at all, or with another unit. */
  seenOnFlash: number
  last: number
  /** Clock.now; null when nothing has come since the start. */
  lastAtMs: number | null
}

export class SeriesTable {
  readonly #max: number
  readonly #all = new Map<string, Series>()
  readonly #freeRows: number[] = []
  #rows = 0
  #lastNumber = 0
  /** Numbers that have lost their series, for the ring to forget. */
  #gone: number[] = []

  constructor(max: number) {
    this.#max = max
  }

  get all(): Iterable<Series> {
    return this.#all.values()
  }

  get(id: string): Series | undefined {
    return this.#all.get(id)
  }

  /** For a value that has come. null when there is no room. */
  admit(id: string, unit: string | null): Series | null {
    const known = this.#all.get(id)
    if (known !== undefined) {
      if (known.unit !== unit) known.seenOnFlash = 0
      known.unit = unit
      return known
    }
    return this.#all.size < this.#max || this.#makeRoom() ? this.#add(id, unit) : null
  }

  /** What the ring knows, when it has been opened: once more after it has begun anew. */
  merge(rows: readonly SeriesRow[], lastNumber: number): void {
    this.#lastNumber = Math.max(this.#lastNumber, lastNumber)
    for (const series of this.#all.values()) series.seenOnFlash = 0
    for (const { number, id, unit, seen } of rows.toSorted((a, b) => b.seen - a.seen)) {
      const series = this.#all.get(id) ?? (this.#all.size < this.#max ? this.#add(id, unit) : null)
      if (series === null || (series.number !== null && series.number !== number)) {
        this.#gone.push(number)
        continue
      }
      series.number = number
      series.seenOnFlash = seen
      series.seen = Math.max(series.seen, seen)
    }
  }

  /** Its number, which is given with its first block. */
  numberOf(series: Series): number {
    return (series.number ??= ++this.#lastNumber)
  }

  /** Forgets who has nothing in the block `keepFrom` and later ones, and has told nothing since `quietMs` (Clock.now). */
  sweep(keepFrom: number, quietMs: number): void {
    for (const series of this.#all.values()) {
      if (series.number !== null && series.seen < keepFrom && (series.lastAtMs === null || series.lastAtMs < quietMs)) this.#drop(series)
    }
  }

  takeGone(): readonly number[] {
    const gone = this.#gone
    this.#gone = []
    return gone
  }

  /** The ring could not be told. */
  giveBack(gone: readonly number[]): void {
    this.#gone.push(...gone)
  }

  #add(id: string, unit: string | null): Series {
    const series: Series = { id, row: this.#freeRows.pop() ?? this.#rows++, unit, number: null, seen: 0, seenOnFlash: 0, last: 0, lastAtMs: null }
    this.#all.set(id, series)
    return series
  }

  #makeRoom(): boolean {
    let silent: Series | null = null
    for (const series of this.#all.values()) if (series.lastAtMs === null && (silent === null || series.seen < silent.seen)) silent = series
    if (silent !== null) this.#drop(silent)
    return silent !== null
  }

  #drop(series: Series): void {
    this.#all.delete(series.id)
    this.#freeRows.push(series.row)
    if (series.number !== null) this.#gone.push(series.number)
  }
}
