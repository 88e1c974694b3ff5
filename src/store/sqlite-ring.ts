// The ring in SQLite, as the store's thread runs it. Synchronous; every call is one turn, and throws a RingError.
//
// In WAL with `synchronous = NORMAL` a commit is some KB of write calls and no sync: it holds up no commit of messages. Only a checkpoint syncs, the log
// and then the file, once in LOG_BYTES of writing.
import type { Database, Statement } from 'better-sqlite3'
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { hasRoom, isDamage, isFull, openDatabase, sqliteCode } from './folder.ts'
import { type Block, type BlockRow, partsOf, type RingBatch, RingError, type RingParts, type RingSnapshot, type SeriesRow } from './ring.ts'
import { PAGE_BYTES } from './schema.ts'

/** Of the write-ahead log: then it is copied into the file. Pages that are written again meanwhile are copied once. */
const LOG_BYTES = 128 * 1024
const CACHE_KB = 128
const VERSION = 1
const FILES = ['', '-wal', '-shm', '-journal'] as const
/** What a row takes beside its data, pages of the tree above it among that. */
const ROW_PAGES = 2
/** Of a page of a long row. */
const CHAIN_BYTES = 4

const SCHEMA = `
  CREATE TABLE series (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    unit TEXT,
    seen INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE block (
    sequence INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    step_ms INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
`

interface Open {
  readonly db: Database
  readonly bytesMax: number
  readonly putSeries: Statement<[number, string, string | null, number]>
  readonly endSeries: Statement<[number]>
  readonly putBlock: Statement<[number, number, number, number, Uint8Array]>
  readonly endBlocks: Statement<[number]>
  readonly oldest: Statement<[], number | null>
  readonly pagesUsed: Statement<[], number>
  readonly blocks: Statement<[number, number], { readonly sequence: number; readonly data: Uint8Array }>
}

export const ringPath = (folder: string): string => join(folder, 'history.db')

export class SqliteRing {
  readonly #folder: string
  #open: Open | null = null
  /** What it was found to be damaged by: the next opening begins anew. */
  #damage: string | null = null

  constructor(folder: string) {
    this.#folder = folder
  }

