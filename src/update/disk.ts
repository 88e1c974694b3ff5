// The few ways in which an update changes a disk. Each is whole or not at all when the power goes, and done when it returns.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, renameSync, rmSync, statSync, symlinkSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { replaceFile, syncFolder } from '../replace-file.ts'

export interface Disk {
  /** null when there is none. `bytesMax`: only its beginning. */
  read(path: string, bytesMax?: number): Buffer | null
  /** Of a file; 0 when there is none. */
  size(path: string): number
  /** What others have written to a file lasts. */
  sync(path: string): void
  /** Target of a link; null when it is none. */
  linkAt(path: string): string | null
  /** Names in a folder; none when there is no such folder. */
  names(folder: string): readonly string[]
  /** A new file in a folder that nobody uses yet: it lasts once that one is moved. */
  write(path: string, content: Uint8Array | string): void
  /** A file that may be there already. `mode`: default 0644. */
  replace(path: string, content: Uint8Array | string, mode?: number): void
  /** A link that may be there already. */
  link(path: string, target: string): void
  makeFolder(path: string): void
  move(from: string, to: string): void
  /** Also a folder with all that is in it; one that is not there is removed already. */
  remove(path: string): void
}

export const disk: Disk = {
  read(path, bytesMax) {
    try {
      return bytesMax === undefined ? readFileSync(path) : beginningOf(path, bytesMax)
    } catch (error) {
      if (isAbsent(error)) return null
      throw error
    }
  },
  size: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
  sync: syncFolder,
  linkAt(path) {
    try {
      return readlinkSync(path)
    } catch {
      return null
    }
  },
  names(folder) {
    try {
      return readdirSync(folder)
    } catch (error) {
      if (isAbsent(error)) return []
      throw error
    }
  },
  write: writeSynced,
  replace: (path, content, mode = 0o644) => replaceFile(path, Buffer.from(content as Uint8Array), { mode }),
  link(path, target) {
    rmSync(`${path}.new`, { force: true })
    symlinkSync(target, `${path}.new`)
    renameSync(`${path}.new`, path)
    syncFolder(dirname(path))
  },
  makeFolder(path) {
    mkdirSync(path, { recursive: true })
  },
  move(from, to) {
    syncTree(from)
    renameSync(from, to)
    syncFolder(dirname(to))
  },
  remove(path) {
    rmSync(path, { recursive: true, force: true })
    if (existsSync(dirname(path))) syncFolder(dirname(path))
  },
}

function writeSynced(path: string, content: Uint8Array | string): void {
  const file = openSync(path, 'w', 0o644)
  try {
    const bytes = Buffer.from(content as Uint8Array)
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function beginningOf(path: string, bytesMax: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(bytesMax)
    return bytes.subarray(0, readSync(file, bytes, 0, bytesMax, 0))
  } finally {
    closeSync(file)
  }
}

/** The names in a folder and in those below. */
function syncTree(folder: string): void {
  const entries = readdirSync(folder, { withFileTypes: true })
  for (const entry of entries) if (entry.isDirectory()) syncTree(join(folder, entry.name))
  syncFolder(folder)
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR'
}
