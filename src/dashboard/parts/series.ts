// Series of the gateway's history, as the page draws them. Pure.
import type { Line } from './recent.ts'
import type { Series } from './shapes.ts'

/** From its first value to its last: what was not there yet, or not any more, is no gap. */
export function withoutEdges({ id, at, mean, min, max }: Series): Series {
  const isThere = (value: number | null): boolean => value !== null
  const [from, to] = [Math.max(0, mean.findIndex(isThere)), mean.findLastIndex(isThere) + 1]
  return { id, at: at.slice(from, to), mean: mean.slice(from, to), min: min.slice(from, to), max: max.slice(from, to) }
}

export function lineOf({ at, mean }: Series): Line {
  return { at: [...at], values: [...mean] }
}

export function sensorSeries(sensor: string, value: string): string {
  return `sensor/${sensor}/${value}`
}
