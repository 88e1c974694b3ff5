// The store's folder: making it, opening the database in it, and setting a damaged one aside.
//
//   store.db, store.db-wal     the database and its write-ahead log
//   store.db.damaged           left when damage showed while running: the next start sets the database aside
//   store.db.aside-<time>      what was set aside, with its log; nobody deletes these but the operator
//   store.reserve              1 MB of nothing, given up when the disk is full, so that cursors can still be written
//   history.db                 the ring beside it (sqlite-ring.ts)
//   store.copy                 while a copy is read: pages that were overwritten before it came to them (copy.ts)
//   store.lock                 empty; held while a backup takes the place of the store (takeover.ts has the folders of that)
import DatabaseFile, { type Database } from 'better-sqlite3'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OperatorError } from '../errors.ts'
import { NOTHING, type Present, presentOf, renew, valuesOf } from './renewal.ts'
import { configure, migrate, storedVersion, VERSION } from './schema.ts'
import { type Snapshot, WRITTEN } from './store.ts'
import { takeOver, type TakeOverDeps } from './takeover.ts'

const FILES = ['', '-wal', '-shm', '-journal'] as const
const RESERVE_BYTES = 1024 * 1024
const LOCK_WAIT_MS = 500 // a gateway that is being restarted lets go within this

export const databasePath = (folder: string): string => join(folder, 'store.db')
export const logPath = (folder: string): string => `${databasePath(folder)}-wal`
const markerPath = (folder: string): string => `${databasePath(folder)}.damaged`
export const copyAsidePath = (folder: string): string => join(folder, 'store.copy')
const lockPath = (folder: string): string => join(folder, 'store.lock')
const reservePath = (folder: string): string => join(folder, 'store.reserve')

export interface Opened {
  readonly db: Database
  readonly setAside: Snapshot['setAside']
  readonly restored: Snapshot['restored']
}

/**
 * Opens the database, new when there is none or when the one there is damaged. `load` reads what opening needs; damage that it
 * meets counts as well. Throws OperatorError E_STORE_FOLDER, E_STORE_LOCKED or E_STORE_VERSION.
 */
export function openFolder<T>(folder: string, wallMs: number, load: (db: Database) => T): Opened & { readonly loaded: T } {
  try {
    makeFolder(folder)
  } catch (cause) {
    throw new OperatorError('E_STORE_FOLDER', `cannot make the store's folder ${folder} (${reason(cause)})`, { cause })
  }
  let restored: Snapshot['restored']
  try {
    rmSync(copyAsidePath(folder), { force: true }) // of a copy that a kill has ended
    restored = takeOver(folder, TAKE_OVER)
  } catch (cause) {
    throw translate(cause, folder)
  }
  const marker = markerPath(folder)
  let setAside: Snapshot['setAside'] = null
  if (existsSync(marker)) setAside = moveAside(folder, wallMs, readFileSync(marker, 'utf8').trim())
  try {
    return { ...open(folder, load), setAside, restored }
  } catch (cause) {
    if (!isDamage(cause)) throw translate(cause, folder)
    setAside = moveAside(folder, wallMs, reason(cause))
  }
  try {
    return { ...open(folder, load), setAside, restored }
  } catch (cause) {
    throw translate(cause, folder)
  }
}

/** Not mkdirSync's `recursive`: it never returns where a folder that exists answers ENOENT to a new name (/proc, an automounter's). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  if (dirname(folder) !== folder) makeFolder(dirname(folder))
  mkdirSync(folder)
}

export function openDatabase(path: string): Database {
  return new DatabaseFile(path, { timeout: LOCK_WAIT_MS })
}

function open<T>(folder: string, load: (db: Database) => T): { db: Database; loaded: T } {
  const path = databasePath(folder)
  const db = openDatabase(path)
  try {
    configure(db)
    const version = storedVersion(db)
    if (version > VERSION) {
      throw new OperatorError('E_STORE_VERSION', `the store ${path} has version ${version}, and this release knows ${VERSION}`)
    }
    migrate(db)
    rmSync(join(folder, WRITTEN), { recursive: true, force: true }) // of a restore that was cut off; nobody else writes there while we have the lock
    return { db, loaded: load(db) }
  } catch (error) {
    db.close()
    throw error
  }
}

/** Backups that wait are taken over with these. */
export const TAKE_OVER: TakeOverDeps = {
  lock: (folder) => {
    const db = new DatabaseFile(lockPath(folder), { timeout: LOCK_WAIT_MS })
    try {
      db.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      db.close()
      throw error
    }
    return () => db.close()
  },
  renew: (store, backup) => {
    const present = presentIn(store)
    open(backup, (db) => renew(db, present)).db.close()
  },
  isBad: (error) => isDamage(error) || (error instanceof OperatorError && error.code === 'E_STORE_VERSION'),
}

