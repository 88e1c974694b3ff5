// All queues: destinations, the audiences they form and the lanes their messages lie in. In memory is one entry for each
// destination, one for each lane and one for each place of a destination in a lane; never anything for a message.
//
//   append ─► who refuses it (drop-newest)? ─► who still has to settle it? ─► one row in the lane of the rest
//                                                    └ nobody: not stored
//   settle, drop ─► queue moves ─► its lanes are dirty ─► trim deletes what everybody has settled
//
// Lanes are numbered here, not by the caller: an audience has one lane for all of its members; while some of them refuse new messages,
// one more for each set that is left; and, where a member's queue was thinned out, one of that member's own. A lane is forgotten when
// it is empty: one of a member's own at once, others when newer ones crowd them out.
import { type Audience, Lane, Ruler, type SegmentRows } from './lane.ts'
import { Backlog, type StoredCursor } from './backlog.ts'
import type { AudienceRow, CursorRow, DestinationRow, Drop, Member, ReadResult, Segment, Snapshot } from './store.ts'
import { AUDIENCE_MAX, SEQUENCE_MAX } from './store.ts'
import { Thinning } from './thinning.ts'

/** One row of lanes as it is kept. */
export interface LaneRow {
  readonly id: number
  readonly audience: number
  readonly members: readonly Member[]
  readonly refused: readonly number[]
  /** The only member of the audience that it is for; 0 for a lane that new segments go to. */
  readonly owner: number
}

/** What a destination has in a lane of its own is moved: of `lane` it needs nothing up to `upTo`. */
export interface MovedRow {
  readonly lane: number
  readonly destination: number
  readonly upTo: number
}

/** What the queues keep on disk. */
export interface QueueRows extends SegmentRows {
  putLane(row: LaneRow): void
  /** And all that was moved out of it. */
  removeLane(id: number): void
  putMoved(row: MovedRow): void
  removeMoved(lane: number): void
  putCursor(destination: number, cursor: StoredCursor): void
  /** And what it has moved. */
  removeCursor(destination: number): void
  /** Keeps the highest sequence number beyond the rows that show it. */
  putLastSequence(sequence: number): void
}

export interface StoredQueues {
  readonly destinations: readonly DestinationRow[]
  readonly cursors: ReadonlyMap<number, StoredCursor>
  readonly lanes: readonly LaneRow[]
  readonly moved: readonly MovedRow[]
  /** The highest sequence in flight under a durable packet identifier, by destination. */
  readonly sent: ReadonlyMap<number, number>
  readonly lastSequence: number
}

const IDLE_LANES_MAX = 1024 // empty lanes that are kept for the next message to their audience: 0.5 MB

const NO_CURSOR: StoredCursor = { cursor: 0, ahead: [], holeFrom: 0, holeTo: 0, mayHaveSent: 0 }

