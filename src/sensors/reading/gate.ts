// Whether a reading says something new: `onChange` and `deadband`.
// Rules:
// - Each value is held against what was published of it last, not against what was read last: a slow drift adds up until it is published.
// - With a deadband anywhere, values without one are new when they differ at all.
// - Another quality is always news, and so is a value that was never published.
import type { DeadbandConfig, ReadingConfig } from '../../config/config.ts'
import type { Raw } from '../sensor.ts'
import type { Reading } from './reading.ts'

export class Gate {
  readonly #deadbands: ReadonlyMap<string, DeadbandConfig | null>
  readonly #common: DeadbandConfig | null
  readonly #isOpen: boolean
  readonly #published = new Map<string, Raw>()
  #quality: Reading['quality'] | null = null

  constructor(config: ReadingConfig) {
    this.#common = config.deadband
    this.#deadbands = new Map((config.values ?? []).map(({ name, deadband }) => [name, deadband]))
    this.#isOpen = !config.onChange && config.deadband === null && ![...this.#deadbands.values()].some((deadband) => deadband !== null)
  }

  isNews({ values, quality }: Reading): boolean {
    if (this.#isOpen || quality !== this.#quality) return true
    return values.some(({ name, value }) => {
      const before = this.#published.get(name)
      return before === undefined || isBeyond(before, value, this.#deadbands.get(name) ?? this.#common)
    })
  }

  published({ values, quality }: Reading): void {
    this.#quality = quality
    for (const { name, value } of values) this.#published.set(name, value)
  }
}

function isBeyond(before: Raw, value: Raw, deadband: DeadbandConfig | null): boolean {
  if (deadband === null || typeof before !== 'number' || typeof value !== 'number') return before !== value
  return Math.abs(value - before) > (deadband.kind === 'absolute' ? deadband.by : Math.abs(before) * deadband.by)
}
