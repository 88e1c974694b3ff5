// A device of a recording.
import type { Noise } from '../noise.ts'

/** When every recording begins: an autumn morning. */
export const START_MS = Date.UTC(2026, 10, 21, 6)

/** When it publishes next is its own affair. */
export interface Device {
  readonly topic: string
  readonly periodMs: number
  /** Its payload at this time of the recording; null when it has nothing to say. */
  read(atSec: number, noise: Noise): string | null
}