/** What the store knows that is there. Nothing when there is none, or it is damaged. Throws SQLITE_BUSY when somebody has it open. */
function presentIn(folder: string): Present {
  if (!existsSync(databasePath(folder))) return NOTHING
  let db: Database | null = null
  try {
    db = new DatabaseFile(databasePath(folder), { timeout: LOCK_WAIT_MS })
    configure(db)
    if (storedVersion(db) > VERSION) return { ...NOTHING, values: valuesOf(db) }
    migrate(db)
    return presentOf(db)
  } catch (error) {
    if (!isDamage(error)) throw error
    return NOTHING
  } finally {
    db?.close() // with its log copied into it
  }
}

/** Whether a database is whole, and of a version that is known. null, or why not. */
export function checkDatabase(folder: string): string | null {
  try {
    const db = new DatabaseFile(databasePath(folder), { fileMustExist: true })
    try {
      configure(db)
      const version = storedVersion(db)
      if (version < 1 || version > VERSION) return `its store has version ${version}, and this release knows ${VERSION}`
      const found = db.pragma('integrity_check(1)', { simple: true }) as string
      return found === 'ok' ? null : found
    } finally {
      db.close()
    }
  } catch (error) {
    return reason(error)
  }
}

/** SQLite's name of an error, or null. */
export function sqliteCode(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : null
}

export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== null && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB')
}

export function isFull(error: unknown): boolean {
  return sqliteCode(error) === 'SQLITE_FULL'
}

/** Damage showed while running. The next start begins with a new database. */
export function markDamaged(folder: string, cause: string): void {
  writeFileSync(markerPath(folder), `${cause}\n`, { flush: true })
}

/** Makes the reserve when there is room for it. */
export function keepReserve(folder: string): void {
  const path = reservePath(folder)
  try {
    if (!existsSync(path)) writeFileSync(path, Buffer.alloc(RESERVE_BYTES))
  } catch {
    rmSync(path, { force: true }) // no room now: there will be none to give up
  }
}

export function giveUpReserve(folder: string): void {
  rmSync(reservePath(folder), { force: true })
}

/** Whether the file system has room for `bytes` and the reserve. */
export function hasRoom(folder: string, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize > 3 * bytes + 2 * RESERVE_BYTES // log, database, and what others write meanwhile
}

function moveAside(folder: string, wallMs: number, cause: string): { path: string; cause: string } {
  const path = databasePath(folder)
  const stamp = new Date(wallMs).toISOString().replace(/[:.]/g, '-')
  let aside = `${path}.aside-${stamp}`
  for (let n = 2; existsSync(aside); n++) aside = `${path}.aside-${stamp}-${n}`
  for (const suffix of FILES) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix)
  rmSync(markerPath(folder), { force: true })
  return { path: aside, cause }
}

/** Says what opening met in the operator's words. */
export function translate(error: unknown, folder: string): OperatorError {
  if (error instanceof OperatorError) return error
  const code = sqliteCode(error)
  if (code?.startsWith('SQLITE_BUSY') === true || code === 'SQLITE_LOCKED') {
    return new OperatorError('E_STORE_LOCKED', `the store in ${folder} is in use`, { cause: error })
  }
  return new OperatorError('E_STORE_FOLDER', `cannot open the store in ${folder} (${reason(error)})`, { cause: error })
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? `${error.code}: ${error.message}` : error.message
}
