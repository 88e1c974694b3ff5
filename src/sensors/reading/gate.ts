// Whether a reading says something new: `onChange` and `deadband`.
// Rules:
// - Each value is held against what was published of it last, not against what was read last: a slow drift adds up until it is published.
// - With a deadband anywhere, values without one are new when they differ at all.
// - Another quality of a value is always news, and so is a value that was never published. Each has its own: what is read apart does not
//   make the others news.
import type { DeadbandConfig, ReadingConfig } from '../../config/config.ts'
import type { Raw } from '../sensor.ts'
import { type Quality, qualityOf, type Reading } from './reading.ts'

export class Gate {
  readonly #deadbands: ReadonlyMap<string, DeadbandConfig | null>
  readonly #common: DeadbandConfig | null
  readonly #isOpen: boolean
  readonly #published = new Map<string, { readonly value: Raw; readonly quality: Quality }>()

  constructor(config: ReadingConfig) {
    this.#common = config.deadband
    this.#deadbands = new Map((config.values ?? []).map(({ name, deadband }) => [name, deadband]))
    this.#isOpen = !config.onChange && config.deadband === null && ![...this.#deadbands.values()].some((deadband) => deadband !== null)
  }

  isNews(reading: Reading): boolean {
    const { values } = reading
    if (this.#isOpen || values.length === 0) return true
    return values.some((value) => {
      const before = this.#published.get(value.name)
      return before === undefined || before.quality !== qualityOf(value, reading) || isBeyond(before.value, value.value, this.#deadbands.get(value.name) ?? this.#common)
    })
  }

  published(reading: Reading): void {
    for (const value of reading.values) this.#published.set(value.name, { value: value.value, quality: qualityOf(value, reading) })
  }
}

function isBeyond(before: Raw, value: Raw, deadband: DeadbandConfig | null): boolean {
  if (deadband === null || typeof before !== 'number' || typeof value !== 'number') return before !== value
  return Math.abs(value - before) > (deadband.kind === 'absolute' ? deadband.by : Math.abs(before) * deadband.by)
}
