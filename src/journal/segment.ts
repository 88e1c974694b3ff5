// Messages of one commit, packed per audience.
import type { Append } from './append.ts'
import { recordSizeMax, writeRecord } from '../store/record.ts'
import { SEGMENT_BYTES_MAX, type Segment } from '../store/store.ts'

/** `appends` ascend in sequence. Segments come out ascending per audience, none larger than it must be. */
export function packSegments(appends: readonly Append[], storedAtMs: number, nowMs: number): Segment[] {
  const byAudience = new Map<number, Append[]>()
  for (const append of appends) {
    const list = byAudience.get(append.audience.id)
    if (list === undefined) byAudience.set(append.audience.id, [append])
    else list.push(append)
  }
  const segments: Segment[] = []
  for (const [audience, list] of byAudience) {
    for (let from = 0; from < list.length; ) {
      let bytes = 0
      let to = from
      while (to < list.length && (to === from || bytes + recordSizeMax(list[to]!.message) <= SEGMENT_BYTES_MAX)) {
        bytes += recordSizeMax(list[to++]!.message)
      }
      segments.push(pack(audience, list, from, to, bytes, storedAtMs, nowMs))
      from = to
    }
  }
  return segments
}

/** The bytes come out in a buffer of just their length: the store hands it to its thread, and the room it was written in is free at once. */
function pack(audience: number, list: readonly Append[], from: number, to: number, bytesMax: number, storedAtMs: number, nowMs: number): Segment {
  const room = new ArrayBuffer(bytesMax)
  const bytes = Buffer.from(room)
  const first = list[from]!.sequence
  let at = 0
  for (let i = from; i < to; i++) {
    const { message, sequence, bornMs } = list[i]!
    at = writeRecord(bytes, at, message, sequence - first, nowMs, bornMs)
  }
  return { audience, first, last: list[to - 1]!.sequence, count: to - from, storedAtMs, data: new Uint8Array(room.transfer(at)) }
}
