// Files of users and rules that gateway.yaml names: larger than a secret, and bounded all the same.
//
// What is always true: such a file is registered with the run, also when it could not be read, so that its coming is noticed.
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Place } from './place.ts'

export const ACCESS_FILE_BYTES_MAX = 10_000_000
const CHUNK_BYTES = 65_536

export interface AccessFile {
  readonly path: string
  /** null when it may be missing and is: then nobody of it may come in. */
  readonly bytes: Buffer | null
}

/** Reads a file whole. `undefined` after a problem was reported at `place`: E_SECRET. */
export function readAccessFile(place: Place, written: string): AccessFile | undefined {
  const path = resolve(place.run.folder, written)
  const { mode } = place.run.secrets
  if (mode === 'skip') return { path, bytes: null }
  place.run.files.add(path)
  const answer = readBounded(path)
  if (typeof answer !== 'string') return { path, bytes: answer }
  const hint = 'make the file readable for the user of the gateway, or write the right path'
  if (mode === 'require') return place.problem(`${path} ${answer}`, hint, 'E_SECRET')
  place.warning(`${path} ${answer}`, hint, 'E_SECRET')
  return { path, bytes: null }
}

/** The bytes of a file, or why there are none, to stand behind its name. */
export function readBounded(path: string): Buffer | string {
  try {
    if (!statSync(path).isFile()) return 'is no ordinary file' // opening a pipe would wait for its other end
    const file = openSync(path, 'r')
    try {
      return readToEnd(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? 'does not exist' : code === 'EACCES' ? 'may not be read by this user' : `cannot be read (${code ?? message})`
  }
}

function readToEnd(file: number): Buffer | string {
  const chunks: Buffer[] = []
  let length = 0
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    const read = readSync(file, chunk, 0, chunk.length, null)
    if (read === 0) return Buffer.concat(chunks)
    length += read
    if (length > ACCESS_FILE_BYTES_MAX) return `is larger than ${ACCESS_FILE_BYTES_MAX / 1e6} MB`
    chunks.push(chunk.subarray(0, read))
  }
}
