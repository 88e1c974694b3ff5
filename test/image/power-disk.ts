// A disk that forgets at a power cut what it was not asked to keep: an NBD server (the protocol that QEMU speaks to disks over a socket, simple
// replies only) in front of an image file.
//
//   WRITE ─► cache in memory ──FLUSH or FUA──► file;   cut(): of what is in the cache each sector reaches the file, or does not
//
// Ending the emulator alone would prove nothing: everything that a guest has written stays in the host's memory and reaches the file.
// What is always true: a sector is whole, as those of real disks are; what was flushed is in the file; the cache has a bound, as real ones have.
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'

export const SECTOR_BYTES = 512
const CACHE_BYTES_MAX = 64 * 1024 * 1024
const REQUEST_BYTES_MAX = 32 * 1024 * 1024

const IHAVEOPT = 0x49484156454f5054n
const OPTION_REPLY = 0x3e889045565a9n
const REQUEST = 0x25609513
const REPLY = 0x67446698
const REQUEST_BYTES = 28

const Option = { exportName: 1, abort: 2, info: 6, go: 7 } as const
const OptionReply = { ack: 1, info: 3, unsupported: 0x80000001 } as const
const Command = { read: 0, write: 1, disconnect: 2, flush: 3, trim: 4 } as const
/** Has flags, knows FLUSH, FUA and TRIM. */
const EXPORT_FLAGS = 1 | 4 | 8 | 32
const FUA = 1
const EINVAL = 22

export interface Cut {
  /** Sectors that were in the cache, and of those how many reached the file. */
  readonly cached: number
  readonly kept: number
}

export class PowerDisk implements AsyncDisposable {
  readonly #file: number
  readonly #bytes: number
  readonly #server: Server
  readonly #path: string
  readonly #sockets = new Set<Socket>()
  /** Writes until it stops; null for never. */
  #left: number | null = null
  #stopped: () => void = () => {}
  /** What is not in the file yet, by sector. */
  readonly #cache = new Map<number, Buffer>()

