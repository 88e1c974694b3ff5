// Thins out the queues that have reached their limit under keep-latest or thin: which one, how much of it per commit, and what if that
// is not enough.
//
//   over its limit ─► round (round.ts), a step with each commit ─► done: under the limit, or the next round
//        │                 └ would take too little: the oldest go, as with drop-oldest, until an eighth of the queue is new
//        └ a quarter over it: the oldest go as well, however far the round is
//
// One round is under way at a time, for it remembers topics; the queues that wait for it stand over their limits meanwhile. What a step
// may do grows with what its commit brings, so that rounds are faster than any inflow: messages are looked at twice, at most, while
// an eighth as many come.
import type { Backlog } from './backlog.ts'
import { type OwnLanes, Round, type Work } from './round.ts'
import type { Drop } from './store.ts'

/** A queue stands over its limits by this much, at most, while it is thinned out. */
const OVER_MAX = 1.25
const PACE = 8
/** A step of a small commit: about 10 ms. */
const ROWS_MIN = 512
const BYTES_MIN = 512 * 1024
/** A step of a large one: about 100 ms, as the commit itself. */
const ROWS_MAX = 4096
const BYTES_MAX = 8 * 1024 * 1024

export class Thinning {
  readonly #own: OwnLanes
  #round: Round | null = null
  /** Queues that a round was worthless for, and how many messages must come before the next one. */
  readonly #worthless = new WeakMap<Backlog, { count: number }>()

  constructor(own: OwnLanes) {
    this.#own = own
  }

  /** A round goes on with the next commit, whatever that brings. */
  get underWay(): boolean {
    return this.#round !== null
  }

  /** So many messages came to `queue`. */
  came(queue: Backlog, count: number): void {
    const wait = this.#worthless.get(queue)
    if (wait !== undefined) wait.count -= count
  }

  /** The queue is gone, or what goes first has changed. */
  forget(queue: Backlog): void {
    if (this.#round?.queue === queue) this.#round = null
    this.#worthless.delete(queue)
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
      if (this.#round === null) this.#shorten(queue, work, batchFirst, drops)
      if (queue.over !== null) queue.limit(batchFirst, drops, OVER_MAX)
    }
  }

  /** Ends the round that is under way, and begins others until the queue is under its limits: as far as `work` goes. */
  #shorten(queue: Backlog, work: Work, batchFirst: number, drops: Drop[]): void {
    while (work.rows > 0 && work.bytes > 0) {
      const by = queue.over
      if (this.#round === null) {
        if (by === null) return
        if ((this.#worthless.get(queue)?.count ?? 0) > 0) {
          queue.limit(batchFirst, drops)
          return
        }
        this.#round = new Round(queue, by, this.#own)
      }
      const end = this.#round.step(work, drops)
      if (end === 'more') return
      this.#round = null
      if (end === 'done') continue
      this.#worthless.set(queue, { count: queue.count >> 3 })
      queue.limit(batchFirst, drops)
      return
    }
  }
}
