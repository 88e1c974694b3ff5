// The files of an import: gateway.yaml, and beside it one for each password that only its owner may read.
//
// Always true: a file that is there is never written over, and when one cannot be written none of this run is left behind.
import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Refusal } from './conf-file.ts'
import type { Imported } from './import.ts'

/** Writes all of it. Throws Refusal. */
export function writeImported({ text, passwords }: Imported, outFile: string): void {
  const made: string[] = []
  if (existsSync(outFile)) throw isThere(outFile)
  try {
    // What the text refers to is there before it.
    for (const [name, secret] of passwords) create(join(dirname(outFile), name), secret, 0o600, made)
    create(outFile, text, 0o644, made)
  } catch (error) {
    for (const path of made) rmSync(path, { force: true })
    throw error
  }
}

function create(path: string, text: string, mode: number, made: string[]): void {
  try {
    const file = openSync(path, 'wx', mode)
    made.push(path)
    try {
      const bytes = Buffer.from(text, 'utf8')
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw isThere(path)
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new Refusal(`the folder of ${path} does not exist: make it, or give another --out`, { cause: error })
    throw new Refusal(`${path} cannot be written (${code ?? message}): give another --out`, { cause: error })
  }
}

function isThere(path: string): Refusal {
  return new Refusal(`${path} is there already: it is not written over; move it away, or give another --out`)
}
