// A store that takes its time, may be full for a while, and keeps over a crash exactly what it has committed. Behind the
// crashing gateway stands one MemoryStore; each run of the gateway gets a `SimStore` of its own to it.
import type { Clock } from '../../src/clock.ts'
import type { Shelf } from '../../src/shelf.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { Batch, CommitResult, ReadResult, Snapshot, Store } from '../../src/store/store.ts'
import type { Random } from './random.ts'

/** What survives crashes. */
export class Disk {
  full = false
  stalledUntilMs = 0
  readonly memory: MemoryStore
  readonly clock: Clock
  readonly random: Random
  /** Of the shelf of each uplink. */
  readonly files = new Map<string, Map<string, Buffer>>()
  /** Messages that a limit took, whoever heard of it. */
  dropped = 0
  /** MemoryStore remembers idle audiences over a reopening, SQLite does not: their numbers must not come again. */
  lastAudience = 0

  constructor(clock: Clock, random: Random) {
    this.clock = clock
    this.random = random
    const room = (): number => (this.full ? 0 : 1e9)
    this.memory = new MemoryStore({
      clock,
      get bytesMax() {
        return room()
      },
    })
  }
}

interface Operation {
  readonly run: () => Promise<unknown>
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

export class SimStore implements Store {
  readonly bytesWritten = 0
  readonly ring: MemoryStore['ring']
  readonly #disk: Disk
  #waiting: Operation[] = []
  #busy = false
  #dead = false

  constructor(disk: Disk) {
    this.#disk = disk
    this.ring = disk.memory.ring
  }

  async open(): Promise<Snapshot> {
    const snapshot = await this.#disk.memory.open()
    const { lastAudience } = this.#disk
    return { ...snapshot, audiences: [...snapshot.audiences, { id: lastAudience, members: [] }] }
  }

  commit(batch: Batch): Promise<CommitResult> {
    for (const audience of batch.audiences) this.#disk.lastAudience = Math.max(this.#disk.lastAudience, audience.id)
    return this.#give(async () => {
      const result = await this.#disk.memory.commit(batch)
      for (const { count } of result.drops) this.#disk.dropped += count
      return result
    })
  }

  read(destination: number, after: number, bytesMax: number): Promise<ReadResult> {
    return this.#give(() => this.#disk.memory.read(destination, after, bytesMax))
  }

  async close(): Promise<void> {}

  /** The process is killed: what was given may have been done or not, and no answer comes any more. */
  kill(): void {
    this.#dead = true
    if (this.#disk.random.chance(0.5)) {
      const operation = this.#waiting[0]
      if (operation !== undefined) void operation.run().catch(() => {})
    }
    this.#waiting = []
  }

  #give<T>(run: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#dead) return
      this.#waiting.push({ run, resolve: resolve as (value: never) => void, reject })
      if (!this.#busy) this.#next()
    })
  }

  #next(): void {
    const operation = this.#waiting[0]
    this.#busy = operation !== undefined
    if (operation === undefined) return
    const { clock, random, stalledUntilMs } = this.#disk
    const takesMs = random.chance(0.1) ? random.int(5, 60) : random.next() * 3
    clock.after(Math.max(0, stalledUntilMs - clock.now()) + takesMs, () => {
      if (this.#dead) return
      this.#waiting.shift()
      operation.run().then(operation.resolve as (value: unknown) => void, operation.reject)
      this.#next()
    })
  }
}

/** An uplink's files: each is written whole or not at all, and takes its time. */
export class SimShelf implements Shelf {
  readonly #disk: Disk
  readonly #files: Map<string, Buffer>
  #dead = false

  constructor(disk: Disk, uplink: string) {
    this.#disk = disk
    const files = disk.files.get(uplink) ?? new Map<string, Buffer>()
    disk.files.set(uplink, files)
    this.#files = files
  }

  async names(): Promise<readonly string[]> {
    return [...this.#files.keys()]
  }

  async read(name: string): Promise<Buffer | null> {
    return this.#files.get(name) ?? null
  }

  write(name: string, bytes: Uint8Array): Promise<void> {
    const kept = Buffer.from(bytes)
    return this.#later(() => void this.#files.set(name, kept))
  }

  remove(name: string): Promise<void> {
    return this.#later(() => void this.#files.delete(name))
  }

  /** What is under way does not happen any more. */
  kill(): void {
    this.#dead = true
  }

  #later(run: () => void): Promise<void> {
    const { clock, random, stalledUntilMs } = this.#disk
    return new Promise((resolve) => {
      clock.after(Math.max(0, stalledUntilMs - clock.now()) + random.next() * 8, () => {
        if (this.#dead) return
        run()
        resolve()
      })
    })
  }
}
