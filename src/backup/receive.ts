// A backup that comes in is read to its end and checked before anything is touched: where it is to be kept, its files lie in a folder of their own until
// all of it is on the card. Then one rename makes it the one that the next opening of the store takes over (store/takeover.ts).
//
//   zstd ─► manifest (format, schema, site, room on the card) ─► files, each hashed ─► SHA256SUMS says the same ─► synced ─► database checked ─► renamed
import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { constants, createZstdDecompress } from 'node:zlib'
import { OperatorError } from '../errors.ts'
import { VERSION } from '../store/schema.ts'
import { PENDING, WRITTEN } from '../store/store.ts'
import { DATABASE, FILES_MAX, type Manifest, MANIFEST, MANIFEST_BYTES_MAX, manifestOf, shelfPlace, SUMS } from './manifest.ts'
import { type Entry, readTar, TarError } from '../tar.ts'

/** Of the hashes' file: a line for each of FILES_MAX. */
const SUMS_BYTES_MAX = FILES_MAX * 300
/** 8 MiB: what `zstd` uses at its usual levels, should somebody have packed it anew. */
const WINDOW_LOG_MAX = 23
/** Left free on the card beside what the backup takes: the log, and what comes meanwhile. */
const ROOM_BYTES_MIN = 16 * 1024 * 1024

export interface Wanted {
  /** Of the store; null: it is only read and checked. */
  readonly folder: string | null
  /** That is taken; null: any. */
  readonly site: string | null
  readonly onProgress?: (bytes: number, manifest: Manifest) => void
}

/** Reads a backup to its end. Rejects with OperatorError E_RESTORE; then nothing is left of it, and nothing was touched. */
export async function receive(source: Readable, wanted: Wanted): Promise<Manifest> {
  const { folder } = wanted
  const reading = new Reading(wanted)
  const unpacked = source.pipe(createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX } }))
  unpacked.on('error', () => {}) // told by who reads it; it may fail when nobody does any more
  source.once('error', (error) => unpacked.destroy(error)).once('close', () => void (source.readableEnded || unpacked.destroy(new TarError('it is cut off'))))
  try {
    if (folder !== null) {
      await rm(join(folder, WRITTEN), { recursive: true, force: true })
      await mkdir(join(folder, WRITTEN), { mode: 0o700 })
    }
    await readTar(unpacked, reading)
    return await reading.whole()
  } catch (error) {
    source.unpipe()
    source.resume() // who sends reads no answer before all of it has gone
    unpacked.destroy()
    await reading.giveUp()
    if (error instanceof OperatorError) throw error
    throw refused(why(error as NodeJS.ErrnoException), error)
  }
}

/** What was received is what the next opening of the store takes over. Resolves when that survives a power cut. */
export async function makePending(folder: string): Promise<void> {
  await rm(join(folder, PENDING), { recursive: true, force: true }) // an earlier one that nobody has taken over
  await rename(join(folder, WRITTEN), join(folder, PENDING))
  await sync(folder)
}

export async function discard(folder: string): Promise<void> {
  await rm(join(folder, WRITTEN), { recursive: true, force: true })
}

class Reading {
  readonly #wanted: Wanted
  #manifest: Manifest | null = null
  #entry: Entry | null = null
  /** Manifest and hashes are kept in memory. */
  #text: Buffer[] | null = null
  #hash: Hash = createHash('sha256')
  #file: FileHandle | null = null
  readonly #sums: string[] = []
  readonly #folders = new Set<string>()
  #said: string | null = null
  #hasDatabase = false
  #shelfFiles = 0
  #shelfBytes = 0
  #bytes = 0

  constructor(wanted: Wanted) {
    this.#wanted = wanted
  }

