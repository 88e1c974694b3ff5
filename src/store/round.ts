// One round of thinning out one queue (keep-latest, thin): of a part of it, some messages of each topic stay and the rest goes.
//
//   scan   counts the messages of each topic in (from, upTo]: rows are only read
//   move   rewrites the rows of each lane, oldest first, into a lane of the queue's own: those that stay, in order, under their numbers
//
//   shared lane   |■■■■■■■■|■■■■■■■■|■■■■■■■■|■■■■          |■■■■■■■■| moved |■■■■■■■■|■■■■
//   own lane                                          ►     |■ ■    ■|
//
// Whole rows are moved, in steps over as many commits as it takes, and each step is complete: what it moved is gone from its lane for
// this queue (`Backlog.moved`) and there in the own lane with the same commit. A round that a restart ends is not taken up again: the
// next one begins anew, and takes the lanes of the one before like any other. Other members of a lane notice nothing.
//
// What is settled is not moved. What is in flight is moved and stays, whatever its topic. When a round would take too little to be worth
// the writing it ends before it moves anything. A message of a topic that there was no room to count stays.
import type { Backlog } from './backlog.ts'
import { SEGMENT_OVERHEAD_BYTES } from './batch.ts'
import type { Audience, Header, Lane, Size } from './lane.ts'
import { RecordReader } from './record.ts'
import { type Drop, SEQUENCE_MAX } from './store.ts'

/** Topics that are told apart in one round, and bytes of their names: 8 MB of memory while it lasts. */
export const TOPICS_MAX = 32_768
const TOPIC_BYTES_MAX = 4 * 1024 * 1024
/** A round takes at least this part of what it looks at, or nothing. */
export const GAIN_MIN = 1 / 16

/** What one commit may still do. */
export interface Work {
  rows: number
  bytes: number
  /** Bytes that may be written to disk. */
  room: number
}

/** Where rows go. */
export interface OwnLanes {
  /** An empty lane of `audience` for `queue` alone. */
  make(audience: Audience, queue: Backlog): Lane
  /** What `queue` is through with in `lane` has to be kept. */
  moved(lane: Lane, queue: Backlog): void
}

interface Topic {
  count: number
  bytes: number
  last: number
  lastBytes: number
  /** Later ones in this round. */
  left: number
}

export class Round {
  readonly queue: Backlog
  readonly #by: keyof Size
  /** 0 keeps the last message of each topic. */
  readonly #thin: number
  readonly #own: OwnLanes
  readonly #from: number
  readonly #upTo: number
  readonly #topics = new Map<string, Topic>()
  #topicBytes = 0
  #scanned: Size = { count: 0, bytes: 0 }
  /** Lanes that are still to be scanned; the first one up to `#at`. */
  readonly #toScan: Lane[]
  #at: number
  #isScanned = false
  readonly #targets = new Map<Audience, Lane>()
  /** All that were targets: not to be taken from. */
  readonly #made = new Set<Lane>()
  /** Messages that are to go. */
  #rest = 0

  /** `by` is the limit that was reached. */
  constructor(queue: Backlog, by: keyof Size, own: OwnLanes) {
    const { whenFull } = queue.row.limits
    this.queue = queue
    this.#by = by
    this.#own = own
    this.#thin = typeof whenFull === 'object' ? whenFull.thin : 0
    this.#from = queue.dropFrom
    this.#upTo = this.#thin === 0 ? lastOf(queue) : middleOf(queue, this.#from)
    this.#toScan = [...queue.live.keys()]
    this.#at = this.#from
  }

