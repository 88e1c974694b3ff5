// Reads a queue: merges the lanes of one destination in order of sequence, whole rows at a time.
//
//   lane A  |■■■■■■■■■■|   |■■■■|            rows of one commit may overlap, as its messages went to A and B in turn
//   lane B     |■■■■■|         |■■■|
//           after          upTo│             up to the next row that is not given, everything is complete
import type { Lane } from './lane.ts'
import { markRecords, recordsUpTo } from './lane.ts'
import type { Backlog } from './backlog.ts'
import type { AudienceRow, ReadResult, Segment } from './store.ts'
import { SEQUENCE_MAX } from './store.ts'

const ROWS_MAX = 4096 // rows of one answer, however small they are

interface Head {
  readonly lane: Lane
  /** Start of the next row that has not been taken. */
  first: number
}

/** Stored messages with a sequence > after: not what the destination has settled below its cursor or dropped. */
export function readQueue(queue: Backlog, after: number, bytesMax: number): ReadResult {
  let from = Math.max(after, queue.cursor)
  if (queue.holeTo > 0 && from >= queue.holeFrom && from < queue.holeTo) from = queue.holeTo
  // Before a hole only what lies before it; when that is nothing, what lies behind it.
  if (queue.holeTo > 0 && from < queue.holeFrom) {
    const before = merge(queue, from, queue.holeFrom, bytesMax)
    if (before.segments.length > 0) return answer(before, after, from)
    from = queue.holeTo
  }
  return answer(merge(queue, from, SEQUENCE_MAX, bytesMax), after, from)
}

interface Merged {
  readonly segments: Segment[]
  readonly audiences: Set<AudienceRow>
  readonly upTo: number
  readonly end: boolean
}

function merge(queue: Backlog, from: number, ceiling: number, bytesMax: number): Merged {
  const heads: Head[] = []
  for (const [lane, next] of queue.live) {
    const first = next > from ? next : (queue.rowAfter(lane, from)?.first ?? Infinity)
    if (first <= ceiling) heads.push({ lane, first })
  }
  const segments: Segment[] = []
  const audiences = new Set<AudienceRow>()
  let room = bytesMax
  let upTo = from
  while (heads.length > 0) {
    let low = heads[0]!
    let second = ceiling + 1
    for (const head of heads) if (head.first < low.first) low = head
    for (const head of heads) if (head !== low && head.first < second) second = head.first
    // A row that starts no later than the first number to give is taken whatever its size, or there would be no progress.
    const wanted = segments.length === 0 || low.first <= from + 1 || (room > 0 && segments.length < ROWS_MAX)
    if (!wanted) return { segments, audiences, upTo: low.first - 1, end: false }
    const run = low.lane.run(low.first, Math.max(second, low.first + 1), room)
    audiences.add(low.lane.audience.row)
    for (const segment of run) {
      segments.push(segment)
      room -= segment.data.length
      upTo = Math.max(upTo, segment.last)
    }
    const next = low.lane.rowAfter(run[run.length - 1]!.last)
    if (next === null || next.first > ceiling) heads.splice(heads.indexOf(low), 1)
    else low.first = next.first
  }
  return { segments, audiences, upTo: Math.min(upTo, ceiling), end: ceiling === SEQUENCE_MAX }
}

function answer(merged: Merged, after: number, from: number): ReadResult {
  const { segments } = merged
  // The reader takes what is > after; what it must not take beyond that is cut off.
  if (from > after) for (let i = 0; i < segments.length; i++) if (segments[i]!.first <= from) segments[i] = cut(segments[i]!, from)
  return { segments, audiences: [...merged.audiences], upTo: merged.upTo, end: merged.end }
}

/** Without the records up to `upTo`. `first` stays: the records count from it. */
function cut(segment: Segment, upTo: number): Segment {
  const marks = markRecords(segment.data, segment.first, segment.count)
  const n = recordsUpTo(marks, upTo)
  return n === 0 ? segment : { ...segment, count: segment.count - n, data: segment.data.subarray(marks.ends[n - 1]!) }
}