  async begin(entry: Entry): Promise<void> {
    const { name, bytes } = entry
    if (this.#said !== null) throw refused('something follows its hashes')
    this.#entry = entry
    this.#hash = createHash('sha256')
    if (this.#manifest === null) {
      if (name !== MANIFEST || bytes > MANIFEST_BYTES_MAX) throw refused('it is no backup of Sandpiper')
      this.#text = []
    } else if (name === SUMS) {
      if (bytes > SUMS_BYTES_MAX) throw refused('its hashes take more than any')
      this.#text = []
    } else await this.#open(entry, this.#manifest)
  }

  async write(piece: Buffer): Promise<void> {
    this.#bytes += piece.length
    this.#text?.push(piece)
    this.#hash.update(piece)
    if (this.#manifest !== null) this.#wanted.onProgress?.(this.#bytes, this.#manifest)
    if (this.#file === null) return
    for (let at = 0; at < piece.length; ) at += (await this.#file.write(piece, at)).bytesWritten
  }

  async finish(): Promise<void> {
    const { name } = this.#entry!
    const text = this.#text === null ? '' : Buffer.concat(this.#text).toString('utf8')
    this.#text = null
    if (name === SUMS && this.#manifest !== null) {
      this.#said = text
      return
    }
    this.#sums.push(`${this.#hash.digest('hex')}  ${name}\n`)
    if (this.#manifest === null) await this.#begun(manifestOf(text))
    await this.#file?.sync()
    await this.#file?.close()
    this.#file = null
  }

  /** All of it has come. Rejects when it is not what was packed. */
  async whole(): Promise<Manifest> {
    const manifest = this.#manifest
    if (manifest === null || this.#said === null) throw refused('it is cut off')
    if (this.#said !== this.#sums.join('')) throw refused('it is damaged: its files are not those that its hashes are of')
    if (!this.#hasDatabase || this.#shelfFiles !== manifest.shelfFiles || this.#shelfBytes !== manifest.shelfBytes) throw refused('it has not got the files that its manifest names')
    for (const folder of [...this.#folders].toSorted((a, b) => b.length - a.length)) await sync(folder)
    return manifest
  }

  async giveUp(): Promise<void> {
    await this.#file?.close().catch(() => {})
    this.#file = null
    if (this.#wanted.folder !== null) await discard(this.#wanted.folder).catch(() => {})
  }

  async #begun(manifest: Manifest | string): Promise<void> {
    if (typeof manifest === 'string') throw refused(manifest)
    const { site, folder } = this.#wanted
    if (manifest.schema > VERSION || manifest.schema < 1) throw refused(`its store has version ${manifest.schema}, and this release knows ${VERSION}: install the release that has made it (${manifest.version})`)
    if (site !== null && manifest.site !== site) throw refused(`it is of the site ${JSON.stringify(manifest.site)}, and this is ${JSON.stringify(site)}: add --other-site (otherSite=true) when that is meant`)
    if (folder !== null) {
      const { bavail, bsize } = await statfs(folder)
      const needed = manifest.databaseBytes + manifest.shelfBytes + ROOM_BYTES_MIN
      if (bavail * bsize < needed) throw refused(`there is no room for it: it takes ${needed} bytes of the store's file system, and ${bavail * bsize} are free. The store that it replaces is kept`)
    }
    this.#manifest = manifest
  }

  async #open({ name, bytes }: Entry, manifest: Manifest): Promise<void> {
    const place = shelfPlace(name)
    if (name === DATABASE) {
      if (this.#hasDatabase || bytes !== manifest.databaseBytes) throw refused('its store has not the size that its manifest says')
      this.#hasDatabase = true
    } else if (place === null) throw refused(`it has a file that no backup has: ${JSON.stringify(name.slice(0, 200))}`)
    else {
      this.#shelfFiles++
      this.#shelfBytes += bytes
      if (this.#shelfFiles > manifest.shelfFiles || this.#shelfBytes > manifest.shelfBytes) throw refused('it has more files than its manifest says')
    }
    const { folder } = this.#wanted
    if (folder === null) return
    const path = join(folder, WRITTEN, name)
    for (let at = dirname(path); !this.#folders.has(at); at = dirname(at)) {
      await mkdir(at, { recursive: true, mode: 0o700 })
      this.#folders.add(at)
      if (at === join(folder, WRITTEN)) break
    }
    this.#file = await open(path, 'wx', 0o600)
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function why(error: NodeJS.ErrnoException): string {
  if (error.code?.startsWith('ZSTD_') === true || error.code?.startsWith('Z_') === true) return 'it is no backup, or a damaged one'
  return error.message
}

function refused(reason: string, cause?: unknown): OperatorError {
  return new OperatorError('E_RESTORE', `the backup is refused: ${reason}`, { cause })
}
