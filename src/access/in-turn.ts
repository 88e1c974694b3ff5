// Work that takes time on other threads, a few pieces at once, the others in line: what checks proofs must leave room for everything else.
import { Fifo } from '../fifo.ts'
import { LimitExceeded, Reason } from '../mqtt/reason.ts'

export class InTurn {
  readonly #atOnceMax: number
  readonly #waitingMax: number
  readonly #waiting = new Fifo<() => void>()
  #running = 0

  constructor(atOnceMax: number, waitingMax: number) {
    this.#atOnceMax = atOnceMax
    this.#waitingMax = waitingMax
  }

  /** Rejects with LimitExceeded 0x89 when too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnceMax) {
      if (this.#waiting.length >= this.#waitingMax) throw busy('too many proofs wait to be checked')
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.push(resolve)
      await promise // with it comes the place of the one that is done
    } else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

/** There is no time for it now: the client may come again. */
export function busy(why: string): LimitExceeded {
  return new LimitExceeded('refusedLoginsBusy', Reason.serverBusy, why)
}
