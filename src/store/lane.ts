// One lane: the segments of one audience, or of what is left of it when some destinations refused theirs (drop-newest), or what
// thinning out has left of them for one destination: a lane of its own (round.ts).
//
//   rows   |--- a ---|   |-- b --|--- c ---|          first..last of each; never overlapping within a lane
//   sums        10           25       40              running totals up to and including each row
//
// What is queued for a destination in (low, high] is one sum minus another: two index seeks, however many rows lie between.
// Only where `low` or `high` falls inside a row are its records walked. Always true: a row is deleted only when every member
// has settled all of it, so no row is missing from a range that somebody still has to settle.
import { RecordReader } from './record.ts'
import type { AudienceRow, Segment } from './store.ts'
import { SEQUENCE_MAX } from './store.ts'
import type { Backlog } from './backlog.ts'

export interface Header {
  readonly first: number
  readonly last: number
  readonly count: number
  readonly bytes: number
  readonly storedAtMs: number
  /** Messages and bytes in the lane up to and including this row. */
  readonly sumCount: number
  readonly sumBytes: number
}

/** The rows of all lanes, in SQLite (segments.ts) or in arrays (memory.ts). */
export interface SegmentRows {
  insert(lane: number, segment: Segment, sumCount: number, sumBytes: number): void
  /** The row with the highest `first` <= sequence. */
  floor(lane: number, sequence: number): Header | null
  /** The row with the lowest `first` > sequence. */
  above(lane: number, sequence: number): Header | null
  data(lane: number, first: number): Uint8Array
  /** Rows with from <= first < before in order, at least one and about `bytesMax`; `audience` is what they are to name. */
  run(lane: number, audience: number, from: number, before: number, bytesMax: number): Segment[]
  /** Deletes rows with first > above and last <= upTo, a bounded number of them; false when some are left. */
  remove(lane: number, above: number, upTo: number): boolean
}

export interface Size {
  count: number
  bytes: number
}

/** Where the records of a segment are: number i has `sequences[i]` and ends at `ends[i]`. */
export interface Marks {
  readonly sequences: Float64Array
  readonly ends: Float64Array
  readonly count: number
}

export function markRecords(data: Uint8Array, first: number, count: number): Marks {
  const sequences = new Float64Array(count)
  const ends = new Float64Array(count)
  const reader = new RecordReader(data, first)
  let n = 0
  try {
    while (n < count && reader.next()) {
      sequences[n] = reader.sequence
      ends[n++] = reader.end
    }
  } catch {
    // A damaged segment: what can be read of it counts, the rest has no place in any queue.
  }
  return { sequences, ends, count: n }
}

/** How many records have a sequence <= `upTo`. */
export function recordsUpTo(marks: Marks, upTo: number): number {
  let low = 0
  let high = marks.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (marks.sequences[middle]! <= upTo) low = middle + 1
    else high = middle
  }
  return low
}

const RULED_MAX = 32 // 8 KB each for 500 records; destinations that stand inside the same segments share them

interface Ruled {
  readonly lane: number
  readonly first: number
  readonly marks: Marks
}

const NOTHING_RULED: Ruled = { lane: 0, first: 0, marks: { sequences: new Float64Array(0), ends: new Float64Array(0), count: 0 } }

/** Walks records once: cursors move on inside the same few segments again and again. */
export class Ruler {
  readonly #rows: SegmentRows
  readonly #recent: Ruled[] = []
  #next = 0

  constructor(rows: SegmentRows) {
    this.#rows = rows
  }

