// Raw values → values: conversion, rounding, range. Pure.
// Rules: only numbers are converted, rounded and checked against a range; true, false and texts stay as they are. What a conversion does not
// make a finite number of is null, as if the source had given none.
import type { ConvertConfig, ValueConfig } from '../../config/config.ts'
import type { Raw } from '../sensor.ts'

/** A value as it is published. */
export interface Value {
  readonly name: string
  readonly value: Raw
  readonly unit: string | null
  readonly isInRange: boolean
}

/** Of a fraction: no sensor has more, and 21.400000000000002 costs bytes on the link. Whole numbers, which may be times or totals, keep all. */
const DIGITS = 12

export class Shape {
  readonly config: ValueConfig
  readonly #convert: (raw: number) => number

  constructor(config: ValueConfig) {
    this.config = config
    this.#convert = converter(config.convert)
  }

  /** `raw` in the source's terms, and `own` the unit that it has there: a converted value has another one. */
  shape(raw: Raw, own: string | null = null): Value {
    const { name, convert } = this.config
    const unit = this.config.unit ?? (convert === null ? own : null)
    if (typeof raw !== 'number') return { name, value: raw, unit, isInRange: true }
    const value = this.round(this.#convert(raw))
    return { name, value, unit, isInRange: value === null || this.isInRange(value) }
  }

  isInRange(value: number): boolean {
    const { range } = this.config
    return range === null || (value >= range.min && value <= range.max)
  }

  /** null for what is no finite number. */
  round(value: number): number | null {
    if (!Number.isFinite(value)) return null
    const { decimals } = this.config
    if (Number.isInteger(value)) return value === 0 ? 0 : value
    const rounded = Number(decimals === null ? value.toPrecision(DIGITS) : value.toFixed(decimals))
    return rounded === 0 ? 0 : rounded // no -0
  }
}

/** A field that the configuration does not name: as it is, under its own name. */
export function plainShape(name: string): Shape {
  return new Shape({ name, from: name, convert: null, unit: null, range: null, decimals: null, deadband: null, of: 'last' })
}

export function converter(convert: ConvertConfig | null): (raw: number) => number {
  if (convert === null) return (raw) => raw
  switch (convert.kind) {
    case 'linear':
      return (raw) => raw * convert.scale + convert.offset
    case 'polynomial':
      return (raw) => convert.coefficients.reduceRight((sum, coefficient) => sum * raw + coefficient, 0)
    case 'table':
      return (raw) => lookUp(convert.points, raw)
  }
}

/** `points` ascend in raw. */
function lookUp(points: readonly (readonly [raw: number, value: number])[], raw: number): number {
  const next = points.findIndex(([at]) => at >= raw)
  if (next === 0) return points[0]![1]
  if (next < 0) return points.at(-1)![1]
  const [rawBefore, before] = points[next - 1]!
  const [rawAfter, after] = points[next]!
  return before + ((raw - rawBefore) / (rawAfter - rawBefore)) * (after - before)
}
