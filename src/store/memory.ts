// The store in memory: for tests, and for gateways that are told to keep nothing (`store: memory`). The queues are those of
// the store in SQLite (queues.ts) on arrays instead of a file; only its bound keeps it small.
import type { Clock } from '../clock.ts'
import { OperatorError } from '../errors.ts'
import { applyBatch, SEGMENT_OVERHEAD_BYTES, type Tables } from './batch.ts'
import type { Header } from './lane.ts'
import { MemoryRing } from './memory-ring.ts'
import { type QueueRows, Queues } from './queues.ts'
import { type Batch, type Change, type CommitResult, type InflightRow, type ReadResult, retainedKey, type RetainedRow, type Segment, type SessionRow, type Snapshot, type Store, STREAMS_MAX, type SubscriptionRow, type Unpacked } from './store.ts'

export interface MemoryStoreOptions {
  readonly bytesMax: number
  readonly clock: Clock
}

const ROW_BYTES = 256 // what a small row takes, about

export class MemoryStore implements Store {
  readonly ring = new MemoryRing()
  readonly bytesWritten = 0
  readonly #options: MemoryStoreOptions
  readonly #rows = new MemoryRows()
  readonly #tables = new MemoryTables()
  readonly #queues = new Queues(this.#rows, { destinations: [], cursors: new Map(), lanes: [], moved: [], sent: new Map(), lastSequence: 0 })
  #closed = false

  constructor(options: MemoryStoreOptions) {
    this.#options = options
  }

  /** May be opened again after `close`: then it has what it had. */
  async open(): Promise<Snapshot> {
    this.#closed = false
    const { lastSequence, destinations, audiences } = this.#queues
    return { lastSequence, destinations, audiences, ...this.#tables.rest, bytesUsed: this.#bytesUsed, setAside: null }
  }

  async commit(batch: Batch): Promise<CommitResult> {
    this.#check()
    const room = (): number => this.#options.bytesMax - this.#bytesUsed
    const result = applyBatch(batch, this.#tables, this.#queues, this.#options.clock.wall(), room, null)
    return { refused: result.refused, drops: result.drops, bytesUsed: this.#bytesUsed }
  }

  async read(destination: number, after: number, bytesMax: number): Promise<ReadResult> {
    this.#check()
    return this.#queues.read(destination, after, bytesMax)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  get #bytesUsed(): number {
    return this.#rows.bytes + this.#tables.bytes
  }

  #check(): void {
    if (this.#closed) throw new OperatorError('E_STORE_FAILED', 'the store is closed')
  }
}

interface Row extends Header {
  readonly data: Uint8Array
}

/** Rows of a lane in an array, ascending: found by halving. */
class MemoryRows implements QueueRows {
  readonly #lanes = new Map<number, Row[]>()
  bytes = 0

  insert(lane: number, segment: Segment, sumCount: number, sumBytes: number): void {
    const { first, last, count, data, storedAtMs } = segment
    let rows = this.#lanes.get(lane)
    if (rows === undefined) this.#lanes.set(lane, (rows = []))
    rows.push({ first, last, count, bytes: data.length, storedAtMs, sumCount, sumBytes, data })
    this.bytes += data.length + SEGMENT_OVERHEAD_BYTES
  }

  floor(lane: number, sequence: number): Row | null {
    return this.#rows(lane)[this.#after(lane, sequence) - 1] ?? null
  }

  above(lane: number, sequence: number): Row | null {
    return this.#rows(lane)[this.#after(lane, sequence)] ?? null
  }

  data(lane: number, first: number): Uint8Array {
    const row = this.floor(lane, first)
    return row !== null && row.first === first ? row.data : new Uint8Array(0)
  }

  run(lane: number, audience: number, from: number, before: number, bytesMax: number): Segment[] {
    const rows = this.#rows(lane)
    const segments: Segment[] = []
    let room = bytesMax
    for (let i = this.#after(lane, from - 1); i < rows.length && rows[i]!.first < before && (segments.length === 0 || room > 0); i++) {
      const { first, last, count, storedAtMs, data } = rows[i]!
      segments.push({ audience, first, last, count, storedAtMs, data })
      room -= data.length
    }
    return segments
  }

  remove(lane: number, above: number, upTo: number): boolean {
    const rows = this.#rows(lane)
    const start = this.#after(lane, above)
    let end = start
    for (; end < rows.length && rows[end]!.last <= upTo; end++) this.bytes -= rows[end]!.data.length + SEGMENT_OVERHEAD_BYTES
    rows.splice(start, end - start)
    return true
  }

  putLane(): void {}

  removeLane(id: number): void {
    this.#lanes.delete(id)
  }

  putMoved(): void {}

  removeMoved(): void {}

  putCursor(): void {}

  removeCursor(): void {}

  putLastSequence(): void {}

  #rows(lane: number): Row[] {
    return this.#lanes.get(lane) ?? []
  }

  /** How many rows start at or before `sequence`. */
  #after(lane: number, sequence: number): number {
    const rows = this.#rows(lane)
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (rows[middle]!.first <= sequence) low = middle + 1
      else high = middle
    }
    return low
  }
}

