// What makes a commit durable: the write-ahead log's bytes are on the card, and nothing else has to be written for it.
//
// SQLite as better-sqlite3 builds it calls fsync, which writes the file's time of change too: three to five blocks of ext4's journal for a
// commit of one block (measured at 10 commits a second: 22 GB a day, of these 18 GB journal; this way 3.7 GB). fdatasync leaves the time out,
// and as the log has its full size and its blocks from the start, there is nothing else about the file to write down. SQLite itself runs with
// `synchronous = NORMAL`: it still syncs the log before a checkpoint and the database after it, and the log's header when it starts anew.
import { closeSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { syncFolder } from '../replace-file.ts'

const ZEROS = Buffer.alloc(64 * 1024)

export class LogSync {
  readonly #file: number

  /**
   * `path`: the log of a database that is open in this thread (SQLite keeps to one file while it is). It is filled with zeros up to `bytes`, which
   * SQLite takes for a log that ends there, and is synced, its name too. Throws the file system's error.
   */
  constructor(path: string, bytes: number) {
    this.#file = openSync(path, 'r+')
    try {
      fill(this.#file, bytes)
      fsyncSync(this.#file)
      syncFolder(dirname(path))
    } catch (error) {
      closeSync(this.#file)
      throw error
    }
  }

  /** All that was committed is on the card when this returns. Throws the file system's error: then nothing is known of the last commits. */
  sync(): void {
    fdatasyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Not fallocate: a block that has never been written is noted in the journal when it is. */
function fill(file: number, bytes: number): void {
  const { size } = fstatSync(file)
  try {
    for (let at = size; at < bytes; ) at += writeSync(file, ZEROS, 0, Math.min(ZEROS.length, bytes - at), at)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))) throw error
    ftruncateSync(file, size) // the disk is full: the log grows as it can, and each commit costs more
  }
}
