// Files as one tar archive (POSIX.1-1988, ustar), in memory; pure. The same files always make the same bytes.

export interface TarFile {
  /** ASCII, 100 characters at most, `/` between folders. */
  readonly name: string
  readonly bytes: Uint8Array
}

const BLOCK_BYTES = 512
/** One in front of each file; two of zeros at the end. */
const NAME_BYTES_MAX = 100
const NAME = /^[\x21-\x7e]+$/

/** What an archive of such files takes: each in whole blocks. */
export function tarBytes(fileBytes: readonly number[]): number {
  return fileBytes.reduce((sum, bytes) => sum + BLOCK_BYTES + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES, 2 * BLOCK_BYTES)
}

/** Readable for their owner only. Throws for a name that does not fit. */
export function tarOf(files: readonly TarFile[], atMs: number): Buffer {
  const archive = Buffer.alloc(tarBytes(files.map(({ bytes }) => bytes.length)))
  let at = 0
  for (const { name, bytes } of files) {
    if (name.length > NAME_BYTES_MAX || !NAME.test(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of a file in an archive`)
    archive.set(headerOf(name, bytes.length, atMs), at)
    archive.set(bytes, at + BLOCK_BYTES)
    at += tarBytes([bytes.length]) - 2 * BLOCK_BYTES
  }
  return archive
}

function headerOf(name: string, size: number, atMs: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, offset: number, digits: number): void => void header.write(`${value.toString(8).padStart(digits, '0')}\0`, offset, 'latin1')
  header.write(name, 0, 'latin1')
  octal(0o600, 100, 7)
  octal(0, 108, 7) // owner and group: root
  octal(0, 116, 7)
  octal(size, 124, 11)
  octal(Math.max(0, Math.floor(atMs / 1000)), 136, 11)
  header.fill(' ', 148, 156) // the checksum counts as blanks
  header.write('0', 156, 'latin1') // an ordinary file
  header.write('ustar\x0000', 257, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}
