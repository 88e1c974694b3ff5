// The backlog of one destination: what it has settled, and what that leaves in the lanes it is a member of.
//
//   settled   ≤ cursor        ahead: single numbers         hole: (holeFrom, holeTo], dropped while older ones are in flight
//   ──────────────────┤ · · ▪ · ▪ · · ├─────────────────────────┤ · · · · · · ►
//
// Of a lane that it shares it may be through with more: what thinning out has left of that lies in a lane of its own (round.ts).
//
//   shared    ───────────────────── moved ┤ · · · · · · · · · ►          rows up to `moved` mean the other members only
//   own       ────────┤ ·   · ·    ·      |
//
// Always true: `count` and `bytes` are exactly the records of its lanes beyond the cursor, beyond what was moved, outside the hole and not
// in `ahead`; `live` holds every lane with a row that ends beyond the cursor and what was moved, and for each a number that no such row
// starts before.
// Nothing settled is ever unsettled: an older cursor row than the one kept changes nothing.
import { elapsedBetween } from '../stored-time.ts'
import type { Header, Lane, Size } from './lane.ts'
import { markRecords } from './lane.ts'
import type { CursorRow, DestinationRow, Drop, ReadResult, Segment } from './store.ts'
import { SEQUENCE_MAX } from './store.ts'
import { readQueue } from './read.ts'

const STEPS_MAX = 2048 // rows that one limit drops from one queue in one commit, 5 µs each: the rest goes with the next commits

export interface StoredCursor {
  readonly cursor: number
  readonly ahead: readonly number[]
  readonly holeFrom: number
  readonly holeTo: number
  readonly mayHaveSent: number
}

export class Backlog {
  row: DestinationRow
  cursor: number
  /** Settled beyond the cursor: sequence → bytes, 0 when it is not in any lane (acknowledged before its commit). */
  readonly ahead = new Map<number, number>()
  holeFrom: number
  holeTo: number
  mayHaveSent: number
  /** What `read` gave out last ends here: in flight, dropped last of all. */
  readUpTo = 0
  /** The highest sequence in flight under a durable packet identifier: so is this, also when it has not been read again. */
  sentUpTo = 0
  count = 0
  bytes = 0
  /** Lanes of its audiences, those it is not in (drop-newest) among them. */
  readonly lanes = new Set<Lane>()
  readonly live = new Map<Lane, number>()
  /** The last row of a shared lane that was rewritten into a lane of its own. */
  readonly moved = new Map<Lane, number>()
  /** The cursor row has to be written. */
  changed = false
  /** Wall time of the oldest row that may be dropped: undefined until looked up, null when there is none. */
  #oldestAtMs: number | null | undefined

  readonly #dirty: Set<Lane>

  /** `dirty` takes the lanes that may have something to delete. */
  constructor(row: DestinationRow, stored: StoredCursor, dirty: Set<Lane>) {
    this.row = row
    this.#dirty = dirty
    this.cursor = stored.cursor
    this.holeFrom = stored.holeFrom
    this.holeTo = stored.holeTo
    this.mayHaveSent = stored.mayHaveSent
    for (const sequence of stored.ahead) this.ahead.set(sequence, 0)
  }

  get id(): number {
    return this.row.id
  }

  get cursorRow(): CursorRow {
    return { destination: this.id, cursor: this.cursor, ahead: [...this.ahead.keys()].sort((a, b) => a - b), mayHaveSent: this.mayHaveSent }
  }

  /** The limit that it is over, or null. */
  get over(): keyof Size | null {
    const { bytesMax, countMax } = this.row.limits
    if (this.count > countMax) return 'count'
    return this.bytes > bytesMax ? 'bytes' : null
  }

  /** Dropping starts after all that is settled, has been read out or is in flight. */
  get dropFrom(): number {
    return Math.max(this.cursor, this.holeTo, this.readUpTo, this.sentUpTo)
  }

  /** Counts what is queued; once, when the store has been opened. A few seeks per lane, whatever their lengths. */
  recount(): void {
    this.live.clear()
    for (const lane of this.lanes) {
      const row = lane.refused.includes(this.id) ? null : this.rowAfter(lane, this.cursor)
      if (row !== null) this.live.set(lane, row.first)
    }
    const beyond = this.#measure(Math.max(this.cursor, this.holeTo), SEQUENCE_MAX)
    const before = this.#measure(this.cursor, this.holeFrom)
    this.count = beyond.count + before.count
    this.bytes = beyond.bytes + before.bytes
    const ahead = [...this.ahead.keys()]
    this.ahead.clear()
    this.#settleAhead(ahead)
    this.changed = false
  }

  /** Up to here nothing of `lane` is needed any more. */
  doneWith(lane: Lane): number {
    return this.moved.size === 0 ? this.cursor : Math.max(this.cursor, this.moved.get(lane) ?? 0)
  }

  /** The same from `sequence` on. */
  doneFrom(lane: Lane, sequence: number): number {
    const done = Math.max(sequence, this.doneWith(lane))
    return this.holeFrom <= done && done < this.holeTo ? this.holeTo : done
  }

