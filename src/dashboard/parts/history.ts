// What the gateway has kept of figures over time. A gateway without a history answers 404: then there is what the page has seen itself.
import { type Api, Refused } from './api.ts'
import { withoutEdges } from './series.ts'
import type { HistoryList, Series, SeriesAnswer } from './shapes.ts'

/** In one question. */
export const SERIES_MAX = 8

/** null: there is no history here. */
export async function historyList(api: Api): Promise<HistoryList | null> {
  try {
    return await api.ask<HistoryList>('GET', '/history')
  } catch (error) {
    if (error instanceof Refused) return null
    throw error
  }
}

/** Of SERIES_MAX at most; those that are not there are left out. */
export async function seriesOf(api: Api, ids: readonly string[], forSec: number, points: number): Promise<readonly Series[]> {
  const wanted = ids.slice(0, SERIES_MAX)
  if (wanted.length === 0) return []
  const query = wanted.map((id) => `id=${encodeURIComponent(id)}`).join('&')
  return (await api.ask<SeriesAnswer>('GET', `/history/series?${query}&forSec=${forSec}&points=${points}`)).series.map(withoutEdges)
}
