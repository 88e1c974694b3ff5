// A store whose commits and reads the test completes by hand, one after the other, as a disk would. Behind it a MemoryStore.
import type { Clock } from '../../src/clock.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { Batch, CommitResult, ReadResult, Snapshot, Store } from '../../src/store/store.ts'

interface Waiting {
  readonly kind: 'commit' | 'read'
  readonly run: () => Promise<unknown>
  readonly resolve: (value: never) => void
}

export class HandStore implements Store {
  bytesWritten = 0
  readonly memory: MemoryStore
  readonly ring: MemoryStore['ring']
  /** Every batch given, in order. */
  readonly batches: Batch[] = []
  /** Commits have no room from now on. */
  full = false
  #waiting: Waiting[] = []

  constructor(clock: Clock) {
    const room = (): number => (this.full ? 0 : 1e9)
    this.memory = new MemoryStore({
      clock,
      get bytesMax() {
        return room()
      },
    })
    this.ring = this.memory.ring
  }

  open(): Promise<Snapshot> {
    return this.memory.open()
  }

  commit(batch: Batch): Promise<CommitResult> {
    this.batches.push(batch)
    return this.#give('commit', () => this.memory.commit(batch))
  }

  read(destination: number, after: number, bytesMax: number): Promise<ReadResult> {
    return this.#give('read', () => this.memory.read(destination, after, bytesMax))
  }

  async close(): Promise<void> {}

  /** What waits to be completed: 'commit' and 'read', oldest first. */
  get waiting(): string[] {
    return this.#waiting.map(({ kind }) => kind)
  }

  /** Completes the oldest, and lets what hears of it run. */
  async complete(): Promise<void> {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) throw new Error('nothing waits for the store')
    waiting.resolve((await waiting.run()) as never)
    await turns()
  }

  /** Completes all there is, and what that brings about, until nothing waits. */
  async completeAll(): Promise<void> {
    await turns()
    while (this.#waiting.length > 0) await this.complete()
  }

  /** Sequences in the segments of batch number `i` (0 is the first given). */
  messagesOf(i: number): number {
    return this.batches[i]!.segments.reduce((n, s) => n + s.count, 0)
  }

  #give<T>(kind: 'commit' | 'read', run: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve) => {
      this.#waiting.push({ kind, run, resolve: resolve as (value: never) => void })
    })
  }
}

/** Lets turns of the event loop end, and what they start. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => void setImmediate(resolve))
}
