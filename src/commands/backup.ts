// `sandpiper backup` and `sandpiper restore`: of the gateway that runs, by its API; of its folder when none runs.
import { createReadStream, statSync } from 'node:fs'
import { open, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { BACKUP_TYPE, type Manifest } from '../backup/manifest.ts'
import { receive } from '../backup/receive.ts'
import { systemClock } from '../clock.ts'
import { OperatorError } from '../errors.ts'
import { VERSION } from '../layout.ts'
import { syncFolder } from '../replace-file.ts'
import { WRITTEN } from '../store/store.ts'
import { type GatewayClient, isAbsent } from './gateway-client.ts'
import { Progress, type ProgressTerminal } from './progress.ts'
import { bytesText } from './table.ts'

/** Left free where the file is written: it may be the card of the store. */
const ROOM_BYTES_MIN = 32 * 1024 * 1024
/** Looked at so often. */
const ROOM_STEP_BYTES = 4 * 1024 * 1024

export interface BackupWords {
  readonly 'other-site'?: boolean | undefined
  readonly check?: boolean | undefined
}

/** Where the store is when no gateway answers. */
export interface StorePlace {
  readonly folder: string
  /** null when nobody says. */
  readonly site: string | null
}

export interface BackupDeps {
  readonly gateway: GatewayClient
  /** null when it was not said where the gateway's folder is. */
  readonly place: () => StorePlace | null
  readonly write: (text: string) => void
  /** For progress. */
  readonly terminal: ProgressTerminal
}

export async function backup([file, ...more]: readonly string[], deps: BackupDeps): Promise<number> {
  if (file === undefined || more.length > 0) throw new OperatorError('E_USAGE', 'backup wants the file to make: sandpiper backup gateway.tar.zst')
  const path = resolve(file)
  const part = `${path}.part`
  const out = await open(part, 'w', 0o600).catch((error: Error) => Promise.reject(new OperatorError('E_BACKUP', `${part} cannot be written (${error.message})`, { cause: error })))
  const progress = new Progress('backup', deps.terminal, systemClock)
  try {
    const { source, done } = await sourceOf(deps)
    let bytes = 0
    let manifest: Manifest
    try {
      // What is written is read as a restore would: nobody finds out later that it is not whole.
      const checked = new PassThrough()
      const checking = receive(checked, { folder: null, site: null, onProgress: (at, { databaseBytes, shelfBytes }) => progress.at({ done: at, total: databaseBytes + shelfBytes, unit: 'bytes' }) })
      checking.catch(() => {}) // looked at below, behind what the source says
      for await (const chunk of source as AsyncIterable<Buffer>) {
        if (bytes % ROOM_STEP_BYTES < chunk.length) await requireRoom(path)
        for (let at = 0; at < chunk.length; ) at += (await out.write(chunk, at)).bytesWritten
        bytes += chunk.length
        if (!checked.write(chunk) && !checked.destroyed) await Promise.race([new Promise((drained) => void checked.once('drain', drained)), checking])
      }
      checked.end()
      manifest = await checking
    } finally {
      await done()
    }
    await out.sync()
    await out.close()
    await rename(part, path)
    syncFolder(dirname(path))
    progress.end()
    deps.write(`${path}: the store of ${manifest.site} as it was at ${manifest.madeAt}, ${bytesText(manifest.databaseBytes + manifest.shelfBytes)} in ${bytesText(bytes)}\n`)
    return 0
  } catch (error) {
    progress.end()
    await out.close().catch(() => {})
    await rm(part, { force: true })
    if (error instanceof OperatorError && error.code !== 'E_RESTORE') throw error
    throw new OperatorError('E_BACKUP', `the backup was not made (${(error as Error).message})`, { cause: error })
  }
}

export async function restore([file, ...more]: readonly string[], words: BackupWords, deps: BackupDeps): Promise<number> {
  if (file === undefined || more.length > 0) throw new OperatorError('E_USAGE', 'restore wants a backup: sandpiper restore gateway.tar.zst')
  const path = resolve(file)
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw new OperatorError('E_USAGE', `there is no file ${path}`)
  if (words.check === true) return check(path, stat.isDirectory(), deps)
  const progress = new Progress('restore', deps.terminal, systemClock)
  const at = (done: number): void => progress.at({ done, total: stat.size, unit: 'bytes', ...(done === stat.size ? { note: 'its database is checked' } : {}) })
  try {
    const answer = (await deps.gateway.upload(`/restore?otherSite=${words['other-site'] === true}`, BACKUP_TYPE, { stream: createReadStream(path), bytes: stat.size }, at)) as { site: string; madeAt: string }
    progress.end()
    deps.write(`The backup of ${answer.site}, made at ${answer.madeAt}, takes the place of the store: the gateway starts anew with it. The store of before is kept in the folder replaced/ beside it.\n`)
    return 0
  } catch (error) {
    progress.end()
    const place = isAbsent(error) ? deps.place() : null
    if (place === null) throw error
    return restoreOffline(path, place, words, deps)
  }
}

async function restoreOffline(path: string, { folder, site }: StorePlace, words: BackupWords, { terminal, write }: BackupDeps): Promise<number> {
  const [{ makePending, discard }, { openStore, checkStore }] = await Promise.all([import('../backup/receive.ts'), import('../backup/offline.ts')])
  const source = createReadStream(path)
  await new Promise((opened, failed) => void source.once('open', opened).once('error', failed))
  becomeOwnerOf(folder)
  // Whoever has it open ends it here, before anything is written.
  const store = await openStore(folder)
  await store.close()
  const progress = new Progress('restore', terminal, systemClock)
  const manifest = await receive(source, { folder, site: words['other-site'] === true ? null : site, onProgress: (done, { databaseBytes, shelfBytes }) => progress.at({ done, total: databaseBytes + shelfBytes, unit: 'bytes' }) }).finally(() => progress.end())
  try {
    await checkStore(join(folder, WRITTEN))
  } catch (error) {
    await discard(folder)
    throw error
  }
  await makePending(folder)
  const opened = await openStore(folder)
  await opened.close()
  if (opened.restored !== null && 'refused' in opened.restored) throw new OperatorError('E_RESTORE', `the backup could not be taken over (${opened.restored.refused})`)
  write(`The backup of ${manifest.site}, made at ${manifest.madeAt}, is the store in ${folder} now. The one before is kept in its folder replaced/.\n`)
  return 0
}

/** Of a file: that it is whole. Of a folder: its database, for a gateway that has received one. */
async function check(path: string, isFolder: boolean, { write, terminal }: BackupDeps): Promise<number> {
  if (isFolder) {
    await (await import('../backup/offline.ts')).checkStore(path)
    return 0
  }
  const progress = new Progress('check', terminal, systemClock)
  const { site, version, madeAt, databaseBytes, shelfFiles } = await receive(createReadStream(path), { folder: null, site: null, onProgress: (done, manifest) => progress.at({ done, total: manifest.databaseBytes + manifest.shelfBytes, unit: 'bytes' }) }).finally(() => progress.end())
  write(`${path} is whole: the store of ${site} as it was at ${madeAt}, ${bytesText(databaseBytes)} and ${shelfFiles} files of uplinks, made by release ${version}\n`)
  return 0
}

async function sourceOf({ gateway, place }: BackupDeps): Promise<{ readonly source: Readable; done(): Promise<void> }> {
  try {
    return { source: await gateway.download('GET /backup'), done: async () => {} }
  } catch (error) {
    const where = isAbsent(error) ? place() : null
    if (where === null) throw error
    const [{ makeBackup }, { openStore, hasStore }] = await Promise.all([import('../backup/make.ts'), import('../backup/offline.ts')])
    const { folder, site } = where
    if (!hasStore(folder)) throw new OperatorError('E_BACKUP', `there is no store in ${folder}`)
    const becomeRoot = becomeOwnerOf(folder)
    const store = await openStore(folder)
    const { stream } = await makeBackup({ folder, site: site ?? '', version: VERSION, wallMs: systemClock.wall(), copy: store.copy })
    return { source: stream, done: () => store.close().finally(becomeRoot) }
  }
}

/** Rejects with OperatorError E_BACKUP before the card is full. */
async function requireRoom(path: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path))
  if (bavail * bsize < ROOM_BYTES_MIN) throw new OperatorError('E_BACKUP', `there is no room for ${path}: ${ROOM_BYTES_MIN / 1024 / 1024} MB of its file system are left free`)
}

/** What root made in the gateway's folder would not be the gateway's: until it is called back, root works as its owner. */
function becomeOwnerOf(folder: string): () => void {
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (stat === undefined) throw new OperatorError('E_RESTORE', `there is no folder ${folder}`)
  if (process.geteuid?.() !== 0 || stat.uid === 0) return () => {}
  process.setegid?.(stat.gid)
  process.seteuid?.(stat.uid)
  return () => {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}