export class Queues {
  readonly #rows: QueueRows
  readonly #ruler: Ruler
  readonly #queues = new Map<number, Backlog>()
  readonly #audiences = new Map<number, Audience>()
  readonly #lanes = new Map<number, Lane>()
  readonly #idle = new Set<Lane>()
  readonly #dirty = new Set<Lane>()
  /** Whose members have changed: written once per batch, however many of them went. */
  readonly #renamed = new Set<Lane>()
  /** Queues that a limit may have to shorten. */
  readonly #touched = new Set<Backlog>()
  /** Queues whose messages grow too old. */
  readonly #aging = new Set<Backlog>()
  readonly #thinning = new Thinning({
    make: (audience, queue) => this.#newLane(audience, [], queue.id),
    moved: (lane, queue) => this.#rows.putMoved({ lane: lane.id, destination: queue.id, upTo: queue.doneWith(lane) }),
  })
  #nextLane = 1
  #batchFirst = SEQUENCE_MAX
  /** What the batch has stored. */
  #brought = { rows: 0, bytes: 0 }
  lastSequence = 0

  constructor(rows: QueueRows, stored: StoredQueues) {
    this.#rows = rows
    this.#ruler = new Ruler(rows)
    this.lastSequence = stored.lastSequence
    for (const row of stored.destinations) this.#add(row, stored.cursors.get(row.id) ?? NO_CURSOR)
    for (const row of stored.lanes) if (row.owner === 0) this.#load(row)
    for (const row of stored.lanes) if (row.owner !== 0) this.#load(row)
    for (const lane of this.#lanes.values()) if (lane.empty && (lane.owner !== 0 || lane.audience.owned === 0)) this.#forget(lane)
    for (const { lane, destination, upTo } of stored.moved) {
      const from = this.#lanes.get(lane)
      if (from !== undefined) this.#queues.get(destination)?.moved.set(from, upTo)
    }
    for (const [destination, sequence] of stored.sent) this.noteSent(destination, sequence)
    for (const queue of this.#queues.values()) {
      queue.recount()
      this.#touched.add(queue)
      this.noteSequence(Math.max(queue.cursor, queue.holeTo, ...queue.ahead.keys()))
    }
  }

  /** For the snapshot: audiences that have messages. */
  get audiences(): AudienceRow[] {
    return [...this.#audiences.values()].filter((a) => [...a.lanes.values()].some((l) => !l.empty)).map((a) => a.row)
  }

  get destinations(): Snapshot['destinations'] {
    return [...this.#queues.values()].map((q) => ({ ...q.row, cursor: q.cursorRow, queued: { count: q.count, bytes: q.bytes } }))
  }

  /** A destination, new or with other limits. */
  put(row: DestinationRow): void {
    const known = this.#queues.get(row.id)
    if (known === undefined) {
      this.#add(row, NO_CURSOR)
      return
    }
    if (JSON.stringify(known.row.limits.whenFull) !== JSON.stringify(row.limits.whenFull)) this.#thinning.forget(known)
    known.row = row
    this.#touched.add(known)
    if (row.limits.ageMsMax < Infinity) this.#aging.add(known)
    else this.#aging.delete(known)
  }

  /** The destination is gone: it holds nothing back any more, and its number in an audience means nobody. */
  end(destination: number): void {
    const queue = this.#queues.get(destination)
    if (queue === undefined) return
    this.#rows.putLastSequence(this.lastSequence) // its cursor may be all that still shows it
    this.#rows.removeCursor(destination)
    this.#queues.delete(destination)
    this.#touched.delete(queue)
    this.#aging.delete(queue)
    this.#thinning.forget(queue)
    for (const lane of queue.lanes) {
      const { row } = lane.audience
      lane.audience.row = { id: row.id, members: row.members.filter((m) => m.destination !== destination) }
      const place = lane.members.indexOf(queue)
      if (place >= 0) lane.members.splice(place, 1)
      if (lane.empty && lane.audience.owned === 0) this.#forget(lane)
      else this.#renamed.add(lane)
      if (place >= 0) this.#dirty.add(lane)
    }
  }

  /** A new cursor row of a destination. */
  settle(row: CursorRow): void {
    const queue = this.#queues.get(row.destination)
    if (queue === undefined) return
    queue.settle(row)
    this.noteSequence(row.cursor)
    for (const sequence of row.ahead) this.noteSequence(sequence)
    this.#save(queue)
  }

  /** Stores a segment for those of its audience that have room and have not settled it yet. `row` is the audience as the batch gives it. */
  append(segment: Segment, row: AudienceRow | undefined, drops: Drop[]): void {
    const audience = this.#audiences.get(segment.audience) ?? this.#makeAudience(segment.audience, row)
    this.noteSequence(segment.last)
    this.#batchFirst = Math.min(this.#batchFirst, segment.first)
    const takers: Backlog[] = []
    const refused: number[] = []
    let wanted = false
    for (const { destination } of audience.row.members) {
      const queue = this.#queues.get(destination)
      if (queue === undefined) continue
      const { count, bytes } = queue.unsettled(segment)
      const { limits } = queue.row
      const tooMany = queue.count + count > limits.countMax
      if (count > 0 && limits.whenFull === 'drop-newest' && (tooMany || queue.bytes + bytes > limits.bytesMax)) {
        drops.push({ destination, reason: tooMany ? 'queue-count' : 'queue-bytes', count, bytes, upTo: 0 })
        refused.push(destination)
        continue
      }
      takers.push(queue)
      if (count > 0) wanted = true
    }
    if (!wanted) return
    const lane = this.#laneFor(audience, refused)
    const sizes = takers.map((queue) => queue.unsettled(segment))
    lane.append(segment)
    this.#idle.delete(lane)
    this.#brought.rows++
    this.#brought.bytes += segment.data.length
    for (let i = 0; i < takers.length; i++) {
      takers[i]!.appended(lane, segment, sizes[i]!)
      this.#touched.add(takers[i]!)
      this.#thinning.came(takers[i]!, sizes[i]!.count)
    }
  }

  /** Applies the limits to what this batch has touched. `room` is how many bytes may be written for it. */
  limit(nowWallMs: number, room: () => number, drops: Drop[]): void {
    const changed = new Set<Backlog>()
    for (const queue of this.#aging) {
      queue.expire(nowWallMs, drops)
      if (queue.changed) changed.add(queue)
    }
    const thinned: Backlog[] = []
    for (const queue of this.#touched) {
      const { whenFull, countMax, bytesMax } = queue.row.limits
      if (queue.over === null || whenFull === 'drop-newest') {
        this.#touched.delete(queue)
        this.#thinning.isUnder(queue)
      } else if (whenFull === 'drop-oldest') queue.limit(countMax, bytesMax, this.#batchFirst, drops)
      else thinned.push(queue)
      changed.add(queue)
    }
    if (thinned.length > 0 || this.#thinning.underWay) this.#thinning.run(thinned, this.#brought, room(), this.#batchFirst, drops)
    this.#batchFirst = SEQUENCE_MAX
    this.#brought = { rows: 0, bytes: 0 }
    for (const queue of changed) this.#save(queue)
  }

  /** Deletes what everybody has settled, a bounded number of rows for each lane; false when there is more. */
  trim(): boolean {
    let done = true
    for (const lane of this.#dirty) {
      if (!lane.trim()) {
        done = false
        continue
      }
      this.#dirty.delete(lane)
      if (lane.empty) this.#emptied(lane)
    }
    for (const lane of this.#idle) {
      if (this.#idle.size <= IDLE_LANES_MAX) break
      this.#forget(lane)
    }
    for (const lane of this.#renamed) this.#rows.putLane(laneRow(lane))
    this.#renamed.clear()
    return done
  }

  read(destination: number, after: number, bytesMax: number): ReadResult {
    const queue = this.#queues.get(destination)
    return queue === undefined ? { segments: [], audiences: [], upTo: after, end: true } : queue.read(after, bytesMax)
  }

  /** Up to `sequence` is in flight, and known by its packet identifier after a crash. */
  noteSent(destination: number, sequence: number): void {
    const queue = this.#queues.get(destination)
    if (queue !== undefined && sequence > queue.sentUpTo) queue.sentUpTo = sequence
  }

  noteSequence(sequence: number): void {
    if (sequence > this.lastSequence) this.lastSequence = sequence
  }

  #save(queue: Backlog): void {
    if (!queue.changed) return
    queue.changed = false
    this.#rows.putCursor(queue.id, { ...queue.cursorRow, holeFrom: queue.holeFrom, holeTo: queue.holeTo })
  }

  #add(row: DestinationRow, cursor: StoredCursor): void {
    const queue = new Backlog(row, cursor, this.#dirty)
    this.#queues.set(row.id, queue)
    if (row.limits.ageMsMax < Infinity) this.#aging.add(queue)
  }

  #load(row: LaneRow): void {
    let audience = this.#audiences.get(row.audience)
    if (audience === undefined) {
      audience = { row: { id: row.audience, members: row.members }, owned: 0, lanes: new Map() }
      this.#audiences.set(row.audience, audience)
    }
    const lane = this.#lane(row.id, audience, row.refused, row.owner)
    lane.refresh()
    this.noteSequence(lane.tail)
    this.#dirty.add(lane)
  }

  #makeAudience(id: number, row: AudienceRow | undefined): Audience {
    if (row === undefined) throw new RangeError(`audience ${id} is not among those of its batch`)
    // A number of a destination that has gone may come again after a restart: it must not be found in old audiences.
    return { row: { id, members: row.members.filter((m) => this.#queues.has(m.destination)) }, owned: 0, lanes: new Map() }
  }

  #lane(id: number, audience: Audience, refused: readonly number[], owner: number): Lane {
    const mine = audience.row.members.filter((m) => owner === 0 || m.destination === owner)
    const queues = mine.map((m) => this.#queues.get(m.destination)).filter((q) => q !== undefined)
    const members = queues.filter((q) => !refused.includes(q.id))
    const lane = new Lane(id, audience, refused, owner, members, this.#rows, this.#ruler)
    this.#audiences.set(audience.row.id, audience)
    audience.lanes.set(lane.key, lane)
    if (owner !== 0) audience.owned++
    this.#lanes.set(id, lane)
    for (const queue of queues) queue.lanes.add(lane)
    this.#nextLane = Math.max(this.#nextLane, id + 1)
    return lane
  }

  #laneFor(audience: Audience, refused: number[]): Lane {
    return audience.lanes.get(refused.join()) ?? this.#newLane(audience, refused, 0)
  }

  #newLane(audience: Audience, refused: readonly number[], owner: number): Lane {
    while (this.#nextLane > AUDIENCE_MAX || this.#lanes.has(this.#nextLane)) {
      this.#nextLane = this.#nextLane > AUDIENCE_MAX ? 1 : this.#nextLane + 1
    }
    const lane = this.#lane(this.#nextLane, audience, refused, owner)
    this.#rows.putLane(laneRow(lane))
    return lane
  }

  #emptied(lane: Lane): void {
    let moved = false // out of it: that tells nothing about what comes next
    for (const queue of lane.members) moved = queue.moved.delete(lane) || moved
    if (moved) this.#rows.removeMoved(lane.id)
    if (lane.owner !== 0) this.#forget(lane)
    else if (lane.audience.owned > 0) return
    else if (lane.members.length === 0) this.#forget(lane)
    else this.#idle.add(lane)
  }

  #forget(lane: Lane): void {
    this.#idle.delete(lane)
    this.#dirty.delete(lane)
    this.#renamed.delete(lane)
    this.#lanes.delete(lane.id)
    this.#ruler.forget(lane.id)
    const { row, lanes } = lane.audience
    for (const { destination } of row.members) {
      const queue = this.#queues.get(destination)
      queue?.lanes.delete(lane)
      queue?.live.delete(lane)
      queue?.moved.delete(lane)
    }
    lanes.delete(lane.key)
    if (lane.owner !== 0 && --lane.audience.owned === 0) for (const other of lanes.values()) if (other.empty) this.#idle.add(other)
    if (lanes.size === 0) this.#audiences.delete(row.id)
    this.#rows.removeLane(lane.id)
  }
}

function laneRow(lane: Lane): LaneRow {
  const { id, members } = lane.audience.row
  const { owner, refused } = lane
  return { id: lane.id, audience: id, members: owner === 0 ? members : members.filter((m) => m.destination === owner), refused, owner }
}
