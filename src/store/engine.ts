// The store in SQLite, as the worker thread runs it: open, commit, read, close. Synchronous; every call is one turn.
//
//   BEGIN ─► applyBatch, for each batch that waits ─► COMMIT ─► the log is synced ─► results
//      └ SQLITE_FULL: roll back, read the queues' state again, once more with the changes alone ('disk-full')
//      └ anything else: the store has failed for good
import type { Database, Statement } from 'better-sqlite3'
import { closeSync, openSync } from 'node:fs'
import { applyBatch, SEGMENT_OVERHEAD_BYTES } from './batch.ts'
import { ASIDE_BYTES_MAX, Copy } from './copy.ts'
import { copyAsidePath, databasePath, giveUpReserve, hasRoom, isFull, keepReserve, logPath, openFolder, translate } from './folder.ts'
import { LogSync } from './log-sync.ts'
import { Queues } from './queues.ts'
import { LOG_BYTES, PAGE_BYTES } from './schema.ts'
import { SqliteSegments } from './segments.ts'
import type { Batch, CommitResult, ReadResult, Snapshot } from './store.ts'
import { SqliteTables } from './tables.ts'

export interface EngineOptions {
  readonly folder: string
  readonly bytesMax: number
  /** Default 64 MB: of what is kept of a copy that is read while much is written. */
  readonly copyAsideBytesMax?: number
}

export interface Given {
  readonly batch: Batch
  readonly nowWallMs: number
}

interface Parts {
  readonly segments: SqliteSegments
  readonly tables: SqliteTables
  queues: Queues
}

export class Engine {
  readonly #options: EngineOptions
  readonly #db: Database
  readonly #log: LogSync
  readonly #parts: Parts
  readonly #pagesUsed: Statement<[], number>
  readonly #setAside: Snapshot['setAside']
  readonly #restored: Snapshot['restored']
  /** For copies. Kept open until the database is closed: a descriptor of the file that is closed takes SQLite's lock with it (fcntl(2)). */
  #file: number | null = null
  #copy: Copy | null = null
  /** The disk was full at the last attempt: the next one asks the file system first. */
  #full = false
  /** There are settled rows left to delete. */
  hasRest = false

  /** Throws what openFolder throws. */
  constructor(options: EngineOptions, wallMs: number) {
    this.#options = options
    const { db, setAside, restored, loaded } = openFolder(options.folder, wallMs, load)
    this.#db = db
    this.#setAside = setAside
    this.#restored = restored
    this.#parts = loaded
    this.#pagesUsed = db
      .prepare<[], number>('SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count')
      .pluck()
    keepReserve(options.folder)
    try {
      this.#log = new LogSync(logPath(options.folder), LOG_BYTES)
    } catch (cause) {
      db.close()
      throw translate(cause, options.folder)
    }
  }