  /** The lane's number may be given to another one. */
  forget(lane: number): void {
    for (let i = this.#recent.length - 1; i >= 0; i--) if (this.#recent[i]!.lane === lane) this.#recent[i] = NOTHING_RULED
  }

  marks(lane: number, row: Header): Marks {
    for (const r of this.#recent) if (r.first === row.first && r.lane === lane) return r.marks
    const marks =
      row.count === 1
        ? { sequences: Float64Array.of(row.last), ends: Float64Array.of(row.bytes), count: 1 } // however large: no need to fetch it
        : markRecords(this.#rows.data(lane, row.first), row.first, row.count)
    this.#recent[this.#next] = { lane, first: row.first, marks }
    this.#next = (this.#next + 1) % RULED_MAX
    return marks
  }
}

/** The set of destinations that lanes belong to. */
export interface Audience {
  row: AudienceRow
  /** Lanes of single members. While there are some, the others stay even when they are empty: their rows tell who the members are. */
  owned: number
  /** By `Lane.key`: '' is the lane of all members. */
  readonly lanes: Map<string, Lane>
}

export class Lane {
  readonly id: number
  readonly audience: Audience
  /** Destinations of the audience that are not in this lane. */
  readonly refused: readonly number[]
  /** The one destination whose own it is; 0 for a lane that new segments go to. */
  readonly owner: number
  readonly members: Backlog[]
  readonly #rows: SegmentRows
  readonly #ruler: Ruler

  /** First and last of the oldest row; 0 when the lane is empty. */
  head = 0
  headLast = 0
  /** Last of the newest row, and the sums there; 0 when the lane is empty. */
  tail = 0
  #sumCount = 0
  #sumBytes = 0

  constructor(id: number, audience: Audience, refused: readonly number[], owner: number, members: Backlog[], rows: SegmentRows, ruler: Ruler) {
    this.id = id
    this.audience = audience
    this.refused = refused
    this.owner = owner
    this.members = members
    this.#rows = rows
    this.#ruler = ruler
  }

  get key(): string {
    return this.owner === 0 ? this.refused.join() : `own ${this.id}`
  }

  get empty(): boolean {
    return this.tail === 0
  }

  /** Takes its ends from the rows: when it is opened, and after rows were deleted. */
  refresh(): void {
    const head = this.#rows.above(this.id, -1)
    const tail = head === null ? null : this.#rows.floor(this.id, SEQUENCE_MAX)
    this.head = head === null ? 0 : head.first
    this.headLast = head === null ? 0 : head.last
    this.tail = tail === null ? 0 : tail.last
    this.#sumCount = tail === null ? 0 : tail.sumCount
    this.#sumBytes = tail === null ? 0 : tail.sumBytes
  }

  append(segment: Segment): void {
    if (segment.first <= this.tail) throw new RangeError(`sequence ${segment.first} is not after ${this.tail}`)
    this.#rows.insert(this.id, segment, this.#sumCount + segment.count, this.#sumBytes + segment.data.length)
    if (this.tail === 0) {
      this.head = segment.first
      this.headLast = segment.last
    }
    this.tail = segment.last
    this.#sumCount += segment.count
    this.#sumBytes += segment.data.length
  }

  /** The first row that has something after `sequence`. */
  rowAfter(sequence: number): Header | null {
    if (sequence >= this.tail) return null
    if (sequence < this.head) return this.#rows.above(this.id, sequence)
    const row = this.#rows.floor(this.id, sequence)
    return row !== null && row.last > sequence ? row : this.#rows.above(this.id, sequence)
  }

  /** Adds what is stored in (low, high] to `size`. */
  measure(low: number, high: number, size: Size): void {
    const from = low < high ? this.rowAfter(low) : null
    if (from === null || from.first > high) return
    size.count += from.count - from.sumCount
    size.bytes += from.bytes - from.sumBytes
    if (from.first <= low) this.#part(from, low, size, -1)
    if (high >= this.tail) {
      size.count += this.#sumCount
      size.bytes += this.#sumBytes
      return
    }
    const to = from.last >= high ? from : this.#rows.floor(this.id, high)!
    size.count += to.sumCount
    size.bytes += to.sumBytes
    if (to.last > high) {
      size.count -= to.count
      size.bytes -= to.bytes
      this.#part(to, high, size, 1)
    }
  }

  #part(row: Header, upTo: number, size: Size, sign: 1 | -1): void {
    const marks = this.#ruler.marks(this.id, row)
    const n = recordsUpTo(marks, upTo)
    size.count += sign * n
    size.bytes += sign * (n === 0 ? 0 : marks.ends[n - 1]!)
  }

  /** Visits the records in (low, high], rows in order. */
  visit(low: number, high: number, each: (sequence: number, bytes: number) => void): void {
    let row = this.rowAfter(low)
    while (row !== null && row.first <= high) {
      const { sequences, ends, count } = this.#ruler.marks(this.id, row)
      for (let i = recordsUpTo({ sequences, ends, count }, low); i < count && sequences[i]! <= high; i++) {
        each(sequences[i]!, ends[i]! - (i === 0 ? 0 : ends[i - 1]!))
      }
      row = this.#rows.above(this.id, row.last)
    }
  }

  /** Bytes of the record of `sequence`, or 0 when it is not in this lane. */
  weigh(sequence: number): number {
    if (sequence > this.tail || sequence < this.head) return 0
    const row = this.#rows.floor(this.id, sequence)
    if (row === null || row.last < sequence) return 0
    const { sequences, ends, count } = this.#ruler.marks(this.id, row)
    const i = recordsUpTo({ sequences, ends, count }, sequence) - 1
    return i >= 0 && sequences[i] === sequence ? ends[i]! - (i === 0 ? 0 : ends[i - 1]!) : 0
  }

  data(row: Header): Uint8Array {
    return this.#rows.data(this.id, row.first)
  }

  run(from: number, before: number, bytesMax: number): Segment[] {
    return this.#rows.run(this.id, this.audience.row.id, from, before, bytesMax)
  }

  /** Deletes rows that every member has settled; false when there are more to delete than one turn should. */
  trim(): boolean {
    if (this.tail === 0) return true
    let settled = SEQUENCE_MAX
    for (const m of this.members) settled = Math.min(settled, m.doneWith(this))
    let done = true
    let removed = false
    if (settled >= this.headLast) {
      done = this.#rows.remove(this.id, -1, settled)
      removed = true
    }
    for (const m of this.members) {
      if (m.holeTo === 0) continue
      let upTo = m.holeTo
      for (const other of this.members) upTo = Math.min(upTo, other.doneFrom(this, m.holeFrom))
      if (upTo <= m.holeFrom) continue
      done = this.#rows.remove(this.id, m.holeFrom, upTo) && done
      removed = true
    }
    if (removed) this.refresh()
    return done
  }
}
