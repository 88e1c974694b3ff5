// The rows of queues in SQLite: segments, lanes and cursors. Statements only; what they mean is in lane.ts and queues.ts.
import type { Database, Statement } from 'better-sqlite3'
import type { Header } from './lane.ts'
import type { StoredCursor } from './backlog.ts'
import type { LaneRow, MovedRow, QueueRows } from './queues.ts'
import type { Member, Segment } from './store.ts'
import { SEQUENCE_MAX } from './store.ts'

const KEY = '((? << 44) | ?)'
const FIRST = `id & ${SEQUENCE_MAX} AS first`
const HEADER = `${FIRST}, last, count, bytes, stored_at AS storedAtMs, sum_count AS sumCount, sum_bytes AS sumBytes`
const REMOVE_MAX = 1000 // rows, and below bytes, that one lane loses in one turn: about 20 ms of freeing pages
const REMOVE_BYTES_MAX = 8 * 1024 * 1024
const RUN_MAX = 4096

interface SegmentData {
  first: number
  last: number
  count: number
  storedAtMs: number
  data: Buffer
}

export class SqliteSegments implements QueueRows {
  readonly #insert: Statement
  readonly #floor: Statement<unknown[], Header>
  readonly #above: Statement<unknown[], Header>
  readonly #data: Statement<unknown[], Buffer>
  readonly #run: Statement<unknown[], SegmentData>
  readonly #removable: Statement<unknown[], { first: number; last: number; sumBytes: number; bytes: number }>
  readonly #remove: Statement
  readonly #putLane: Statement
  readonly #removeLane: Statement
  readonly #putMoved: Statement
  readonly #removeMoved: Statement
  readonly #removeMovedOf: Statement
  readonly #putCursor: Statement
  readonly #removeCursor: Statement
  readonly #putLastSequence: Statement
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    this.#insert = db.prepare(`INSERT INTO segment VALUES (${KEY}, ?, ?, ?, ?, ?, ?, ?)`)
    this.#floor = db.prepare(`SELECT ${HEADER} FROM segment WHERE id BETWEEN (? << 44) AND ${KEY} ORDER BY id DESC LIMIT 1`)
    this.#above = db.prepare(`SELECT ${HEADER} FROM segment WHERE id BETWEEN ${KEY} AND ${KEY} ORDER BY id LIMIT 1`)
    this.#data = db.prepare<unknown[], Buffer>(`SELECT data FROM segment WHERE id = ${KEY}`).pluck()
    this.#run = db.prepare(
      `SELECT ${FIRST}, last, count, stored_at AS storedAtMs, data FROM segment WHERE id BETWEEN ${KEY} AND ${KEY} ORDER BY id LIMIT ${RUN_MAX}`,
    )
    this.#removable = db.prepare(
      `SELECT ${FIRST}, last, sum_bytes AS sumBytes, bytes FROM segment WHERE id BETWEEN ${KEY} AND ${KEY} ORDER BY id LIMIT ${REMOVE_MAX}`,
    )
    this.#remove = db.prepare(`DELETE FROM segment WHERE id BETWEEN ${KEY} AND ${KEY}`)
    this.#putLane = db.prepare('INSERT OR REPLACE INTO lane VALUES (?, ?, ?, ?, ?)')
    this.#removeLane = db.prepare('DELETE FROM lane WHERE id = ?')
    this.#putMoved = db.prepare('INSERT OR REPLACE INTO moved VALUES (?, ?, ?)')
    this.#removeMoved = db.prepare('DELETE FROM moved WHERE lane = ?')
    this.#removeMovedOf = db.prepare('DELETE FROM moved WHERE destination = ?')
    this.#putCursor = db.prepare('INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?, ?)')
    this.#removeCursor = db.prepare('DELETE FROM cursor WHERE destination = ?')
    this.#putLastSequence = db.prepare('INSERT OR REPLACE INTO last_sequence VALUES (1, ?)')
  }

  insert(lane: number, segment: Segment, sumCount: number, sumBytes: number): void {
    const { first, last, count, data, storedAtMs } = segment
    this.#insert.run(lane, first, last, count, data.length, Math.round(storedAtMs), sumCount, sumBytes, data)
  }

  floor(lane: number, sequence: number): Header | null {
    return this.#floor.get(lane, lane, sequence) ?? null
  }

  above(lane: number, sequence: number): Header | null {
    return this.#above.get(lane, sequence + 1, lane, SEQUENCE_MAX) ?? null
  }

  data(lane: number, first: number): Uint8Array {
    return this.#data.get(lane, first) ?? new Uint8Array(0)
  }

  run(lane: number, audience: number, from: number, before: number, bytesMax: number): Segment[] {
    const segments: Segment[] = []
    let room = bytesMax
    for (const { first, last, count, storedAtMs, data } of this.#run.iterate(lane, from, lane, before - 1)) {
      segments.push({ audience, first, last, count, storedAtMs, data })
      room -= data.length
      if (room <= 0) break
    }
    return segments
  }

  remove(lane: number, above: number, upTo: number): boolean {
    let last = -1
    let n = 0
    let base = 0
    let enough = false
    for (const row of this.#removable.iterate(lane, above + 1, lane, upTo)) {
      if (row.last > upTo) break
      if (n === 0) base = row.sumBytes - row.bytes
      last = row.first
      n++
      if (row.sumBytes - base > REMOVE_BYTES_MAX) {
        enough = true
        break
      }
    }
    if (n > 0) this.#remove.run(lane, above + 1, lane, last)
    return !enough && n < REMOVE_MAX
  }

  putLane(row: LaneRow): void {
    this.#putLane.run(row.id, row.audience, JSON.stringify(row.members), JSON.stringify(row.refused), row.owner)
  }

  removeLane(id: number): void {
    this.#removeLane.run(id)
    this.#removeMoved.run(id)
  }

  putMoved({ lane, destination, upTo }: MovedRow): void {
    this.#putMoved.run(lane, destination, upTo)
  }

  removeMoved(lane: number): void {
    this.#removeMoved.run(lane)
  }

  putCursor(destination: number, { cursor, ahead, holeFrom, holeTo, mayHaveSent }: StoredCursor): void {
    this.#putCursor.run(destination, cursor, ahead.length === 0 ? null : JSON.stringify(ahead), holeFrom, holeTo, mayHaveSent)
  }

  removeCursor(destination: number): void {
    this.#removeCursor.run(destination)
    this.#removeMovedOf.run(destination)
  }

  putLastSequence(sequence: number): void {
    this.#putLastSequence.run(sequence)
  }

  get lanes(): LaneRow[] {
    const rows = this.#db.prepare('SELECT * FROM lane').all() as { id: number; audience: number; members: string; refused: string; owner: number }[]
    return rows.map((r) => ({ ...r, members: JSON.parse(r.members) as Member[], refused: JSON.parse(r.refused) as number[] }))
  }

  get moved(): MovedRow[] {
    return this.#db.prepare('SELECT lane, destination, up_to AS upTo FROM moved').all() as MovedRow[]
  }

  get sent(): Map<number, number> {
    const rows = this.#db.prepare('SELECT destination, max(sequence) FROM inflight WHERE released = 0 GROUP BY destination').raw().all()
    return new Map(rows as [destination: number, sequence: number][])
  }

  get cursors(): Map<number, StoredCursor> {
    interface Row {
      destination: number
      cursor: number
      ahead: string | null
      hole_from: number
      hole_to: number
      may_have_sent: number
    }
    const rows = this.#db.prepare('SELECT * FROM cursor').all() as Row[]
    return new Map(
      rows.map((r) => [
        r.destination,
        {
          cursor: r.cursor,
          ahead: r.ahead === null ? [] : (JSON.parse(r.ahead) as number[]),
          holeFrom: r.hole_from,
          holeTo: r.hole_to,
          mayHaveSent: r.may_have_sent,
        },
      ]),
    )
  }

  get lastSequence(): number {
    return (this.#db.prepare('SELECT max(sequence) FROM (SELECT sequence FROM last_sequence UNION ALL SELECT sequence FROM inflight)').pluck().get() as number | null) ?? 0
  }
}