  get snapshot(): Snapshot {
    const { queues, tables } = this.#parts
    return {
      lastSequence: queues.lastSequence,
      destinations: queues.destinations,
      audiences: queues.audiences,
      ...tables.rest,
      bytesUsed: this.#bytesUsed,
      setAside: this.#setAside,
      ...(this.#restored === undefined ? {} : { restored: this.#restored }),
    }
  }

  /** Commits the batches in one transaction: all of them are durable, or none is and it throws. */
  commit(given: readonly Given[]): CommitResult[] {
    const bytes = given.reduce((sum, { batch }) => sum + batch.segments.reduce((n, s) => n + s.data.length + SEGMENT_OVERHEAD_BYTES, 0), 0)
    if (this.#full && hasRoom(this.#options.folder, bytes)) {
      this.#full = false
      keepReserve(this.#options.folder)
    }
    const refused = this.#full ? 'disk-full' : null
    try {
      return this.#transact(given, refused)
    } catch (error) {
      if (!isFull(error)) throw error
    }
    this.#full = true
    giveUpReserve(this.#options.folder)
    return this.#transact(given, 'disk-full')
  }

  read(destination: number, after: number, bytesMax: number): ReadResult {
    return this.#parts.queues.read(destination, after, bytesMax)
  }

  /** Deletes more of what is settled, in a transaction of its own. It need not be durable: what comes back is deleted again. */
  sweep(): void {
    this.#db.exec('BEGIN IMMEDIATE')
    this.hasRest = !this.#parts.queues.trim()
    this.#db.exec('COMMIT')
    this.#tellCopy()
  }

  /** Begins a copy of the database as it is now, and answers its bytes; what was committed is in it. One at a time: an earlier one ends. */
  beginCopy(): number {
    this.endCopy()
    const { folder } = this.#options
    this.#file ??= openSync(databasePath(folder), 'r')
    this.#db.pragma('wal_autocheckpoint = 0') // the copy says when
    try {
      this.#copy = new Copy({
        database: this.#file,
        logPath: logPath(folder),
        asidePath: copyAsidePath(folder),
        pageBytes: this.#db.pragma('page_size', { simple: true }) as number,
        logPages: LOG_BYTES / PAGE_BYTES,
        asideBytesMax: this.#options.copyAsideBytesMax ?? ASIDE_BYTES_MAX,
        checkpoint: () => this.#checkpoint(),
        hasRoom: (bytes) => hasRoom(folder, bytes),
      })
    } catch (error) {
      this.endCopy()
      throw error
    }
    return this.#copy.bytes
  }

  /** The copy's next bytes; null at its end. Throws why it cannot be read on. */
  readCopy(): Uint8Array | null {
    if (this.#copy === null) throw new Error('it was ended')
    return this.#copy.read()
  }

  endCopy(): void {
    this.#copy?.close()
    this.#copy = null
    this.#checkpointByItself()
  }

  /** Checkpoints and closes. */
  close(): void {
    this.endCopy()
    this.#db.close()
    this.#log.close()
    if (this.#file !== null) closeSync(this.#file)
  }

  #tellCopy(): void {
    if (this.#copy !== null && !this.#copy.wrote()) this.#checkpointByItself()
  }

  #checkpointByItself(): void {
    this.#db.pragma(`wal_autocheckpoint = ${LOG_BYTES / PAGE_BYTES}`)
  }

  /** All of it, as nobody else reads: a copy depends on that. */
  #checkpoint(): void {
    const [{ busy, log, checkpointed } = { busy: 1, log: 0, checkpointed: 0 }] = this.#db.pragma('wal_checkpoint(PASSIVE)') as { busy: number; log: number; checkpointed: number }[]
    if (busy !== 0 || log !== checkpointed) throw new Error('the log cannot be copied into the database')
  }

  #transact(given: readonly Given[], refused: CommitResult['refused']): CommitResult[] {
    const { queues, tables } = this.#parts
    const room = (): number => this.#options.bytesMax - this.#bytesUsed
    const results: CommitResult[] = []
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      let rest = false
      for (const { batch, nowWallMs } of given) {
        const result = applyBatch(batch, tables, queues, nowWallMs, room, refused)
        if (!result.trimmed) rest = true
        results.push({ refused: result.refused, drops: result.drops, bytesUsed: this.#bytesUsed })
      }
      this.#db.exec('COMMIT')
      this.#log.sync()
      this.#tellCopy()
      this.hasRest = rest
      return results
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      this.#parts.queues = loadQueues(this.#parts) // what was counted in memory was not kept
      throw error
    }
  }

  get #bytesUsed(): number {
    return this.#pagesUsed.get()! * PAGE_BYTES
  }
}

function load(db: Database): Parts {
  const segments = new SqliteSegments(db)
  const tables = new SqliteTables(db)
  return { segments, tables, queues: db.transaction(() => loadQueues({ segments, tables }))() }
}

function loadQueues({ segments, tables }: Pick<Parts, 'segments' | 'tables'>): Queues {
  const { cursors, lanes, moved, sent, lastSequence } = segments
  return new Queues(segments, { destinations: tables.destinations, cursors, lanes, moved, sent, lastSequence })
}
