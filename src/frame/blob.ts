// Long texts of a frame, together and compressed: zstd without its magic number, with the history as its dictionary, which is what texts were
// like so far. Where it does not help, they are as they are.
import { FrameError } from './error.ts'
import type { ByteReader, ByteWriter } from './varint.ts'

export interface Blob {
  /** How many bytes it has when it is decompressed. */
  readonly size: number
  readonly isCompressed: boolean
  readonly bytes: Uint8Array
}

const MAGIC = Buffer.from('28b52ffd', 'hex')
/** Up to here the best level is quick enough. */
const BEST_BYTES = 65536
const WINDOW_LOG_MAX = 23

/** `history` may be empty. */
export function packBlob(whole: Uint8Array, history: Uint8Array): Blob {
  const { constants, zstdCompressSync } = process.getBuiltinModule('node:zlib')
  const params = { [constants.ZSTD_c_compressionLevel]: whole.length <= BEST_BYTES ? 19 : 9 }
  const packed = zstdCompressSync(whole, { params, ...dictionaryOf(history) }).subarray(MAGIC.length)
  const isCompressed = packed.length < whole.length
  return { size: whole.length, isCompressed, bytes: isCompressed ? packed : whole }
}

/** Throws FrameError, also when it has more than `sizeMax` bytes. */
export function unpackBlob({ size, isCompressed, bytes }: Blob, history: Uint8Array, sizeMax: number): Uint8Array {
  if (size > sizeMax) throw new FrameError(`the frame has texts of ${size} bytes`)
  const whole = isCompressed ? decompressed(bytes, size, history) : bytes
  if (whole.length !== size) throw new FrameError('the texts of the frame are not as long as it says')
  return whole
}

export function writeBlob(to: ByteWriter, { size, isCompressed, bytes }: Blob): void {
  to.number(size * 2 + (isCompressed ? 1 : 0))
  to.bytes(bytes)
}

export function readBlob(from: ByteReader): Blob {
  const size = from.number()
  return { size: Math.floor(size / 2), isCompressed: size % 2 === 1, bytes: from.bytes() }
}

function decompressed(bytes: Uint8Array, size: number, history: Uint8Array): Uint8Array {
  const { constants, zstdDecompressSync } = process.getBuiltinModule('node:zlib')
  if (zstdDecompressSync === undefined) throw new FrameError('the frame has compressed texts, which Node can read from 22.15 on')
  const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX }
  try {
    return zstdDecompressSync(Buffer.concat([MAGIC, bytes]), { params, maxOutputLength: Math.max(size, 1), ...dictionaryOf(history) })
  } catch (error) {
    throw new FrameError('the texts of the frame cannot be decompressed', { cause: error })
  }
}

/** A zero comes first, so that it is never taken for a dictionary of zstd's own format. */
function dictionaryOf(history: Uint8Array): { dictionary?: Buffer } {
  return history.length === 0 ? {} : { dictionary: Buffer.concat([Buffer.alloc(1), history]) }
}
