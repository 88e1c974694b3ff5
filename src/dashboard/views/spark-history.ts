// Sparklines begin with what the gateway has kept, so that they are there when the page is opened.
import { NoAnswer, Refused } from '../parts/api.ts'
import { now } from '../parts/clock.ts'
import { historyList, SERIES_MAX, seriesOf } from '../parts/history.ts'
import { lineOf } from '../parts/series.ts'
import type { Desk } from '../parts/view.ts'

const HISTORY_SEC = 3600
const POINTS = 60
const AGAIN_MS = 300_000

/** Puts what the gateway has kept before what the page has seen; asks rarely, and for what is shown only. */
export class SparkHistory {
  readonly #desk: Desk
  #known: ReadonlySet<string> | null = null
  #nextMs = 0
  #asked = ''

  constructor(desk: Desk) {
    this.#desk = desk
  }

  lead(ids: readonly string[]): void {
    if (ids.length === 0 || (now() < this.#nextMs && ids.join() === this.#asked)) return
    this.#asked = ids.join()
    this.#nextMs = now() + AGAIN_MS
    void this.#load(ids).catch((error: unknown) => {
      if (!(error instanceof NoAnswer || error instanceof Refused)) throw error
      this.#nextMs = 0 // the next round tells when there is an answer again
    })
  }

  async #load(ids: readonly string[]): Promise<void> {
    const { api, recent } = this.#desk
    this.#known ??= new Set((await historyList(api))?.series.map(({ id }) => id) ?? [])
    const known = ids.filter((id) => this.#known!.has(id))
    for (let i = 0; i < known.length; i += SERIES_MAX) for (const series of await seriesOf(api, known.slice(i, i + SERIES_MAX), HISTORY_SEC, POINTS)) recent.lead(series.id, lineOf(series))
  }
}