  /**
   * Does as much as `work` allows. more: go on with the next commit. done: what was to go is gone. worthless: it would have been too
   * little, and nothing was changed. no room: nothing could be moved; it may be tried again.
   */
  step(work: Work, drops: Drop[]): 'more' | 'done' | 'worthless' | 'no room' {
    if (!this.#isScanned) {
      if (!this.#scan(work)) return 'more'
      if (!this.#isWorthIt()) return 'worthless'
      this.#isScanned = true
    }
    const dropped: Size = { count: 0, bytes: 0 }
    const touched = new Set<Lane>()
    const end = this.#moveRows(this.#firstRows(), work, dropped, touched)
    for (const lane of touched) this.#own.moved(lane, this.queue)
    if (dropped.count > 0) drops.push({ destination: this.queue.id, reason: `queue-${this.#by}`, ...dropped, upTo: 0 })
    return end === 'no room' && touched.size > 0 ? 'more' : end // what was moved makes room
  }

  #scan(work: Work): boolean {
    for (let lane = this.#toScan[0]; lane !== undefined; lane = this.#toScan[0]) {
      const row = this.queue.live.has(lane) ? this.queue.rowAfter(lane, this.#at) : null
      if (row === null || row.first > this.#upTo) {
        this.#toScan.shift()
        this.#at = this.#from
        continue
      }
      if (work.rows <= 0 || work.bytes <= 0) return false
      work.rows--
      work.bytes -= row.bytes
      this.#count(lane, row)
      this.#at = row.last
    }
    return true
  }

  #count(lane: Lane, row: Header): void {
    const from = this.queue.dropFrom
    walk(lane.data(row), row, (reader) => {
      const { sequence, length } = reader
      if (sequence <= from || sequence > this.#upTo || this.queue.isSettled(sequence)) return
      this.#scanned.count++
      this.#scanned.bytes += length
      const topic = this.#topicOf(reader, true)
      if (topic === null) return
      topic.count++
      topic.left++
      topic.bytes += length
      if (sequence < topic.last) return
      topic.last = sequence
      topic.lastBytes = length
    })
  }

  #topicOf(reader: RecordReader, make: boolean): Topic | null {
    let key: string
    try {
      key = reader.topicKey()
    } catch {
      return null // damaged: it stays, and who reads it finds out
    }
    let topic = this.#topics.get(key)
    if (topic !== undefined || !make) return topic ?? null
    if (this.#topics.size >= TOPICS_MAX || this.#topicBytes + key.length > TOPIC_BYTES_MAX) return null
    this.#topicBytes += key.length
    topic = { count: 0, bytes: 0, last: 0, lastBytes: 0, left: 0 }
    this.#topics.set(key, topic)
    return topic
  }

  /** Estimates what the round would take: with `thin` as if all messages of a topic were of one size. */
  #isWorthIt(): boolean {
    const gain = { count: 0, bytes: 0 }
    for (const { count, bytes, lastBytes } of this.#topics.values()) {
      const kept = this.#thin === 0 ? 1 : Math.ceil(count / this.#thin)
      gain.count += count - kept
      gain.bytes += this.#thin === 0 ? bytes - lastBytes : Math.floor((bytes * (count - kept)) / count)
    }
    this.#rest = gain.count
    return gain.count > 0 && gain[this.#by] >= GAIN_MIN * this.#scanned[this.#by]
  }

  /** The next row of each lane. */
  #firstRows(): Map<Lane, Header> {
    const heads = new Map<Lane, Header>()
    for (const lane of this.queue.live.keys()) if (!this.#made.has(lane)) this.#advance(heads, lane)
    return heads
  }

  #advance(heads: Map<Lane, Header>, lane: Lane): void {
    const row = this.queue.rowAfter(lane, this.queue.cursor)
    if (row !== null && row.first <= this.#upTo) heads.set(lane, row)
    else heads.delete(lane)
  }

  /** Moves rows, those that begin first before others, until nothing is left to take and its lanes of earlier rounds are empty. */
  #moveRows(heads: Map<Lane, Header>, work: Work, dropped: Size, touched: Set<Lane>): 'more' | 'done' | 'no room' {
    for (;;) {
      let lane: Lane | null = null
      let row: Header | null = null
      for (const [l, r] of heads) {
        if (row !== null && r.first >= row.first) continue
        lane = l
        row = r
      }
      if (lane === null || row === null) return 'done'
      if (this.#rest <= 0 && lane.owner === 0) {
        heads.delete(lane)
        continue
      }
      if (work.rows <= 0 || work.bytes <= 0) return 'more'
      if (work.room < row.bytes + SEGMENT_OVERHEAD_BYTES) return 'no room'
      this.#moveRow(lane, row, work, dropped)
      touched.add(lane)
      this.#advance(heads, lane)
    }
  }

  #moveRow(lane: Lane, row: Header, work: Work, dropped: Size): void {
    const queue = this.queue
    const from = queue.dropFrom
    const data = lane.data(row)
    const out = row.count === 1 ? data : Buffer.allocUnsafeSlow(row.bytes) // a large message stands alone: it needs no second place
    const gone: Size = { count: 0, bytes: 0 }
    let first = 0
    let last = 0
    let count = 0
    let end = 0
    const read = walk(data, row, (reader) => {
      const { sequence, length } = reader
      if (queue.isSettled(sequence)) {
        if (queue.ahead.has(sequence)) queue.ahead.set(sequence, 0)
        return
      }
      if (this.#goes(reader, from)) {
        gone.count++
        gone.bytes += length
        return
      }
      if (count++ === 0) first = sequence
      last = sequence
      end = reader.copyTo(out, end, first)
    })
    // What is damaged has no place in any queue, but it was counted.
    gone.count += row.count - read.count
    gone.bytes += row.bytes - read.bytes
    if (count > 0) {
      const target = this.#target(lane.audience, first)
      target.append({ audience: lane.audience.row.id, first, last, count, storedAtMs: row.storedAtMs, data: out.subarray(0, end) })
      if (!queue.live.has(target)) queue.live.set(target, first)
      work.room -= end + SEGMENT_OVERHEAD_BYTES
    }
    queue.move(lane, row.last, gone)
    work.rows--
    work.bytes -= row.bytes
    this.#rest -= gone.count
    dropped.count += gone.count
    dropped.bytes += gone.bytes
  }

