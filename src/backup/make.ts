// A backup as a stream of bytes, made while the gateway runs: manifest, files of uplinks, the store, and the hashes of all of them.
//
//   uplinks/ are looked at ─► the store's moment ─► manifest.json ─► uplinks/… ─► store.db ─► SHA256SUMS ─► zstd
//
// What is always true
//   1. What was acknowledged before it was asked for is in it. Files of uplinks are read before the store's moment: a frame that waits there is removed
//      only after its messages are in the store, and comes twice then, which the store knows.
//   2. Nothing is written to the card for it (store/copy.ts says for which pages it is, and how many at most).
//   3. A backup that was cut off cannot be taken for a whole one: the hashes come last.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { OperatorError } from '../errors.ts'
import type { StoreCopy } from '../store/store.ts'
import { DATABASE, FILES_MAX, FORMAT, type Manifest, MANIFEST, SHELF, shelfPlace, SUMS } from './manifest.ts'
import { end, entryHeader, padding } from '../tar.ts'

/** Of files of uplinks, in memory while the backup is made: dictionaries and frames have bounds of their own (64 MB each). */
const SHELF_BYTES_MAX = 192 * 1024 * 1024
/** Fast rather than small: a board has little to compute with, and free pages cost nothing at any level. */
const LEVEL = 1

export interface BackupOf {
  /** The store's. */
  readonly folder: string
  readonly site: string
  readonly version: string
  readonly wallMs: number
  readonly copy: () => Promise<StoreCopy>
}

export interface Backup {
  readonly manifest: Manifest
  /** Compressed. When it is destroyed, the store is told. */
  readonly stream: Readable
}

interface ShelfFile {
  readonly name: string
  readonly content: Buffer
}

/** Rejects with OperatorError E_BACKUP when it cannot begin. The stream's error is one too. */
export async function makeBackup({ folder, site, version, wallMs, copy }: BackupOf): Promise<Backup> {
  const files = await shelfFiles(folder)
  const store = await copy()
  const manifest: Manifest = {
    format: FORMAT,
    version,
    schema: store.schema,
    site,
    madeAt: new Date(wallMs).toISOString(),
    databaseBytes: store.bytes,
    shelfFiles: files.length,
    shelfBytes: files.reduce((sum, { content }) => sum + content.length, 0),
  }
  const stream = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 } })
  const ended = (): Promise<void> => store.end().catch(() => {}) // a store that has failed says so elsewhere
  void pipeline(Readable.from(archive(manifest, files, store, wallMs)), stream).then(ended, ended) // its error is the stream's
  return { manifest, stream }
}

async function* archive(manifest: Manifest, files: readonly ShelfFile[], store: StoreCopy, wallMs: number): AsyncGenerator<Buffer> {
  const sums: string[] = []
  const whole = function* (name: string, content: Buffer): Generator<Buffer> {
    sums.push(`${createHash('sha256').update(content).digest('hex')}  ${name}\n`)
    yield entryHeader({ name, bytes: content.length }, wallMs)
    yield content
    yield padding(content.length)
  }
  yield* whole(MANIFEST, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`))
  for (const { name, content } of files) yield* whole(name, content)
  const hash = createHash('sha256')
  yield entryHeader({ name: DATABASE, bytes: store.bytes }, wallMs)
  for (let chunk = await store.read(); chunk !== null; chunk = await store.read()) {
    if (chunk.length === 0) continue
    hash.update(chunk)
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
  }
  yield padding(store.bytes)
  sums.push(`${hash.digest('hex')}  ${DATABASE}\n`)
  yield* whole(SUMS, Buffer.from(sums.join('')))
  yield end()
}

/** One that has gone meanwhile was done with. */
async function shelfFiles(folder: string): Promise<ShelfFile[]> {
  const files: ShelfFile[] = []
  let bytes = 0
  for (const uplink of await names(join(folder, SHELF))) {
    for (const file of await names(join(folder, SHELF, uplink))) {
      const name = `${SHELF}/${uplink}/${file}`
      if (shelfPlace(name) === null) continue
      const content = await readFile(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null
        throw new OperatorError('E_BACKUP', `${join(folder, name)} cannot be read (${error.message})`, { cause: error })
      })
      if (content === null) continue
      files.push({ name, content })
      bytes += content.length
      if (files.length > FILES_MAX || bytes > SHELF_BYTES_MAX) throw new OperatorError('E_BACKUP', `${join(folder, SHELF)} has more than ${FILES_MAX} files, or more than ${SHELF_BYTES_MAX} bytes`)
    }
  }
  return files
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw new OperatorError('E_BACKUP', `${folder} cannot be read (${error.message})`, { cause: error })
  })
}