class MemoryTables implements Tables {
  readonly #sessions = new Map<number, SessionRow>()
  readonly #subscriptions = new Map<string, SubscriptionRow>()
  readonly #inflight = new Map<string, InflightRow>()
  readonly #received = new Map<string, { destination: number; packetIdentifier: number }>()
  readonly #retained = new Map<string, RetainedRow>()
  /** Those that were quiet longest come first. */
  readonly #unpacked = new Map<string, Unpacked>()
  readonly #values = new Map<string, number>()
  #retainedBytes = 0

  get bytes(): number {
    const rows = this.#sessions.size + this.#subscriptions.size + this.#inflight.size + this.#received.size + this.#retained.size + this.#unpacked.size + this.#values.size
    return this.#retainedBytes + rows * ROW_BYTES
  }

  get rest(): Pick<Snapshot, 'sessions' | 'subscriptions' | 'inflight' | 'received' | 'retained' | 'unpacked' | 'values'> {
    return {
      sessions: [...this.#sessions.values()],
      subscriptions: [...this.#subscriptions.values()],
      inflight: [...this.#inflight.values()],
      received: [...this.#received.values()],
      retained: [...this.#retained.values()],
      unpacked: [...this.#unpacked.values()],
      values: [...this.#values].map(([key, value]) => ({ key, value })),
    }
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'destination': // queues.ts
      case 'cursor':
        return
      case 'destination-end':
        this.#end(change.destination)
        return
      case 'session':
        this.#sessions.set(change.row.destination, change.row)
        return
      case 'subscription':
        this.#subscriptions.set(`${change.row.destination} ${change.row.filter}`, change.row)
        return
      case 'subscription-end':
        this.#subscriptions.delete(`${change.destination} ${change.filter}`)
        return
      case 'inflight':
        this.#inflight.set(`${change.row.destination} ${change.row.packetIdentifier}`, change.row)
        return
      case 'inflight-end':
        this.#inflight.delete(`${change.destination} ${change.packetIdentifier}`)
        return
      case 'received': {
        const { destination, packetIdentifier } = change
        this.#received.set(`${destination} ${packetIdentifier}`, { destination, packetIdentifier })
        return
      }
      case 'received-end':
        this.#received.delete(`${change.destination} ${change.packetIdentifier}`)
        return
      case 'retained':
        this.#retainedBytes += change.row.data.length - (this.#retained.get(retainedKey(change.row))?.data.length ?? 0)
        this.#retained.set(retainedKey(change.row), change.row)
        return
      case 'retained-end':
        this.#retainedBytes -= this.#retained.get(retainedKey(change))?.data.length ?? 0
        this.#retained.delete(retainedKey(change))
        return
      case 'unpacked':
        this.#unpack(change)
        return
      case 'value':
        this.#values.set(change.key, change.value)
        return
      case 'value-end':
        this.#values.delete(change.key)
    }
  }

  #unpack({ stream, sequence }: Unpacked): void {
    const highest = Math.max(sequence, this.#unpacked.get(stream)?.sequence ?? 0)
    this.#unpacked.delete(stream)
    this.#unpacked.set(stream, { stream, sequence: highest })
    if (this.#unpacked.size <= STREAMS_MAX) return
    for (const quiet of this.#unpacked.keys()) {
      this.#unpacked.delete(quiet)
      return
    }
  }

  #end(destination: number): void {
    this.#sessions.delete(destination)
    for (const rows of [this.#subscriptions, this.#inflight, this.#received]) {
      for (const [key, row] of rows) if (row.destination === destination) rows.delete(key)
    }
  }
}
