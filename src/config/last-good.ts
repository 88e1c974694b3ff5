// The last accepted text of gateway.yaml, kept in the store's folder. When the file on the boot partition has a mistake, the
// gateway starts on this one and says what is wrong with the other.
//
// Always true: the file is whole or not there, also after a power cut (written aside, synced, renamed). It may hold
// passwords: only its owner reads it. An unchanged text is not written again: flash does not forget a write.
//
// Its relative paths start at the folder of the configuration it is a copy of: checkText(text, PATH OF THAT CONFIGURATION,
// { secrets: 'optional' }).
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIG_BYTES_MAX } from './load.ts'

const FILE = 'last-good.yaml'

/** Keeps an accepted text. Throws the file system's error: the gateway runs on without, and should say so. */
export function rememberLastGood(storePath: string, text: string): void {
  if (loadLastGood(storePath) === text) return
  mkdirSync(storePath, { recursive: true })
  const path = join(storePath, FILE)
  const aside = `${path}.tmp`
  rmSync(aside, { force: true }) // of an interrupted write, with whatever mode
  const file = openSync(aside, 'wx', 0o600)
  try {
    const bytes = Buffer.from(text, 'utf8')
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(aside, path)
  // The new name is on the card only when its folder is.
  const folder = openSync(storePath, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** The kept text, or null when there is none that can be read. */
export function loadLastGood(storePath: string): string | null {
  const path = join(storePath, FILE)
  try {
    return statSync(path).size <= CONFIG_BYTES_MAX ? readFileSync(path, 'utf8') : null
  } catch {
    return null // the caller can do no more with the reason: without it there is no fallback
  }
}
