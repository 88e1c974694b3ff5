// A file in a folder that somebody else may write to, read by root: no link is followed, nothing but a file is read, and no more of it than it may have.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'

/** null when there is none, when it is no file or a link, or when it is larger: to the reader all the same. */
export function readUntrusted(path: string, bytesMax: number): string | null {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const about = fstatSync(file)
      return about.isFile() && about.size <= bytesMax ? readFileSync(file, 'utf8') : null
    } finally {
      closeSync(file)
    }
  } catch {
    return null
  }
}
