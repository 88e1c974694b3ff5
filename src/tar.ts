// Tar (POSIX ustar), as much of it as backups and bundles need: plain files with a name, a size and a time, as a stream or at once. `tar -x` reads what is written
// here, and what is read here may come from anybody: every size and name is checked by who asks for it. The same files always make the same bytes.
const BLOCK_BYTES = 512
const NAME_BYTES_MAX = 100
const PREFIX_BYTES_MAX = 155
/** Above, the size is written in base 256, as GNU and libarchive do. */
const OCTAL_SIZE_MAX = 8 ** 11 - 1
const MODE = 0o600

export interface Entry {
  readonly name: string
  readonly bytes: number
}

export interface TarFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What is no archive, or one that is cut off. */
export class TarError extends Error {
  override readonly name = 'TarError'
}

/** The header of a file. Its content follows, and `padding` after that. */
export function entryHeader({ name, bytes }: Entry, atMs: number): Buffer {
  const head = Buffer.alloc(BLOCK_BYTES)
  const [prefix, base] = split(name)
  head.write(base, 0)
  octal(head, 100, 8, MODE)
  octal(head, 108, 8, 0)
  octal(head, 116, 8, 0)
  if (bytes <= OCTAL_SIZE_MAX) octal(head, 124, 12, bytes)
  else {
    head[124] = 0x80
    head.writeBigUInt64BE(BigInt(bytes), 128)
  }
  octal(head, 136, 12, Math.max(0, Math.floor(atMs / 1000)))
  head.write('0', 156)
  head.write('ustar\u000000', 257, 'latin1')
  head.write(prefix, 345)
  head.write(`${checksum(head).toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return head
}

export function padding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES)
}

/** What ends an archive. */
export function end(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES)
}

/** What an archive of files of such sizes takes. */
export function tarBytes(fileBytes: readonly number[]): number {
  return fileBytes.reduce((sum, bytes) => sum + BLOCK_BYTES + bytes + padding(bytes).length, 2 * BLOCK_BYTES)
}

/** Of a file in an archive that is made at once: nothing that a terminal or a shell would stumble over. */
const PLAIN_NAME = /^[\x21-\x7e]+$/

/** A whole archive. Throws for a name that does not fit. */
export function tarOf(files: readonly TarFile[], atMs: number): Buffer {
  const parts = files.flatMap(({ name, bytes }) => {
    if (!isNameable(name) || !PLAIN_NAME.test(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of a file in an archive`)
    return [entryHeader({ name, bytes: bytes.length }, atMs), bytes, padding(bytes.length)]
  })
  return Buffer.concat([...parts, end()])
}

export function isNameable(name: string): boolean {
  return split(name)[1] !== ''
}

/** At a slash, where the whole is too long; ['', ''] when it cannot be written. */
function split(name: string): readonly [prefix: string, base: string] {
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return ['', name]
  for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
    const prefix = name.slice(0, at)
    const base = name.slice(at + 1)
    if (Buffer.byteLength(prefix) <= PREFIX_BYTES_MAX && Buffer.byteLength(base) <= NAME_BYTES_MAX) return [prefix, base]
  }
  return ['', '']
}

function octal(head: Buffer, at: number, length: number, value: number): void {
  head.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1')
}

function checksum(head: Buffer): number {
  let sum = 0
  for (let i = 0; i < BLOCK_BYTES; i++) sum += i >= 148 && i < 156 ? 0x20 : head[i]!
  return sum
}

/**
 * Reads the files of an archive in their order: `begin` for each, then its content in pieces, then `finish`. Throws TarError; what `begin` and the others
 * throw or reject with ends it too.
 */
export interface TarSink {
  begin(entry: Entry): Promise<void> | void
  write(piece: Buffer): Promise<void> | void
  finish(): Promise<void> | void
}

export async function readTar(source: AsyncIterable<Buffer>, sink: TarSink): Promise<void> {
  let rest: Buffer = Buffer.alloc(0)
  let left = 0
  let skip = 0
  let isOver = false
  let isOpen = false
  for await (const chunk of source) {
    let at = 0
    while (at < chunk.length && !isOver) {
      if (left > 0) {
        const piece = chunk.subarray(at, at + Math.min(left, chunk.length - at))
        at += piece.length
        left -= piece.length
        await sink.write(piece)
      } else if (skip > 0) {
        const step = Math.min(skip, chunk.length - at)
        at += step
        skip -= step
      } else {
        const more = chunk.subarray(at, at + BLOCK_BYTES - rest.length)
        at += more.length
        rest = Buffer.concat([rest, more])
        if (rest.length < BLOCK_BYTES) continue
        const head = rest
        rest = Buffer.alloc(0)
        if (head.every((byte) => byte === 0)) {
          isOver = true
          continue
        }
        const entry = parse(head)
        left = entry.bytes
        skip = padding(entry.bytes).length
        isOpen = true
        await sink.begin(entry)
      }
      if (isOpen && left === 0) {
        isOpen = false
        await sink.finish()
      }
    }
  }
  if (!isOver) throw new TarError('it is cut off')
}

function parse(head: Buffer): Entry {
  const sum = Number.parseInt(textOf(head, 148, 8), 8)
  if (sum !== checksum(head) || head.toString('latin1', 257, 262) !== 'ustar') throw new TarError('it is no archive, or a damaged one')
  if (head[156] !== 0x30 && head[156] !== 0) throw new TarError('it has something in it that is no file')
  const prefix = textOf(head, 345, PREFIX_BYTES_MAX)
  const name = textOf(head, 0, NAME_BYTES_MAX)
  const bytes = (head[124]! & 0x80) === 0 ? Number.parseInt(textOf(head, 124, 12), 8) : Number(head.readBigUInt64BE(128))
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new TarError('it is no archive, or a damaged one')
  return { name: prefix === '' ? name : `${prefix}/${name}`, bytes }
}

function textOf(head: Buffer, at: number, length: number): string {
  const text = head.toString('utf8', at, at + length)
  const end = text.indexOf('\0')
  return (end < 0 ? text : text.slice(0, end)).trim()
}
