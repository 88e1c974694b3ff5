// What a backup says of itself, in its first file; and what its files are called. README.md has the format.
import { isNameable } from '../tar.ts'

export const FORMAT = 1
export const MANIFEST = 'manifest.json'
export const DATABASE = 'store.db'
export const SHELF = 'uplinks'
export const SUMS = 'SHA256SUMS'
export const MANIFEST_BYTES_MAX = 64 * 1024
/** Files of uplinks: dictionaries, frames that wait for one, records of commands. */
export const FILES_MAX = 100_000
/** The media type of a backup: zstd (RFC 8878) around a tar archive. */
export const BACKUP_TYPE = 'application/zstd'

export interface Manifest {
  readonly format: number
  /** Of the program that has made it. */
  readonly version: string
  /** Of the store's tables. */
  readonly schema: number
  readonly site: string
  /** ISO 8601, by a clock that may not have been set. */
  readonly madeAt: string
  readonly databaseBytes: number
  readonly shelfFiles: number
  readonly shelfBytes: number
}

const UPLINK_NAME = /^(?!\.{1,2}$)[^/\0]{1,100}$/
/** Of `FolderShelf`; not what only this run or this connection had a use for. */
const FILE_NAME = /^(?!\.)[A-Za-z0-9_.-]{1,100}$/
/**
 * Left out. What a receiver of frames was known to have: that is of a stream, and streams begin anew. TLS sessions: secrets, and soon over. What the
 * remote has of our subscriptions: it may have others by then, and is told them again.
 */
const PASSING = /^(tls-sessions|subscriptions)$|\.(sender|new)$/

/** `uplinks/NAME/FILE`; null for another file. */
export function shelfPlace(name: string): { readonly uplink: string; readonly file: string } | null {
  const [shelf, uplink = '', file = '', ...more] = name.split('/')
  return shelf === SHELF && more.length === 0 && UPLINK_NAME.test(uplink) && FILE_NAME.test(file) && !PASSING.test(file) && isNameable(name) ? { uplink, file } : null
}

/** A sentence when it is none that this release takes. */
export function manifestOf(text: string): Manifest | string {
  let value: Partial<Manifest>
  try {
    value = (JSON.parse(text) ?? {}) as Partial<Manifest>
  } catch {
    return 'its manifest cannot be read'
  }
  const { format, version, schema, site, madeAt, databaseBytes, shelfFiles, shelfBytes } = value
  if (typeof format === 'number' && format > FORMAT) return `it has format ${format}, and this release knows ${FORMAT}: install the release that has made it (${String(version).slice(0, 50)})`
  const counts = [schema, databaseBytes, shelfFiles, shelfBytes]
  if (format !== FORMAT || typeof version !== 'string' || typeof site !== 'string' || typeof madeAt !== 'string' || !counts.every((n) => Number.isSafeInteger(n) && n! >= 0) || shelfFiles! > FILES_MAX) return 'its manifest is of no backup'
  return value as Manifest
}
