// What a commit does, the same in SQLite and in memory. Runs inside one transaction.
//
//   changes, in order ─► delete what that settled ─► is there room? ─► segments ─► limits ─► delete what they dropped
//
// The changes come first, so that what a batch settles makes room for what it brings. Only `received` and `unpacked` wait for
// their messages: kept without them, they would make the messages duplicates when they come again.
import type { Queues } from './queues.ts'
import type { Batch, Change, CommitResult, Drop } from './store.ts'

/** The small rows: everything but queues and cursors. */
export interface Tables {
  apply(change: Change): void
}

/** Pages that a segment takes beside its bytes, in bytes: its row, its share of inner pages, an unfilled page. */
export const SEGMENT_OVERHEAD_BYTES = 1200

type Received = Extract<Change, { kind: 'received' }>

function ends(change: Change, { destination, packetIdentifier }: Received): boolean {
  if (change.kind === 'destination-end') return change.destination === destination
  return change.kind === 'received-end' && change.destination === destination && change.packetIdentifier === packetIdentifier
}

/**
 * `room` says how many bytes may still be used; `refused` is set when it is known already that segments cannot be kept.
 * `bytesUsed` of the result is for the caller to fill in.
 */
export function applyBatch(
  batch: Batch,
  tables: Tables,
  queues: Queues,
  nowWallMs: number,
  room: () => number,
  refused: CommitResult['refused'],
): { refused: CommitResult['refused']; drops: Drop[]; trimmed: boolean } {
  const drops: Drop[] = []
  let received: Received[] = []
  const unpacked: Change[] = []
  for (const change of batch.changes) {
    if (change.kind === 'unpacked') {
      unpacked.push(change)
      continue
    }
    if (change.kind === 'received') {
      received.push(change)
      continue
    }
    if (received.length > 0) received = received.filter((r) => !ends(change, r))
    if (change.kind === 'cursor') {
      queues.settle(change.row)
      continue
    }
    tables.apply(change)
    if (change.kind === 'destination') queues.put(change.row)
    else if (change.kind === 'destination-end') queues.end(change.destination)
    else if (change.kind === 'inflight') {
      queues.noteSequence(change.row.sequence)
      if (change.row.phase === 'sent') queues.noteSent(change.row.destination, change.row.sequence)
    }
  }
  let trimmed = queues.trim()
  if (batch.segments.length > 0 && refused === null) {
    let bytes = 0
    for (const segment of batch.segments) bytes += segment.data.length + SEGMENT_OVERHEAD_BYTES
    if (bytes > room()) refused = 'store-full'
    else {
      const audiences = new Map(batch.audiences.map((row) => [row.id, row]))
      for (const segment of batch.segments) queues.append(segment, audiences.get(segment.audience), drops)
    }
  }
  if (refused === null || batch.segments.length === 0) for (const change of [...received, ...unpacked]) tables.apply(change)
  queues.limit(nowWallMs, refused === 'disk-full' ? () => 0 : room, drops)
  if (drops.length > 0) trimmed = queues.trim() && trimmed
  return { refused, drops, trimmed }
}
