// What the page has seen itself since it was opened: lines of figures, bounded. Where the gateway keeps a history, this only goes on from it.

const POINTS_MAX = 600
const LINES_MAX = 300

export interface Line {
  /** Seconds since 1970, ascending. */
  readonly at: number[]
  readonly values: (number | null)[]
}

export class Recent {
  readonly #lines = new Map<string, Line>()

  /** A point that is there already, or older than the last one, changes nothing. */
  add(id: string, atSec: number, value: number | null): void {
    let line = this.#lines.get(id)
    if (line === undefined) {
      if (this.#lines.size >= LINES_MAX) return
      this.#lines.set(id, (line = { at: [], values: [] }))
    }
    if (atSec <= (line.at.at(-1) ?? -Infinity)) return
    line.at.push(atSec)
    line.values.push(value)
    if (line.at.length > POINTS_MAX) {
      line.at.shift()
      line.values.shift()
    }
  }

  of(id: string): Line {
    return this.#lines.get(id) ?? { at: [], values: [] }
  }

  /** What the gateway has kept of it, before what was seen here. */
  lead(id: string, before: Line): void {
    const seen = this.of(id)
    const since = seen.at[0] ?? Infinity
    const older = before.at.findIndex((at) => at >= since)
    const kept = older === -1 ? before.at.length : older
    const at = [...before.at.slice(0, kept), ...seen.at].slice(-POINTS_MAX)
    const values = [...before.values.slice(0, kept), ...seen.values].slice(-POINTS_MAX)
    this.#lines.set(id, { at, values })
  }
}
