// The files of the card's first partition, as few operations as a write needs, so that a test can cut the power between any two.
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { syncFolder } from '../replace-file.ts'

/** Nobody writes more here: gateway.yaml has 1 MB at most. */
const BYTES_MAX = 4_000_000

export interface CardFiles {
  list(): readonly string[]
  /** null when it is not there, is no file or cannot be read. */
  read(name: string): Buffer | null
  /** A new file, on the card when this returns. Throws the file system's error. */
  writeNew(name: string, bytes: Uint8Array): void
  rename(from: string, to: string): void
  remove(name: string): void
  /** Names are on the card when this returns. */
  sync(): void
}

export function folderFiles(folder: string): CardFiles {
  const at = (name: string): string => join(folder, name)
  return {
    list() {
      try {
        return readdirSync(folder)
      } catch {
        return [] // a card that cannot be read has nothing for us
      }
    },
    read(name) {
      try {
        return statSync(at(name)).size <= BYTES_MAX ? readFileSync(at(name)) : null
      } catch {
        return null
      }
    },
    writeNew(name, bytes) {
      const file = openSync(at(name), 'wx')
      try {
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
    },
    rename: (from, to) => renameSync(at(from), at(to)),
    remove: (name) => rmSync(at(name), { force: true }),
    sync: () => syncFolder(folder),
  }
}