  /** Serves `image`, which is written to, at a unix socket. */
  static async serve(image: string, socketPath: string): Promise<PowerDisk> {
    const disk = new PowerDisk(image, socketPath)
    await new Promise<void>((resolve, reject) => disk.#server.once('error', reject).listen(socketPath, resolve))
    return disk
  }

  private constructor(image: string, socketPath: string) {
    this.#file = openSync(image, 'r+')
    this.#bytes = fstatSync(this.#file).size
    this.#path = socketPath
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** For QEMU's -blockdev, without its node-name. */
  get blockdev(): string {
    return `driver=nbd,server.type=unix,server.path=${this.#path}`
  }

  /** Resolves after so many more writes, at once: from then on the disk does nothing any more, and the power is to go. */
  stopAfter(writes: number): Promise<void> {
    this.#left = writes
    return new Promise((resolve) => (this.#stopped = resolve))
  }

  /**
   * The power goes: `keep` says for each sector in the cache whether it reached the medium. The machine must have been ended before. The
   * disk is there for the next one.
   */
  cut(keep: () => boolean): Cut {
    for (const socket of this.#sockets) socket.destroy()
    let kept = 0
    for (const [sector, data] of this.#cache) {
      if (!keep()) continue
      writeSync(this.#file, data, 0, SECTOR_BYTES, sector * SECTOR_BYTES)
      kept++
    }
    const cached = this.#cache.size
    this.#cache.clear()
    this.#left = null
    return { cached, kept }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    closeSync(this.#file)
    await rm(this.#path, { force: true })
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {}) // an emulator that is ended closes nothing
    const talk = this.#talk(socket)
    let bytes: Buffer = Buffer.alloc(0)
    let wanted = talk.next().value as number
    socket.on('data', (data: Buffer) => {
      bytes = bytes.length === 0 ? data : Buffer.concat([bytes, data])
      while (bytes.length >= wanted) {
        const given = bytes.subarray(0, wanted)
        bytes = bytes.subarray(wanted)
        const next = talk.next(given)
        if (next.done === true) return socket.destroy()
        wanted = next.value
      }
    })
  }

  /** Yields how many bytes it wants, and is given them. */
  *#talk(socket: Socket): Generator<number, void, Buffer> {
    const hello = Buffer.alloc(18)
    hello.write('NBDMAGICIHAVEOPT', 'latin1')
    hello.writeUInt16BE(3, 16) // fixed newstyle, no zeroes
    socket.write(hello)
    yield 4
    for (let isReady = false; !isReady; ) {
      const head = yield 16
      if (head.readBigUInt64BE(0) !== IHAVEOPT || head.readUInt32BE(12) > 65_536) return
      const option = head.readUInt32BE(8)
      const length = head.readUInt32BE(12)
      if (length > 0) yield length
      if (option === Option.abort) return
      isReady = option === Option.go || option === Option.exportName
      if (option === Option.exportName) socket.write(this.#export())
      else if (option === Option.go || option === Option.info) {
        const info = Buffer.concat([Buffer.alloc(2), this.#export()])
        socket.write(Buffer.concat([optionReply(option, OptionReply.info, info), optionReply(option, OptionReply.ack)]))
      } else socket.write(optionReply(option, OptionReply.unsupported))
    }
    for (;;) {
      const head = Buffer.from(yield REQUEST_BYTES) // its memory is given away with what follows
      if (head.readUInt32BE(0) !== REQUEST) return
      const flags = head.readUInt16BE(4)
      const command = head.readUInt16BE(6)
      const offset = Number(head.readBigUInt64BE(16))
      const length = head.readUInt32BE(24)
      if (command === Command.disconnect || length > REQUEST_BYTES_MAX) return
      const data = command === Command.write && length > 0 ? yield length : null
      const isAligned = offset % SECTOR_BYTES === 0 && length % SECTOR_BYTES === 0 && offset + length <= this.#bytes
      if (!isAligned) {
        socket.write(reply(head, EINVAL))
        continue
      }
      if (this.#left === 0) yield Infinity
      if (data !== null && this.#write(offset, data)) {
        this.#stopped()
        yield Infinity
      }
      if (command === Command.flush || (flags & FUA) !== 0 || this.#cache.size * SECTOR_BYTES > CACHE_BYTES_MAX) this.#flush()
      socket.write(reply(head, 0))
      if (command === Command.read) socket.write(this.#read(offset, length))
    }
  }

  #export(): Buffer {
    const bytes = Buffer.alloc(10)
    bytes.writeBigUInt64BE(BigInt(this.#bytes))
    bytes.writeUInt16BE(EXPORT_FLAGS, 8)
    return bytes
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    readSync(this.#file, bytes, 0, length, offset)
    if (this.#cache.size === 0) return bytes
    for (let at = 0; at < length; at += SECTOR_BYTES) this.#cache.get((offset + at) / SECTOR_BYTES)?.copy(bytes, at)
    return bytes
  }

  /** True when this was the last one. */
  #write(offset: number, data: Buffer): boolean {
    const bytes = Buffer.from(data) // not the socket's memory
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) this.#cache.set((offset + at) / SECTOR_BYTES, bytes.subarray(at, at + SECTOR_BYTES))
    return this.#left !== null && --this.#left === 0
  }

  /** In the order of the disk: what is beside each other is one write. */
  #flush(): void {
    const sectors = [...this.#cache.keys()].sort((a, b) => a - b)
    for (let i = 0; i < sectors.length; ) {
      let end = i + 1
      while (end < sectors.length && sectors[end] === sectors[end - 1]! + 1) end++
      const bytes = Buffer.concat(sectors.slice(i, end).map((sector) => this.#cache.get(sector)!))
      writeSync(this.#file, bytes, 0, bytes.length, sectors[i]! * SECTOR_BYTES)
      i = end
    }
    this.#cache.clear()
  }
}

function optionReply(option: number, type: number, data = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20)
  head.writeBigUInt64BE(OPTION_REPLY)
  head.writeUInt32BE(option, 8)
  head.writeUInt32BE(type, 12)
  head.writeUInt32BE(data.length, 16)
  return Buffer.concat([head, data])
}

function reply(request: Buffer, error: number): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt32BE(REPLY)
  head.writeUInt32BE(error, 4)
  request.copy(head, 8, 8, 16)
  return head
}