  open(bytesMax: number): RingSnapshot {
    this.close()
    let setAside: RingSnapshot['setAside'] = null
    try {
      if (this.#damage !== null) setAside = this.#moveAside(this.#damage)
      try {
        return { ...this.#begin(bytesMax), setAside }
      } catch (error) {
        if (!isDamage(error) && !isForeign(error)) throw error
        setAside = this.#moveAside((error as Error).message)
        return { ...this.#begin(bytesMax), setAside }
      }
    } catch (error) {
      throw this.#faultOf(error)
    }
  }

  write({ series, gone, blocks, keepFrom }: RingBatch): number {
    const open = this.#opened()
    const bytes = blocks.reduce((sum, { data }) => sum + data.length, 0)
    // Messages have what is left of the card.
    if (!hasRoom(this.#folder, bytes + LOG_BYTES)) throw new RingError('full', 'the card is full')
    try {
      open.db.exec('BEGIN IMMEDIATE')
      for (const { number, id, unit, seen } of series) open.putSeries.run(number, id, unit, seen)
      for (const number of gone) open.endSeries.run(number)
      open.endBlocks.run(keepFrom)
      for (const block of blocks) put(open, block)
      open.db.exec('COMMIT')
      return open.oldest.get() ?? keepFrom
    } catch (error) {
      throw this.#faultOf(error)
    }
  }

  read(series: readonly number[], first: number, last: number): RingParts[] {
    const { blocks } = this.#opened()
    try {
      return blocks.all(first, last).map(({ sequence, data }) => ({ sequence, parts: partsOf(data, series) }))
    } catch (error) {
      throw this.#faultOf(error)
    }
  }

  close(): void {
    const db = this.#open?.db
    this.#open = null
    try {
      db?.close()
    } catch {
      // What could not be copied out of the log stays there.
    }
  }

  #opened(): Open {
    if (this.#open === null) throw new RingError('failed', 'the history is not open')
    return this.#open
  }

  #begin(bytesMax: number): Omit<RingSnapshot, 'setAside'> {
    const db = openDatabase(ringPath(this.#folder))
    try {
      configure(db)
      const version = db.pragma('user_version', { simple: true })
      if (version !== 0 && version !== VERSION) throw new ForeignVersion(`it has version ${String(version)}, and this release knows ${VERSION}`)
      if (version === 0) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${VERSION}; COMMIT`)
      const snapshot = {
        series: db.prepare<[], SeriesRow>('SELECT number, id, unit, seen FROM series ORDER BY number').all(),
        blocks: db.prepare<[], BlockRow>('SELECT sequence, started_at AS startedAtMs, step_ms AS stepMs, steps FROM block ORDER BY sequence').all(),
        lastNumber: db.prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'series'").pluck().get() ?? 0,
      }
      this.#open = {
        db,
        bytesMax,
        putSeries: db.prepare('INSERT OR REPLACE INTO series (number, id, unit, seen) VALUES (?, ?, ?, ?)'),
        endSeries: db.prepare('DELETE FROM series WHERE number = ?'),
        putBlock: db.prepare('INSERT OR REPLACE INTO block (sequence, started_at, step_ms, steps, data) VALUES (?, ?, ?, ?, ?)'),
        endBlocks: db.prepare('DELETE FROM block WHERE sequence < ?'),
        oldest: db.prepare<[], number | null>('SELECT min(sequence) FROM block').pluck(),
        pagesUsed: db.prepare<[], number>('SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count').pluck(),
        blocks: db.prepare('SELECT sequence, data FROM block WHERE sequence BETWEEN ? AND ? ORDER BY sequence'),
      }
      return snapshot
    } catch (error) {
      db.close()
      throw error
    }
  }

  /** What is damaged or failed is closed: nobody knows what its connection has in memory. */
  #faultOf(error: unknown): RingError {
    const db = this.#open?.db
    if (db?.inTransaction === true) {
      try {
        db.exec('ROLLBACK')
      } catch {
        // SQLite has done it itself.
      }
    }
    if (error instanceof RingError) return error
    const message = error instanceof Error ? error.message : String(error)
    if (isFull(error)) return new RingError('full', 'the card is full')
    this.close()
    if (!isDamage(error)) return new RingError('failed', message)
    this.#damage = message
    return new RingError('damaged', message)
  }

  #moveAside(cause: string): NonNullable<RingSnapshot['setAside']> {
    const path = ringPath(this.#folder)
    const aside = `${path}.damaged`
    for (const suffix of FILES) {
      rmSync(aside + suffix, { force: true })
      try {
        renameSync(path + suffix, aside + suffix)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    this.#damage = null
    return { path: aside, cause }
  }
}

class ForeignVersion extends Error {}

/** A database, but not one of ours: SQL that names our tables is an error. */
function isForeign(error: unknown): boolean {
  return error instanceof ForeignVersion || sqliteCode(error) === 'SQLITE_ERROR'
}

function configure(db: Database): void {
  db.pragma(`page_size = ${PAGE_BYTES}`)
  db.pragma('locking_mode = EXCLUSIVE') // before WAL: then its index lies in memory and there is no -shm file
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  db.pragma(`wal_autocheckpoint = ${LOG_BYTES / PAGE_BYTES}`)
  db.pragma(`journal_size_limit = ${4 * LOG_BYTES}`)
  db.pragma(`cache_size = -${CACHE_KB}`)
  db.pragma('temp_store = MEMORY')
  db.pragma('mmap_size = 0')
}

/** Blocks that are older go until there is room for it. */
function put({ bytesMax, pagesUsed, oldest, endBlocks, putBlock }: Open, { sequence, startedAtMs, stepMs, steps, data }: Block): void {
  const pages = Math.ceil(data.length / (PAGE_BYTES - CHAIN_BYTES)) + ROW_PAGES
  const pagesMax = Math.floor((bytesMax - LOG_BYTES) / PAGE_BYTES)
  while (pagesUsed.get()! + pages > pagesMax) {
    const first = oldest.get() ?? null
    if (first === null) throw new RingError('full', 'history.maxSize is less than one block takes')
    endBlocks.run(first + 1)
  }
  putBlock.run(sequence, startedAtMs, stepMs, steps, data)
}
