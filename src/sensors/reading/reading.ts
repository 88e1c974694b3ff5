// A reading: what is told of a sensor at one moment.
import type { Value } from './shape.ts'

/** out-of-range: a value is beyond its range. stale: nothing has been read for too long. gone: the sensor cannot be read; its values are null. */
export type Quality = 'good' | 'out-of-range' | 'stale' | 'gone'

export interface Reading {
  readonly values: readonly Value[]
  readonly quality: Quality
  /** When the last of it was read (Clock.now). */
  readonly atMs: number
}

/** Of one of its values: beside one that is out of range the others are good. */
export function qualityOf(value: Value, { quality }: Reading): Quality {
  return quality === 'out-of-range' && value.isInRange ? 'good' : quality
}

export function readingOf(values: readonly Value[], atMs: number): Reading {
  return { values, quality: values.every(({ isInRange }) => isInRange) ? 'good' : 'out-of-range', atMs }
}
