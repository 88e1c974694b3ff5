// What the store's thread writes to the card, in bytes.
//
// The kernel's own count (`write_bytes` of /proc/self/io) counts a page that was made dirty with all of the folio it lies in, since there are large
// ones: 2 MB for 1 KB with Linux 6.18. So what went into write calls is counted (`wchar`), and a block for each commit: on average its bytes
// begin and end half a block within one. Against a disk's own count (/sys/class/block/…/stat, ext4 with lazytime): see schema.ts.
import { closeSync, openSync, readSync } from 'node:fs'

const BLOCK_BYTES = 4096
const SAMPLE_MS = 1000

export class WriteCount {
  readonly #io = open()
  readonly #text = Buffer.alloc(512)
  #sampledAtMs = -Infinity
  #called = 0
  #commits = 0

  /** A transaction was committed. */
  committed(): void {
    this.#commits++
  }

  /** Bytes since the thread began, at most a second old; null where the kernel does not count. */
  bytes(nowMs: number): number | null {
    if (this.#io === null) return null
    if (nowMs >= this.#sampledAtMs + SAMPLE_MS) this.#sample(this.#io, nowMs)
    return this.#called + this.#commits * BLOCK_BYTES
  }

  /** The last count; none may be asked for after it. */
  close(): number | null {
    if (this.#io === null) return null
    this.#sample(this.#io, Infinity)
    closeSync(this.#io)
    return this.bytes(-Infinity)
  }

  #sample(io: number, nowMs: number): void {
    this.#sampledAtMs = nowMs
    const match = /^wchar: (\d+)/m.exec(this.#text.toString('latin1', 0, readSync(io, this.#text, 0, this.#text.length, 0)))
    if (match !== null) this.#called = Number(match[1])
  }
}

function open(): number | null {
  try {
    return openSync('/proc/thread-self/io', 'r')
  } catch {
    return null
  }
}