  #goes(reader: RecordReader, from: number): boolean {
    const { sequence } = reader
    if (sequence <= this.#from || sequence > this.#upTo) return false
    const topic = this.#topicOf(reader, false)
    if (topic === null) return false
    topic.left--
    if (sequence <= from || sequence >= topic.last) return false
    return this.#thin === 0 || (topic.left > 0 && topic.left % this.#thin !== 0)
  }

  #target(audience: Audience, first: number): Lane {
    const known = this.#targets.get(audience)
    // It is forgotten when all of it was settled meanwhile.
    if (known !== undefined && this.queue.lanes.has(known) && known.tail < first) return known
    const made = this.#own.make(audience, this.queue)
    this.#targets.set(audience, made)
    this.#made.add(made)
    return made
  }
}

/** Visits the records of a row; says how much of it could be read. */
function walk(data: Uint8Array, row: Header, each: (reader: RecordReader) => void): Size {
  const reader = new RecordReader(data, row.first)
  const read = { count: 0, bytes: 0 }
  while (hasNext(reader)) {
    each(reader)
    read.count++
    read.bytes = reader.end
  }
  return read
}

function hasNext(reader: RecordReader): boolean {
  try {
    return reader.next()
  } catch {
    return false // damaged: see markRecords
  }
}

function lastOf(queue: Backlog): number {
  let last = 0
  for (const lane of queue.live.keys()) last = Math.max(last, lane.tail)
  return last
}

/** The last of the older half of what is queued after `from`. */
function middleOf(queue: Backlog, from: number): number {
  const half = Math.ceil(queue.size(from, SEQUENCE_MAX).count / 2)
  let low = from
  let high = Math.max(from, lastOf(queue))
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (queue.size(from, middle).count >= half) high = middle
    else low = middle + 1
  }
  return low
}
