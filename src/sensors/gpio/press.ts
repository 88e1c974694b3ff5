// How long a button was held. Pure: edges in, a press out when it ends.
// Rules: a press that was not seen to begin is none, nor is one of which edges are missing: its length would be invented.
import type { Edge } from '../../gpio/lines.ts'

export interface Press {
  readonly seconds: number
  readonly long: boolean
}

export class Presses {
  readonly #longMs: number
  /** When it was pressed; null while it is not, or nobody knows. */
  #sinceMs: number | null = null

  /** Infinity: none is long. */
  constructor(longMs: number) {
    this.#longMs = longMs
  }

  /** The press that ends with this edge; null when none does. */
  on({ rising, atMs }: Edge): Press | null {
    const sinceMs = this.#sinceMs
    this.#sinceMs = rising ? atMs : null
    if (rising || sinceMs === null) return null
    const ms = Math.max(0, atMs - sinceMs)
    return { seconds: Math.round(ms) / 1000, long: ms >= this.#longMs }
  }

  /** Edges were missed, or the line was away. */
  forget(): void {
    this.#sinceMs = null
  }
}
