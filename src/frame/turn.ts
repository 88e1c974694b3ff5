// Which series the next message is of. Most sites have periods: those that are due first are offered first, then the one that followed the last
// time, and what is left is named by its number.
import { FrameError } from './error.ts'
import { Counters, EVEN, type Mixer } from './probability.ts'
import { type Series, SERIES_MAX, Sets, Shared, type State } from './state.ts'

const OFFERS = 3
/** Among a series' own counters: what followed it follows again, when that is the first that is due, and when it is not. */
const FOLLOWS_DUE = 3
const FOLLOWS = 7
const TRUST_MAX = 3
/** One that came without having been offered. */
const TRUST_AGAIN = 2
/** Counters for numbers: their bits, and those bits after a certain series. */
const NAMES = 2 * SERIES_MAX

export class Turn {
  readonly #mixer: Mixer
  readonly #state: State
  readonly #offered: Series[] = []
  /** Made for the first that has to be named. */
  #names: Counters | null = null

  constructor(mixer: Mixer, state: State) {
    this.#mixer = mixer
    this.#state = state
  }

  /** Codes whose turn it is; null: a series that is new. */
  code(planned: Series | null): Series | null {
    const { series, last } = this.#state
    this.#offer()
    const successor = last < 0 ? undefined : series[series[last]!.next]
    if (successor !== undefined) {
      const rank = this.#offered.indexOf(successor)
      const own = series[last]!.counters + (rank === 0 ? FOLLOWS_DUE : FOLLOWS)
      if (this.#flag(own, Shared.offers + OFFERS * 4 + rank + 1, successor === planned) === 1) return successor
    }
    for (const [rank, offered] of this.#offered.entries()) {
      if (offered === successor || this.#flag(offered.counters + rank, Shared.offers + rank * 4 + offered.trust, offered === planned) === 0) continue
      offered.trust = TRUST_MAX
      return offered
    }
    const number = this.#name(planned === null ? series.length : planned.number)
    return series[number] ?? null
  }

  /** The message was of this one. */
  passed(series: Series): void {
    const state = this.#state
    for (const it of this.#offered) if (it !== series && 8 * (series.time.last - it.dueMs) > it.periodMs) it.trust--
    series.expect()
    series.trust = Math.max(series.trust, TRUST_AGAIN)
    if (state.last >= 0) state.series[state.last]!.next = series.number
    state.last = series.number
  }

  /** The first that are due. One that is late by half its period or more is due a period later. */
  #offer(): void {
    const { series, time } = this.#state
    const offered = this.#offered
    offered.length = 0
    for (const it of series) {
      if (it.trust === 0 || it.periodMs <= 0) continue
      if (2 * (time - it.dueMs) >= it.periodMs) it.dueMs += Math.floor((2 * (time - it.dueMs) + it.periodMs) / (2 * it.periodMs)) * it.periodMs
      let at = offered.length
      while (at > 0 && it.dueMs < offered[at - 1]!.dueMs) at--
      if (at === OFFERS) continue
      offered.splice(at, 0, it)
      if (offered.length > OFFERS) offered.length = OFFERS
    }
  }

  #flag(own: number, shared: number, is: boolean): number {
    const { contexts } = this.#mixer
    contexts[0] = own
    contexts[1] = shared
    return this.#mixer.code(is ? 1 : 0, EVEN, this.#state.counters, 2, Sets.offers)
  }

  /** Codes a number up to that of series, which stands for a new one. */
  #name(number: number): number {
    const { series, last } = this.#state
    if (series.length === 0) return 0
    this.#names ??= new Counters(2 * NAMES)
    const { contexts } = this.#mixer
    let part = 1
    for (let bit = Math.floor(Math.log2(series.length)); bit >= 0; bit--) {
      contexts[0] = part
      contexts[1] = NAMES + ((part * 31 + (last + 1) * 1021) % NAMES)
      part = part * 2 + this.#mixer.code((number >> bit) & 1, EVEN, this.#names, 2, Sets.names)
    }
    const coded = part - 2 ** (Math.floor(Math.log2(series.length)) + 1)
    if (coded > series.length) throw new FrameError(`the frame names series ${coded} of ${series.length}`)
    return coded
  }
}
