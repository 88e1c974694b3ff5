// Thins out the queues that have reached their limits under keep-latest or thin: which one, how much of it per commit, and what if that
// is not enough.
//
//   over a limit ─► round (round.ts), a step with each commit ─► done: under its limits, or the next round
//        │             ├ would take too little: the oldest go, as with drop-oldest, until an eighth of the queue is new
//        │             └ no room on disk for what stays: the oldest go, until there is
//        └ a quarter more than when it came over: the oldest go as well, however far the round is
//
// One round is under way at a time, for it remembers topics; the queues that wait for it stand over their limits meanwhile. What a step
// may do grows with what its commit brings, so that rounds are faster than any inflow: while a round looks at each message twice, an
// eighth as many come.
import type { Backlog } from './backlog.ts'
import type { Size } from './lane.ts'
import { type OwnLanes, Round, type Work } from './round.ts'
import type { Drop } from './store.ts'

/** A queue that is being thinned out grows by this much at most. */
const GROWTH_MAX = 1.25
const PACE = 8
/** A step of a small commit: about 10 ms. */
const ROWS_MIN = 1024
const BYTES_MIN = 512 * 1024
/** A step of a large one: about 100 ms, as the commit itself. */
const ROWS_MAX = 4096
const BYTES_MAX = 8 * 1024 * 1024

export class Thinning {
  readonly #own: OwnLanes
  #round: Round | null = null
  /** How far each queue that is over its limits may grow. */
  readonly #ceilings = new Map<Backlog, Size>()
  /** Queues for which a round was not worth it, and how many messages must come before the next one. */
  readonly #waits = new Map<Backlog, number>()

  constructor(own: OwnLanes) {
    this.#own = own
  }

  /** A round goes on with the next commit, whatever that brings. */
  get underWay(): boolean {
    return this.#round !== null
  }

  /** So many messages came to `queue`. */
  came(queue: Backlog, count: number): void {
    const wait = this.#waits.get(queue)
    if (wait === undefined) return
    if (wait > count) this.#waits.set(queue, wait - count)
    else this.#waits.delete(queue)
  }

  /** The queue is under its limits. */
  isUnder(queue: Backlog): void {
    this.#ceilings.delete(queue)
  }

  /** The queue is gone, or what goes first has changed. */
  forget(queue: Backlog): void {
    if (this.#round?.queue === queue) this.#round = null
    this.#ceilings.delete(queue)
    this.#waits.delete(queue)
  }

  /** Does a commit's part for `queues`, which are over their limits. `brought` is what the commit has stored. */
  run(queues: Iterable<Backlog>, brought: { rows: number; bytes: number }, room: number, batchFirst: number, drops: Drop[]): void {
    const work: Work = {
      rows: Math.min(Math.max(ROWS_MIN, PACE * brought.rows), ROWS_MAX),
      bytes: Math.min(Math.max(BYTES_MIN, PACE * brought.bytes), BYTES_MAX),
      room,
    }
    if (this.#round !== null) this.#shorten(this.#round.queue, work, batchFirst, drops)
    for (const queue of queues) {
      const { count, bytes } = this.#ceilingOf(queue)
      if (this.#round === null) this.#shorten(queue, work, batchFirst, drops)
      queue.limit(count, bytes, batchFirst, drops)
    }
  }

  #ceilingOf(queue: Backlog): Size {
    let ceiling = this.#ceilings.get(queue)
    if (ceiling === undefined) {
      const { countMax, bytesMax } = queue.row.limits
      ceiling = { count: GROWTH_MAX * Math.max(countMax, queue.count), bytes: GROWTH_MAX * Math.max(bytesMax, queue.bytes) }
      this.#ceilings.set(queue, ceiling)
    }
    return ceiling
  }

  /** Ends the round that is under way, and begins others until the queue is under its limits: as far as `work` goes. */
  #shorten(queue: Backlog, work: Work, batchFirst: number, drops: Drop[]): void {
    while (work.rows > 0 && work.bytes > 0) {
      if (this.#round === null) {
        const by = queue.over
        if (by === null) return
        if (this.#waits.has(queue)) {
          dropOldest(queue, batchFirst, drops)
          return
        }
        this.#round = new Round(queue, by, this.#own)
      }
      const end = this.#round.step(work, drops)
      if (end === 'more') return
      if (end !== 'no room') this.#round = null
      if (end === 'done') continue
      const wait = queue.count >> 3
      if (end === 'worthless' && wait > 0) this.#waits.set(queue, wait)
      dropOldest(queue, batchFirst, drops)
      return
    }
  }
}

function dropOldest(queue: Backlog, batchFirst: number, drops: Drop[]): void {
  const { countMax, bytesMax } = queue.row.limits
  queue.limit(countMax, bytesMax, batchFirst, drops)
}