  isSettled(sequence: number): boolean {
    return sequence <= this.cursor || (sequence > this.holeFrom && sequence <= this.holeTo) || this.ahead.has(sequence)
  }

  /** The first row of `lane` that has something for this queue after `sequence`. */
  rowAfter(lane: Lane, sequence: number): Header | null {
    return lane.rowAfter(Math.max(sequence, this.moved.get(lane) ?? 0))
  }

  /** What is not settled in (low, high], outside of the hole. */
  size(low: number, high: number): Size {
    const size = this.#measure(low, high)
    for (const [sequence, bytes] of this.ahead) {
      if (sequence <= low || sequence > high || bytes === 0) continue
      size.count--
      size.bytes -= bytes
    }
    return size
  }

  /** The next row of `lane`, which ends with `last`, is not needed any more: of what was queued of it, all but `dropped` lies elsewhere. */
  move(lane: Lane, last: number, dropped: Size): void {
    this.moved.set(lane, last)
    this.count -= dropped.count
    this.bytes -= dropped.bytes
    this.#oldestAtMs = undefined
    this.#dirty.add(lane)
    const next = lane.rowAfter(last)
    if (next === null) this.live.delete(lane)
    else this.live.set(lane, next.first)
  }

  /** What of a new segment is still to be settled here. */
  unsettled(segment: Segment): Size {
    // A message that waited for an acknowledgement may come after later ones, and find its place in the hole.
    const meetsHole = segment.first <= this.holeTo && segment.last > this.holeFrom
    if (this.cursor < segment.first && this.ahead.size === 0 && !meetsHole) return { count: segment.count, bytes: segment.data.length }
    const size = { count: 0, bytes: 0 }
    if (this.cursor >= segment.last) return size
    const { sequences, ends, count } = markRecords(segment.data, segment.first, segment.count)
    for (let i = 0; i < count; i++) {
      if (sequences[i]! <= this.cursor || this.ahead.has(sequences[i]!)) continue
      if (sequences[i]! > this.holeFrom && sequences[i]! <= this.holeTo) continue
      size.count++
      size.bytes += ends[i]! - (i === 0 ? 0 : ends[i - 1]!)
    }
    return size
  }

  /** A segment has been appended to `lane`, which this queue is a member of. */
  appended(lane: Lane, segment: Segment, unsettled: Size): void {
    if (this.cursor >= segment.last) return
    this.count += unsettled.count
    this.bytes += unsettled.bytes
    if (!this.live.has(lane)) this.live.set(lane, segment.first)
    if (this.#oldestAtMs === null) this.#oldestAtMs = undefined
    if (unsettled.count === segment.count) return
    for (const [sequence, bytes] of this.ahead) {
      if (bytes === 0 && sequence >= segment.first && sequence <= segment.last) this.ahead.set(sequence, lane.weigh(sequence))
    }
  }

  settle({ cursor, ahead, mayHaveSent }: CursorRow): void {
    this.#advance(cursor)
    if (ahead.length > 0) this.#settleAhead(ahead)
    if (this.mayHaveSent === mayHaveSent) return
    this.mayHaveSent = mayHaveSent
    this.changed = true
  }

  /** Drops the oldest that are too many; `batchFirst` is the lowest sequence of the commit that is being applied. */
  limit(countMax: number, bytesMax: number, batchFirst: number, drops: Drop[]): void {
    if (this.count > countMax) this.#dropOldest('count', countMax, batchFirst, drops)
    if (this.bytes > bytesMax) this.#dropOldest('bytes', bytesMax, batchFirst, drops)
  }

  /** Drops what has become too old. In flight messages are left to end their way. */
  expire(nowWallMs: number, drops: Drop[]): void {
    const from = this.dropFrom
    let upTo = from
    for (let step = 0; step < STEPS_MAX; step++) {
      if (this.#oldestAtMs === undefined || step > 0) this.#oldestAtMs = this.#oldest(upTo)?.row.storedAtMs ?? null
      if (this.#oldestAtMs === null || elapsedBetween(this.#oldestAtMs, nowWallMs) <= this.row.limits.ageMsMax) break
      upTo = this.#oldest(upTo)!.row.last
    }
    if (upTo > from) this.#drop('queue-age', from, upTo, drops)
  }

  read(after: number, bytesMax: number): ReadResult {
    const result = readQueue(this, after, bytesMax)
    if (result.segments.length > 0 && result.upTo !== this.readUpTo) {
      this.readUpTo = result.upTo
      this.#oldestAtMs = undefined
    }
    return result
  }

  #measure(low: number, high: number): Size {
    const size = { count: 0, bytes: 0 }
    if (low < high) for (const [lane, next] of this.live) if (next <= high) lane.measure(Math.max(low, this.moved.get(lane) ?? 0), high, size)
    return size
  }

  /** Takes (low, high] out of the counts: what was stored there and not yet settled. Returns it. */
  #subtract(low: number, high: number): Size {
    const size = this.#measure(low, high)
    for (const [sequence, bytes] of this.ahead) {
      if (sequence <= low || sequence > high) continue
      this.ahead.delete(sequence)
      if (bytes > 0) size.count--
      size.bytes -= bytes
    }
    this.count -= size.count
    this.bytes -= size.bytes
    this.changed = true
    this.#oldestAtMs = undefined
    return size
  }

  /** Settles everything up to `cursor`. */
  #advance(cursor: number): Size {
    if (cursor <= this.cursor) return { count: 0, bytes: 0 }
    const overHole = this.holeTo > 0 && cursor >= this.holeFrom
    const size = this.#subtract(this.cursor, overHole ? this.holeFrom : cursor)
    this.cursor = cursor
    if (overHole) {
      const rest = this.#subtract(this.holeTo, cursor)
      size.count += rest.count
      size.bytes += rest.bytes
      this.cursor = Math.max(cursor, this.holeTo)
      this.holeFrom = 0
      this.holeTo = 0
    }
    for (const [lane, next] of this.live) {
      if (next > this.cursor) continue
      this.#dirty.add(lane)
      const row = this.rowAfter(lane, this.cursor)
      if (row === null) this.live.delete(lane)
      else this.live.set(lane, row.first)
    }
    return size
  }

