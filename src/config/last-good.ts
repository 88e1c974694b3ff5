// The last accepted text of gateway.yaml with which the gateway has started, kept in its state folder (without one, in the store's). When the
// file on the boot partition has a mistake, the gateway starts on this one and says what is wrong with the other.
//
// Always true: the file is whole or not there, also after a power cut. It may hold passwords: only its owner reads it. An unchanged text is not
// written again: flash does not forget a write.
//
// Its relative paths start at the folder of the configuration it is a copy of: checkText(text, PATH OF THAT CONFIGURATION,
// { secrets: 'optional' }).
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../replace-file.ts'
import { CONFIG_BYTES_MAX } from './load.ts'

const FILE = 'last-good.yaml'

/** Keeps a text that has worked. Throws the file system's error: the gateway runs on without, and should say so. */
export function rememberLastGood(folder: string, text: string): void {
  if (loadLastGood(folder) === text) return
  mkdirSync(folder, { recursive: true })
  replaceFile(join(folder, FILE), Buffer.from(text, 'utf8'), { mode: 0o600 })
}

/** The kept text, or null when there is none that can be read. */
export function loadLastGood(folder: string): string | null {
  const path = join(folder, FILE)
  try {
    return statSync(path).size <= CONFIG_BYTES_MAX ? readFileSync(path, 'utf8') : null
  } catch {
    return null // the caller can do no more with the reason: without it there is no fallback
  }
}
