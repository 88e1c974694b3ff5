// Which series the next message is of. What followed the last time comes first; most sites have periods, so then those that are due; and what is
// left is named by its number.
import { EVEN, type Mixer } from './probability.ts'
import { Own, type Series, Sets, Shared, type State } from './state.ts'

const OFFERS = 2
/** A series that has not come for so many periods is not offered. */
const PERIODS_SILENT = 3

export class Turn {
  readonly #mixer: Mixer
  readonly #state: State
  readonly #offered: Series[] = []

  constructor(mixer: Mixer, state: State) {
    this.#mixer = mixer
    this.#state = state
  }

  /** Codes whose turn it is; null: a series that is new. */
  code(planned: Series | null): Series | null {
    const { series, last } = this.#state
    this.#offer()
    const follower = last < 0 ? undefined : series[series[last]!.next]
    if (follower !== undefined) {
      const own = series[last]!.counters + (follower === this.#offered[0] ? Own.followsDue : Own.follows)
      if (this.#flag(own, Shared.follows, follower === planned) === 1) return follower
    }
    for (const offered of this.#offered) {
      if (offered !== follower && this.#flag(offered.counters + Own.offered, Shared.offered, offered === planned) === 1) return offered
    }
    return this.#mixer.oneOf([...series, null], planned === null ? series.length : planned.number)
  }

  /** The message was of this one. */
  passed(series: Series): void {
    const state = this.#state
    series.expect()
    if (state.last >= 0) state.series[state.last]!.next = series.number
    state.last = series.number
  }

  /** The first that are due. One that is late by half its period or more is due a period later. */
  #offer(): void {
    const { series, time } = this.#state
    const offered = this.#offered
    offered.length = 0
    for (const it of series) {
      if (it.periodMs <= 0 || time - it.time.last > PERIODS_SILENT * it.periodMs) continue
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
}
