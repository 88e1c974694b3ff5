// The files of a program as one run of bytes, and back; pure. The same files always make the same bytes: a delta is made against them, and
// the hash of a program is theirs. Per file, in the order of their paths:
//   path length (1 byte) · path (ASCII) · size (4 bytes, big-endian) · content
// Only what a program consists of has a name here: the bundle, and data under board/. Everything else is refused.

export type Files = ReadonlyMap<string, Uint8Array>

export const BUNDLE_NAME = 'sandpiper.mjs'
export const TREE_BYTES_MAX = 16 << 20
const FILES_MAX = 500
const PATH = /^(?:sandpiper\.mjs|board(?:\/[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9_-]+)*){1,3})$/
const PATH_LENGTH_MAX = 100

export function encodeTree(files: Files): Buffer {
  const parts: Uint8Array[] = []
  for (const path of [...files.keys()].toSorted()) {
    if (!isPath(path)) throw new Error(`${JSON.stringify(path)} is no file of a program`)
    const content = files.get(path)!
    const head = Buffer.alloc(1 + path.length + 4)
    head[0] = path.length
    head.write(path, 1, 'latin1')
    head.writeUInt32BE(content.length, 1 + path.length)
    parts.push(head, content)
  }
  return Buffer.concat(parts)
}

/** The files, as views of `bytes`; a sentence when they are no program. */
export function decodeTree(bytes: Buffer): Files | string {
  const files = new Map<string, Buffer>()
  let last = ''
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at++]!
    const path = bytes.toString('latin1', at, at + length)
    at += length
    if (at + 4 > bytes.length) return 'the list of files ends too early'
    const size = bytes.readUInt32BE(at)
    at += 4
    if (at + size > bytes.length) return 'the list of files ends too early'
    if (!isPath(path)) return `${JSON.stringify(path)} is no file of a program`
    if (path <= last) return 'the files are not in order, or one comes twice'
    if (files.size === FILES_MAX) return `there are more than ${FILES_MAX} files`
    files.set(path, bytes.subarray(at, at + size))
    last = path
    at += size
  }
  return files.has(BUNDLE_NAME) ? files : 'the program itself is not among the files'
}

function isPath(path: string): boolean {
  return path.length <= PATH_LENGTH_MAX && PATH.test(path)
}
