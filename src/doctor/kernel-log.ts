// The kernel's messages since the start of the machine (Documentation/ABI/testing/dev-kmsg), as far as this user may read them: on most systems root.
import { closeSync, constants, openSync, readSync } from 'node:fs'

const RECORD_BYTES_MAX = 8192
/** The kernel keeps 128 kB to 1 MB by itself. */
const RECORDS_MAX = 50_000

/** The texts, oldest first; null when they may not be read. `root` stands before /dev. Never throws. */
export function kernelLog(root: string): readonly string[] | null {
  let file: number
  try {
    file = openSync(`${root}/dev/kmsg`, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return null
  }
  const buffer = Buffer.alloc(RECORD_BYTES_MAX)
  let text = ''
  try {
    for (let i = 0; i < RECORDS_MAX; i++) {
      const length = readNext(file, buffer)
      if (length === 0) break
      text += buffer.toString('utf8', 0, length)
    }
  } catch {
    return null
  } finally {
    closeSync(file)
  }
  // `6,339,5140900,-;message`; a line that begins with a blank belongs to the one before.
  return text.split('\n').filter((line) => /^\d+,\d+,\d+,/.test(line)).map((line) => line.slice(line.indexOf(';') + 1))
}

/** 0 at the end. A record that was overwritten while it was read (EPIPE) is passed over. */
function readNext(file: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(file, buffer, 0, buffer.length, null)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') return 0
      if (code !== 'EPIPE') throw error
    }
  }
}