  #settleAhead(sequences: readonly number[]): void {
    for (const sequence of sequences) {
      if (sequence <= this.cursor || this.ahead.has(sequence)) continue
      if (sequence > this.holeFrom && sequence <= this.holeTo) continue
      let bytes = 0
      for (const [lane, next] of this.live) if (bytes === 0 && next <= sequence) bytes = lane.weigh(sequence)
      this.ahead.set(sequence, bytes)
      if (bytes > 0) this.count--
      this.bytes -= bytes
      this.changed = true
    }
  }

  #dropOldest(by: keyof Size, max: number, batchFirst: number, drops: Drop[]): void {
    const reason = `queue-${by}` as const
    const from = this.dropFrom
    if (from > this.cursor) {
      const upTo = this.#find(by, this[by] - max, from, batchFirst - 1)
      if (upTo > from) this.#drop(reason, from, upTo, drops)
      // All that is left is in flight or has just come: the new ones stay.
      if (this[by] > max && this.holeTo > 0) this.#drop(reason, this.cursor, this.holeFrom, drops)
    }
    if (this[by] > max) this.#drop(reason, this.cursor, this.#find(by, this[by] - max, this.cursor, SEQUENCE_MAX), drops)
  }

  #drop(reason: Drop['reason'], from: number, upTo: number, drops: Drop[]): void {
    const size = { count: 0, bytes: 0 }
    const add = (s: Size): void => {
      size.count += s.count
      size.bytes += s.bytes
    }
    // One hole is remembered. When the reader has passed it, what is still in flight before it goes too.
    if (from > this.cursor && this.holeTo > 0 && from !== this.holeTo) add(this.#advance(this.holeFrom))
    if (from <= this.cursor) add(this.#advance(upTo))
    else {
      add(this.#subtract(from, upTo))
      if (this.holeTo === 0) this.holeFrom = from
      this.holeTo = upTo
      for (const lane of this.live.keys()) this.#dirty.add(lane)
    }
    if (size.count > 0) drops.push({ destination: this.id, reason, count: size.count, bytes: size.bytes, upTo: Math.max(upTo, this.cursor) })
  }

  /** The row with the lowest start among those with something after `sequence`. */
  #oldest(sequence: number): { lane: Lane; row: Header } | null {
    let oldest: { lane: Lane; row: Header } | null = null
    for (const [lane, next] of this.live) {
      if (oldest !== null && next >= oldest.row.first) continue
      const row = this.rowAfter(lane, sequence)
      if (row !== null && (oldest === null || row.first < oldest.row.first)) oldest = { lane, row }
    }
    return oldest
  }

  /** How far to drop from `from` on, at most up to `bound`, to be rid of `excess`: whole rows, then records of the last one. */
  #find(by: keyof Size, excess: number, from: number, bound: number): number {
    let upTo = from
    for (let step = 0, at = from; step < STEPS_MAX && excess > 0 && at < bound; step++) {
      const oldest = this.#oldest(at)
      if (oldest === null || oldest.row.first > bound) break
      const end = Math.min(oldest.row.last, bound)
      const size = this.size(at, end)
      if (size[by] > excess) return this.#findRecord(by, excess, at, end)
      excess -= size[by]
      at = end
      if (size[by] > 0) upTo = end // a row that is settled already is nothing to drop
    }
    return upTo
  }

  #findRecord(by: keyof Size, excess: number, low: number, high: number): number {
    const records: { sequence: number; bytes: number }[] = []
    for (const [lane, next] of this.live) {
      if (next <= high) lane.visit(Math.max(low, this.moved.get(lane) ?? 0), high, (sequence, bytes) => records.push({ sequence, bytes }))
    }
    records.sort((a, b) => a.sequence - b.sequence)
    for (const { sequence, bytes } of records) {
      if (!this.ahead.has(sequence)) excess -= by === 'count' ? 1 : bytes
      if (excess <= 0) return sequence
    }
    return high
  }
}
