// The port of the ring beside the queues, and its contract: blocks of what is nice to have (history), in a file of its own on the store's thread.
//
// What is always true
//   1. Nothing that happens to the ring touches what the store has promised: its file is another one, a write of it waits for no sync, and its errors end
//      with whoever asked for the ring.
//   2. A write is there as a whole or not at all. It is on the card when the system finds time for it, at the latest with a checkpoint: a power cut may
//      take the last ones.
//   3. The file does not grow beyond `bytesMax`: the oldest blocks go first.
//   4. A file that is damaged is moved aside, in place of the one that was moved before, and a new one begun.
//   5. Numbers of series are never given twice, so a block says the same for ever.
//
// A block is parts by the number of their series; what is in a part the ring does not know:
//   uint16 parts, then for each uint32 number, uint16 bytes; then the parts. Little-endian.

export interface SeriesRow {
  readonly number: number
  readonly id: string
  readonly unit: string | null
  /** A block of about when it had a part for the last time: never a later one. */
  readonly seen: number
}

export interface BlockRow {
  /** Ascending in the order they were begun. */
  readonly sequence: number
  /** Of its first step; a stored time (stored-time.ts). */
  readonly startedAtMs: number
  readonly stepMs: number
  readonly steps: number
}

export interface Block extends BlockRow {
  readonly data: Uint8Array
}

export function rowOf({ sequence, startedAtMs, stepMs, steps }: Block): BlockRow {
  return { sequence, startedAtMs, stepMs, steps }
}

export interface RingSnapshot {
  readonly series: readonly SeriesRow[]
  /** Oldest first. */
  readonly blocks: readonly BlockRow[]
  /** Numbers up to here have been given. */
  readonly lastNumber: number
  /** Why the file before could not be used, and where it is; null when all was well. */
  readonly setAside: { readonly path: string; readonly cause: string } | null
}

export interface RingBatch {
  /** New, or with another `seen`. */
  readonly series: readonly SeriesRow[]
  /** Numbers of series that no block has any more, or that must make room. */
  readonly gone: readonly number[]
  readonly blocks: readonly Block[]
  /** Blocks before this one go. */
  readonly keepFrom: number
}

/** full: no room on the card, or for a block of that size. damaged: open it again, it begins anew. failed: anything else; open it again. */
export type RingFault = 'full' | 'damaged' | 'failed'

export class RingError extends Error {
  override readonly name = 'RingError'
  readonly fault: RingFault

  constructor(fault: RingFault, message: string) {
    super(message)
    this.fault = fault
  }
}

export interface RingParts {
  readonly sequence: number
  /** In the order asked for; null where the block has none. */
  readonly parts: readonly (Uint8Array | null)[]
}

/** Each rejects with a RingError, or with the store's own error when that has ended. */
export interface Ring {
  /** Called first, and again after `damaged` or `failed`. */
  open(bytesMax: number): Promise<RingSnapshot>
  /** Answers the oldest block that is left. */
  write(batch: RingBatch): Promise<number>
  /** Of the blocks from `first` to `last`. */
  read(series: readonly number[], first: number, last: number): Promise<readonly RingParts[]>
}

export interface Part {
  readonly number: number
  readonly bytes: Uint8Array
}

const HEAD_BYTES = 2
const ENTRY_BYTES = 6

/** 65,535 of them at most, of as many bytes each. */
export function joinParts(parts: readonly Part[]): Uint8Array {
  const start = HEAD_BYTES + parts.length * ENTRY_BYTES
  const data = new Uint8Array(parts.reduce((sum, { bytes }) => sum + bytes.length, start))
  const view = new DataView(data.buffer)
  view.setUint16(0, parts.length, true)
  let at = start
  parts.forEach(({ number, bytes }, i) => {
    view.setUint32(HEAD_BYTES + i * ENTRY_BYTES, number, true)
    view.setUint16(HEAD_BYTES + i * ENTRY_BYTES + 4, bytes.length, true)
    data.set(bytes, at)
    at += bytes.length
  })
  return data
}

/** The parts of these series, on bytes of their own; of data that are no block, none. */
export function partsOf(data: Uint8Array, series: readonly number[]): (Uint8Array | null)[] {
  const found = series.map((): Uint8Array | null => null)
  if (data.length < HEAD_BYTES) return found
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const count = view.getUint16(0, true)
  let at = HEAD_BYTES + count * ENTRY_BYTES
  if (at > data.length) return found
  for (let i = 0; i < count; i++) {
    const place = series.indexOf(view.getUint32(HEAD_BYTES + i * ENTRY_BYTES, true))
    const bytes = view.getUint16(HEAD_BYTES + i * ENTRY_BYTES + 4, true)
    if (at + bytes > data.length) return found
    if (place >= 0) found[place] = Uint8Array.prototype.slice.call(data, at, at + bytes)
    at += bytes
  }
  return found
}
